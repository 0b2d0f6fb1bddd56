// The threads of the test itself.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace minidfs::test {

inline std::ptrdiff_t threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

}  // namespace minidfs::test
