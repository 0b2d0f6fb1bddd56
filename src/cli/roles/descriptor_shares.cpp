#include "cli/roles/descriptor_shares.hpp"

#include <algorithm>

namespace minidfs::cli {
namespace {

constexpr std::size_t kNamenodeFiles = 128;
// 64 large replicas and 64 packs that are kept open for readers, and the process's own.
constexpr std::size_t kDatanodeFiles = 64 + 64 + 80;
// The index, the pack that is written, locks and probes.
constexpr std::size_t kFilesOfDisk = 16;

// Enough for any burst between two rounds of a listener.
constexpr std::size_t kStrangersMax = 1024;
constexpr std::size_t kStrangersMin = 8;
// What bounds these is memory, a few KiB each.
constexpr std::size_t kAdmittedMax = 32'768;
constexpr std::size_t kDataConnectionsMax = 16'384;
// With less nothing would go on at all: a few writers, readers and datanodes.
constexpr std::size_t kConnectionsMin = 64;
constexpr std::size_t kDescriptorsOfConnection = 3;
// More would only wait for the disks, each of which has its own bounded queue.
constexpr std::size_t kBlockFilesMin = 16;
constexpr std::size_t kBlockFilesMax = 4096;

std::size_t left_of(std::size_t descriptors, std::size_t taken) {
  return descriptors - std::min(descriptors, taken);
}

std::size_t strangers_of(std::size_t left) {
  return std::clamp(left / 8, kStrangersMin, kStrangersMax);
}

std::string text(std::size_t count, const char* what) { return std::to_string(count) + what; }

}  // namespace

NamenodeShares namenode_shares(std::size_t descriptors) {
  NamenodeShares shares;
  shares.files = kNamenodeFiles;
  const std::size_t left = left_of(descriptors, shares.files);
  shares.strangers = strangers_of(left);
  shares.admitted = std::clamp(left_of(left, shares.strangers), kConnectionsMin, kAdmittedMax);
  shares.datanodes = shares.admitted / 4;
  return shares;
}

DatanodeShares datanode_shares(std::size_t descriptors, std::size_t disks) {
  DatanodeShares shares;
  shares.files = kDatanodeFiles + kFilesOfDisk * disks;
  const std::size_t left = left_of(descriptors, shares.files);
  shares.strangers = strangers_of(left);
  shares.block_files = std::clamp(left / 16, kBlockFilesMin, kBlockFilesMax);
  const std::size_t taken = shares.strangers + shares.block_files;
  shares.connections = std::clamp(left_of(left, taken) / kDescriptorsOfConnection, kConnectionsMin,
                                  kDataConnectionsMax);
  return shares;
}

std::string to_string(const NamenodeShares& shares) {
  return text(shares.files, " for the log and the database, ") +
         text(shares.strangers, " for connections not yet admitted, ") +
         text(shares.admitted, " for admitted ones, of which ") +
         text(shares.datanodes, " for datanodes only");
}

std::string to_string(const DatanodeShares& shares) {
  return text(shares.files, " for disks and the log, ") +
         text(shares.strangers, " for connections that have not said hello, ") +
         text(shares.connections, " for others, with two more for each, ") +
         text(shares.block_files, " for blocks that are being stored");
}

}  // namespace minidfs::cli
