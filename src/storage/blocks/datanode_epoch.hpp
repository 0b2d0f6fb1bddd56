// What a datanode remembers of its namespace across its own restarts: whose orders it obeys, and
// the newest change that it was told of. A copy in each data directory, so that a lost disk takes
// no knowledge along. Format: docs/formats.md, "Datanode's directory", the file `epoch`.
//
// Not thread-safe: made at the start, then used by the order actor's thread alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "metadata/membership.hpp"

namespace minidfs::storage {

class DatanodeEpoch {
 public:
  // Reads the copies: the one that was written last counts. A damaged one is logged and left out,
  // as is a directory that cannot be read; when no copy is left the datanode knows nothing, like a
  // new one. kUnsupported for a newer format.
  static Result<DatanodeEpoch> open(std::vector<std::string> directories);

  const metadata::KnownEpoch& known() const { return known_; }

  // Replaces the copies. An error when none could be written; what was known before may then still
  // stand on the disks, which only matters after the next start. The new value is known() anyway.
  Status keep(const metadata::KnownEpoch& known);

 private:
  DatanodeEpoch() = default;

  std::vector<std::string> directories_;
  metadata::KnownEpoch known_;
  std::uint64_t written_ = 0;  // How often the copies were replaced; the highest number counts.
};

}  // namespace minidfs::storage
