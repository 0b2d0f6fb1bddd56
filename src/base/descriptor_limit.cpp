#include "base/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace minidfs {

std::size_t raise_descriptor_limit() {
  constexpr std::size_t kUsual = 1024;  // When the system does not tell.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUsual;
  // An unlimited soft limit is refused where a sysctl bounds it, a finite one is not.
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kDescriptorsMax);
  if (limit.rlim_cur < wanted) {
    const rlimit raised{wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = wanted;
  }
  return std::min<rlim_t>(limit.rlim_cur, kDescriptorsMax);
}

}  // namespace minidfs
