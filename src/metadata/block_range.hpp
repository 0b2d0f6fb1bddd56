// A run of neighbouring block ids. It says nothing about who owns or was given them.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace minidfs::metadata {

// Block ids first, first + 1, … first + count - 1.
struct BlockRange {
  BlockId first;
  std::uint64_t count = 0;

  friend bool operator==(const BlockRange&, const BlockRange&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BlockRange& x) {
  return f(x.first, x.count);
}

}  // namespace minidfs::metadata
