#include "storage/blocks/disk_identity.hpp"

#include <filesystem>

#include "base/random_id.hpp"
#include "storage/blocks/disk_monitor.hpp"
#include "storage/version_file.hpp"

namespace minidfs::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kVersionBytesMax = 4096;
constexpr std::string_view kRemedy =
    "restore this file from a backup, or move the directory away and start with an empty one: the "
    "cluster copies its blocks again";
constexpr std::string_view kLockAdvice = "stop it, or give this datanode another data directory";

std::string version_path(const std::string& directory) { return directory + "/VERSION"; }

Error damaged_version(const std::string& path) {
  return {Errc::kCorrupt, path + ": damaged; " + std::string(kRemedy)};
}

// A directory may be formatted when it is empty or an earlier formatting did not reach its end.
Status check_formattable(const std::string& path) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name == "lost+found" || name == "VERSION.new") continue;
    if ((name == "blocks" || name == "packs") && fs::is_empty(entry.path(), error)) continue;
    return Error{Errc::kInvalidArgument,
                 path + ": holds '" + name +
                     "' but no VERSION file, so it is not a datanode's directory; give an empty "
                     "directory, or restore the VERSION file if it was one"};
  }
  if (error) return errno_error(error.value(), path);
  return {};
}

Status format_directory(const ClaimedDirectory& directory) {
  for (const char* name : {"/blocks", "/packs"}) {
    std::error_code error;
    fs::create_directory(directory.path + name, error);
    if (error) return errno_error(error.value(), directory.path + name);
  }
  MDFS_CHECK(sync_directory(directory.path));
  const fs::path parent = fs::absolute(directory.path).lexically_normal().parent_path();
  MDFS_CHECK(sync_directory(parent.string()));
  return store_identity(directory);
}

Error other_cluster(const std::string& path, ClusterId theirs, ClusterId ours) {
  return {Errc::kWrongCluster, path + ": belongs to cluster " + to_string(theirs) +
                                   ", this datanode to cluster " + to_string(ours) +
                                   "; give it a data directory of its own"};
}

// Mistakes of whoever started this process: nothing that a broken disk could look like.
bool is_mistake(const Error& error) {
  return error.code == Errc::kInUse || error.code == Errc::kUnsupported ||
         error.code == Errc::kInvalidArgument;
}

struct Claim {
  ClaimedDirectory directory;
  bool is_new = false;
};

Result<Claim> claim_directory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return errno_error(error.value(), path);
  MDFS_TRY(UniqueFd lock, lock_directory(path, kLockAdvice));
  Claim claim{{path, std::move(lock), {}}, false};
  auto text = read_file(version_path(path), kVersionBytesMax);
  if (text) {
    MDFS_TRY(claim.directory.identity, parse_identity(*text, version_path(path)));
    return claim;
  }
  if (text.error().code == Errc::kTooLarge) return damaged_version(version_path(path));
  if (text.error().code != Errc::kNotFound) return std::move(text).error();
  MDFS_CHECK(check_formattable(path));
  claim.is_new = true;
  return claim;
}

// Checks that the directories are of one datanode and of `cluster`, which is taken from them when
// it is none. The datanode's id; a new one when all are new.
Result<NodeId> check_together(const std::vector<Claim>& claims, ClusterId& cluster) {
  NodeId node;
  std::string node_path;  // Where `node` was found.
  for (const Claim& claim : claims) {
    if (claim.is_new) continue;
    const auto& [path, lock, identity] = claim.directory;
    if (node.is_none()) {
      node = identity.node;
      node_path = path;
    }
    if (identity.node != node) {
      return Error{Errc::kInvalidArgument, path + ": belongs to datanode " +
                                               to_string(identity.node) + ", but " + node_path +
                                               " to datanode " + to_string(node) +
                                               "; give each datanode its own directories"};
    }
    if (!identity.cluster.is_none() && !cluster.is_none() && identity.cluster != cluster) {
      return other_cluster(path, identity.cluster, cluster);
    }
    if (cluster.is_none()) cluster = identity.cluster;
  }
  return node.is_none() ? random_id<NodeId>() : node;
}

Status make_ready(Claim& claim, ClusterId cluster, NodeId node) {
  DiskIdentity& identity = claim.directory.identity;
  if (claim.is_new) {
    identity = {cluster, node, random_id<DiskId>()};
    MDFS_CHECK(format_directory(claim.directory));
  } else if (identity.cluster != cluster) {
    identity.cluster = cluster;
    MDFS_CHECK(store_identity(claim.directory));
  }
  return probe_disk(claim.directory.path, identity.disk);
}

}  // namespace

std::string format_identity(const DiskIdentity& identity) {
  return format_version(kFormat, {{"cluster", to_string(identity.cluster)},
                                  {"node", to_string(identity.node)},
                                  {"disk", to_string(identity.disk)}});
}

Result<DiskIdentity> parse_identity(std::string_view text, const std::string& path) {
  MDFS_TRY(const auto values,
           parse_version(text, kFormat, {"cluster", "node", "disk"}, path, kRemedy));
  const auto cluster = parse_id<ClusterId>(values[0], path);
  const auto node = parse_id<NodeId>(values[1], path);
  const auto disk = parse_id<DiskId>(values[2], path);
  if (!cluster || !node || !disk || node->is_none() || disk->is_none()) {
    return damaged_version(path);
  }
  return DiskIdentity{*cluster, *node, *disk};
}

Status store_identity(const ClaimedDirectory& directory) {
  return replace_file(version_path(directory.path), format_identity(directory.identity));
}

Result<ClaimedDirectories> claim_directories(const std::vector<std::string>& paths,
                                             ClusterId cluster) {
  if (paths.empty()) return Error{Errc::kInvalidArgument, "no data directory is given"};
  ClaimedDirectories result;
  std::vector<Claim> claims;
  for (const std::string& path : paths) {
    auto claim = claim_directory(path);
    if (claim) {
      claims.push_back(std::move(*claim));
    } else if (is_mistake(claim.error())) {
      return std::move(claim).error();
    } else {
      result.left_out.push_back({path, std::move(claim).error()});
    }
  }
  MDFS_TRY(const NodeId node, check_together(claims, cluster));
  // Nothing was written so far but missing directories and locks: a wrong set of directories leaves
  // no other trace.
  for (Claim& claim : claims) {
    const Status ready = make_ready(claim, cluster, node);
    if (ready.ok()) {
      result.directories.push_back(std::move(claim.directory));
    } else {
      result.left_out.push_back({claim.directory.path, ready.error()});
    }
  }
  if (result.directories.empty()) return result.left_out.front().reason;
  return result;
}

}  // namespace minidfs::storage
