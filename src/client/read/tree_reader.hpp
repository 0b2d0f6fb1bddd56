// Copies a file, or a directory with everything below it, to the local file system. Many small
// files share a connection, over which they are asked for without waiting.
#pragma once

#include <string>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"

namespace minidfs::client {

// As FileSystem::read_tree(). The parent of `local_path` must exist.
Status read_whole_tree(ClientContext& context, const std::string& path,
                       const std::string& local_path, const ReadOptions& options,
                       ProgressMeter& progress);

}  // namespace minidfs::client
