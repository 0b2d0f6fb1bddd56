// Paths of files, of this machine's and of the namespace: both are names with slashes between them.
#pragma once

#include <string>
#include <string_view>

namespace minidfs {

// `directory`/`name`, with exactly one slash between them; the name alone without a directory.
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace minidfs
