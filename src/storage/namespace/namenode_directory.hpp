// The namenode's data directory: whose it is, and that nobody else uses it. docs/formats.md,
// "Namenode's directory".
#pragma once

#include <string>

#include "base/file.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/epoch.hpp"

namespace minidfs::storage {

struct NamenodeDirectory {
  std::string path;
  UniqueFd lock;  // Held as long as it is open.
  ClusterId cluster;
  metadata::LifeId life;   // Of the namespace, as it was noted last; none when it was not.
  bool formatted = false;  // By this call: the cluster is new.

  std::string database_path() const { return path + "/namespace.db"; }
  std::string log_path() const { return path + "/raft"; }
  // Of the database, while a backup is taken.
  std::string copy_path() const { return path + "/backup.new"; }
};

// Creates and formats a missing or empty directory (with a new cluster id), else checks it. A
// backup, which is a directory without a log, gets an empty one. Errors: kInUse, kCorrupt,
// kUnsupported (newer format), kInvalidArgument (not a namenode's directory); nothing in a refused
// directory is changed.
Result<NamenodeDirectory> claim_namenode_directory(const std::string& path);

// The VERSION file of a directory of this cluster with a namespace of this life.
std::string namenode_version_file(ClusterId cluster, metadata::LifeId life);

// Notes the life of the namespace in the directory, unless it stands there already.
Status note_life(NamenodeDirectory& directory, metadata::LifeId life);

}  // namespace minidfs::storage
