// What goes on in the cluster after a verb has been answered, as the namenode tells it piece by
// piece: the copies of a file's blocks, blocks that need something, rounds of the scrubber.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "client/client_context.hpp"
#include "client/cluster_status.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

// Of all blocks of the file.
Result<FileCopies> count_copies(ClientContext& context, const std::string& path);

// Gives each block that is not as it should be to `take`, in order of id. Waits before that, for as
// long as for an answer, until all datanodes have told the namenode what they hold; what is still
// outstanding then is returned, in words, as some blocks may be missing for nothing but that.
Result<std::string> check_blocks(ClientContext& context,
                                 const std::function<void(const BlockProblem&)>& take);

// Has the datanodes check their replicas; with `wait` until all that live have done so.
Result<std::vector<NodeScrub>> scrub(ClientContext& context, bool wait,
                                     const FileSystem::ScrubProgress& progress);
Result<std::vector<NodeScrub>> scrub_state(ClientContext& context);

}  // namespace minidfs::client
