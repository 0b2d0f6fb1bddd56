// Reads a file that is for its owner's eyes only.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace minidfs::auth {

// The whole text of it. `what` is what should stand there, for errors: "secret". kPermissionDenied
// for a file that others may use, kInvalidArgument for what is no regular file, kTooLarge; all name
// the file. The caller wipes what it has no more use for.
Result<std::string> read_private_file(const std::string& path, const std::string& what,
                                      std::uint64_t bytes_max);

}  // namespace minidfs::auth
