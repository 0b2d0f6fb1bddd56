// The replicas on a datanode's disk: whose bytes they really are, and whether they would survive
// the loss of power. A disk may be slow, hang, or lie about what it has synced.
#pragma once

#include <cstdint>
#include <map>

#include "base/ids.hpp"
#include "metadata/types.hpp"

namespace minidfs::sim {

// Stands for the bytes of one block as one writer sent them; never given twice.
using Content = std::uint64_t;

struct StoredReplica {
  metadata::Block block;
  Content content = 0;
  bool synced = false;  // Truly.
};

struct Disk {
  std::map<BlockId, StoredReplica> replicas;
  bool slow = false;
  bool hangs = false;  // Nothing that was begun ends before it works again.
  bool lies = false;   // Says that it has synced and has not.
};

}  // namespace minidfs::sim
