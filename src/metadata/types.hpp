// The plain structs of the namespace and of blocks, shared by the log, the database, the control
// messages and the client. They own nothing but their values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace minidfs::metadata {

// Persisted and sent: do not renumber.
enum class FileKind : std::uint8_t { kDirectory = 1, kFile = 2 };

// A block as the namespace knows it: which bytes of which generation make a part of a file.
struct Block {
  BlockId id;
  std::uint64_t generation = 0;
  std::uint64_t length = 0;  // Bytes of the file, before compression.

  friend bool operator==(const Block&, const Block&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Block& x) {
  return f(x.id, x.generation, x.length);
}

// One file or directory as `stat` and `ls` see it.
struct FileStatus {
  std::string name;  // Last component; empty for the root.
  InodeId id;
  FileKind kind = FileKind::kFile;
  std::uint64_t length = 0;      // 0 for directories.
  std::uint16_t permission = 0;  // 0 to 01777.
  std::string owner;
  std::string group;
  std::int64_t modified_ms = 0;  // Since the Unix epoch.
  std::int64_t accessed_ms = 0;  // 0 for directories.
  std::uint64_t block_size = 0;  // 0 for directories.
  std::uint8_t replication = 0;  // Wanted copies; 0 for directories.
  std::string compression;       // "none", "zstd", "zstd:L" or "auto"; empty for directories.
  std::uint32_t children = 0;    // Entries of a directory.

  friend bool operator==(const FileStatus&, const FileStatus&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, FileStatus& x) {
  return f(x.name, x.id, x.kind, x.length, x.permission, x.owner, x.group, x.modified_ms,
           x.accessed_ms, x.block_size, x.replication, x.compression, x.children);
}

// What an operator has decided about a datanode. Persisted and sent: do not renumber.
enum class AdminState : std::uint8_t {
  kInService = 0,
  kDecommissioning = 1,  // Its replicas are sources but no longer count as copies.
  kDecommissioned = 2,   // As above, and every block has its copies elsewhere. Never decided, only
                         // found.
  kMaintenance = 3,      // May be away until a set time without its blocks being repaired.
};

// What an operator may ask for. Sent: do not renumber.
enum class NodeAction : std::uint8_t {
  kRecommission = 0,
  kDecommission = 1,
  kMaintenance = 2,
  kForget = 3,  // As kRecommission, and a node that is dead is not listed any more.
};

struct NodeAdmin {
  NodeId node;
  AdminState admin = AdminState::kInService;
  std::int64_t until_ms = 0;  // Since the Unix epoch; the end of maintenance.

  friend bool operator==(const NodeAdmin&, const NodeAdmin&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, NodeAdmin& x) {
  return f(x.node, x.admin, x.until_ms);
}

// Of datanodes that name no rack.
inline constexpr char kDefaultRack[] = "/default-rack";

// Where a process accepts connections of the data plane.
struct Endpoint {
  std::string host;  // Name or numeric address, without brackets.
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Endpoint& x) {
  return f(x.host, x.port);
}

// "host:port", with brackets around an IPv6 address.
std::string to_string(const Endpoint& endpoint);

// A datanode that holds, or shall hold, a replica.
struct ReplicaLocation {
  NodeId node;
  Endpoint data;
  std::string rack;

  friend bool operator==(const ReplicaLocation&, const ReplicaLocation&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, ReplicaLocation& x) {
  return f(x.node, x.data, x.rack);
}

// A block of a file together with where it can be read, best replica first.
struct LocatedBlock {
  Block block;
  std::uint64_t offset = 0;  // Of the block's first byte within the file.
  std::vector<ReplicaLocation> locations;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, LocatedBlock& x) {
  return f(x.block, x.offset, x.locations);
}

}  // namespace minidfs::metadata
