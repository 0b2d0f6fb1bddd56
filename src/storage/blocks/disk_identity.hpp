// Who a datanode's directory belongs to: its VERSION file and its lock. docs/formats.md,
// "Datanode's directory".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

struct DiskIdentity {
  ClusterId cluster;  // None until the datanode has joined one.
  NodeId node;
  DiskId disk;
};

std::string format_identity(const DiskIdentity& identity);
// kCorrupt, or kUnsupported for a newer format. `path` names the file in errors.
Result<DiskIdentity> parse_identity(std::string_view text, const std::string& path);

struct ClaimedDirectory {
  std::string path;
  UniqueFd lock;  // Held as long as it is open.
  DiskIdentity identity;
};

// The directories that work, and those that do not. At least one works.
struct ClaimedDirectories {
  struct LeftOut {
    std::string path;
    Error reason;
  };
  std::vector<ClaimedDirectory> directories;
  std::vector<LeftOut> left_out;
};

// Creates and formats what is missing, takes the locks and checks that all directories belong
// together and to `cluster` (when that is not none). A directory that cannot be made, read or
// written, or whose VERSION file is damaged, is left out as long as another one works. Errors as
// BlockStore::open.
Result<ClaimedDirectories> claim_directories(const std::vector<std::string>& paths,
                                             ClusterId cluster);

// Writes the VERSION file anew.
Status store_identity(const ClaimedDirectory& directory);

}  // namespace minidfs::storage
