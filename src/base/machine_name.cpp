#include "base/machine_name.hpp"

#include <limits.h>
#include <unistd.h>

#include <array>

namespace minidfs {

std::string machine_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace minidfs
