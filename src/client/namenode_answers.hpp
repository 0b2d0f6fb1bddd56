// What the namenode's answers say, for those who block and those who do not. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/client_messages.hpp"
#include "base/result.hpp"
#include "metadata/changes.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

// Adds the entries of a page to `files`.
Status decode_page(const actors::ListReply& page, std::vector<metadata::FileStatus>& files);

// The outcome of a change that has one, such as an inode's id. `path` goes in front of its error
// unless it is empty.
Result<std::uint64_t> only_outcome(const Result<metadata::ChangeReply>& reply,
                                   const std::string& path);

}  // namespace minidfs::client
