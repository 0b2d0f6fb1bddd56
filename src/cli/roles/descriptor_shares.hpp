// How a role divides the descriptors of its process among what needs them, so that no crowd at a
// port takes those of the log, of the disks or of other datanodes. Pure.
#pragma once

#include <cstddef>
#include <string>

namespace minidfs::cli {

// All but `files` are connections.
struct NamenodeShares {
  std::size_t files = 0;      // Log, database, sockets that are listened on, the process's own.
  std::size_t strangers = 0;  // Not admitted yet.
  std::size_t admitted = 0;
  std::size_t datanodes = 0;  // Of those admitted, for datanodes only.
};

struct DatanodeShares {
  std::size_t files = 0;      // Disks, log, connections to the namenode and of copies to others.
  std::size_t strangers = 0;  // Have not said hello yet.
  // Have. For each of them a descriptor more is kept for the next node of its pipeline, and one for
  // the replica that it writes or reads.
  std::size_t connections = 0;
  // For blocks that a writer has ended and that are still being stored, beside the next one.
  std::size_t block_files = 0;
};

// Of `descriptors` that the role may have. A limit too low for any sensible share is overdrawn
// rather than leave a part with nothing.
NamenodeShares namenode_shares(std::size_t descriptors);
DatanodeShares datanode_shares(std::size_t descriptors, std::size_t disks);

// For the log.
std::string to_string(const NamenodeShares& shares);
std::string to_string(const DatanodeShares& shares);

}  // namespace minidfs::cli
