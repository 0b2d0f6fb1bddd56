// How many files and sockets this process may have open at a time.
#pragma once

#include <cstddef>

namespace minidfs {

// Raises the soft limit of open descriptors to the hard one, as far as the system allows it.
// Returns the limit that holds from now on; "unlimited" counts as kDescriptorsMax.
std::size_t raise_descriptor_limit();

// More than any share of ours; what a process may have beyond it stays unused.
inline constexpr std::size_t kDescriptorsMax = 1U << 20U;

}  // namespace minidfs
