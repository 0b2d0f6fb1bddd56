// Which namenode speaks: the life of a namespace and the leadership within it. Orders to datanodes
// carry it, so that those of an earlier leadership are recognized.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace minidfs::metadata {

// One history of a namespace. A namespace that was put back from a backup lives another life: what
// happened after the backup was taken is not a part of it.
struct LifeIdTag;
using LifeId = Id128<LifeIdTag>;

// Leaderships count up within one life; those of different lives cannot be compared, which is why
// this type has no order of its own.
struct Epoch {
  LifeId life;
  std::uint64_t leadership = 0;  // 0 before the first one was logged.

  // Whether this is a later leadership than `other` of the same life.
  bool follows(const Epoch& other) const {
    return life == other.life && leadership > other.leadership;
  }

  friend bool operator==(const Epoch&, const Epoch&) = default;
};

// What a datanode remembers of its namespace, also on disk (storage/blocks/datanode_epoch.hpp).
struct KnownEpoch {
  Epoch epoch;
  std::uint64_t change = 0;  // The newest that a namenode of this life has told.

  friend bool operator==(const KnownEpoch&, const KnownEpoch&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Epoch& x) {
  return f(x.life, x.leadership);
}

}  // namespace minidfs::metadata
