// What applied changes of the namespace mean for others: the only source of who owns a block. Every
// namenode derives the same effects from the same entries.
#pragma once

#include <cstdint>
#include <vector>

#include "metadata/types.hpp"

namespace minidfs::metadata {

struct BlockEffect {
  enum class Kind : std::uint8_t {
    kAdded,       // Now belongs to a file.
    kFreed,       // Belongs to no file any more.
    kRetargeted,  // Has another wanted number of copies.
  };
  Kind kind = Kind::kAdded;
  Block block;
  std::uint8_t replication = 0;  // Wanted copies; of a freed block those of its last file.

  friend bool operator==(const BlockEffect&, const BlockEffect&) = default;
};

// A write session has a staged file from now on, or none any more.
struct StagingEffect {
  std::uint64_t session = 0;
  ClientId client;
  bool staged = false;

  friend bool operator==(const StagingEffect&, const StagingEffect&) = default;
};

struct NamespaceEffects {
  std::uint64_t applied = 0;        // The last change that is in it.
  std::vector<BlockEffect> blocks;  // In the order of the changes: the last one of a block holds.
  std::vector<NodeAdmin> node_admins;
  std::vector<StagingEffect> stagings;  // In the order of the changes.
  // What applied changes have left undone: removed files or directories whose blocks belong to
  // files still, files whose blocks have not all their wanted copies yet. PurgeRemoved entries are
  // to be proposed until this is false.
  bool purge_left = false;
  // The whole namespace is that of another namenode from here on: what was known of it, from
  // effects or by asking, counts for nothing. Comes alone.
  bool replaced = false;
};

}  // namespace minidfs::metadata
