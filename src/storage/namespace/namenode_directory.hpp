// The namenode's data directory: whose it is, and that nobody else uses it. docs/formats.md,
// "Namenode's directory".
#pragma once

#include <cstdint>
#include <string>

#include "base/file.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/epoch.hpp"

namespace minidfs::storage {

// What a directory that joined a cluster was told: as whom, and by which entry of the log.
struct JoinedAs {
  std::uint64_t member = 0;  // 0: it is of a cluster of its own.
  std::uint64_t since = 0;

  friend bool operator==(const JoinedAs&, const JoinedAs&) = default;
};

struct NamenodeDirectory {
  std::string path;
  UniqueFd lock;  // Held as long as it is open.
  ClusterId cluster;
  metadata::LifeId life;  // Of the namespace, as it was noted last; none when it was not.
  JoinedAs joined;
  bool formatted = false;  // By this call: the cluster is new.
  bool blank = false;      // Nothing was written yet; see Blank.

  std::string database_path() const { return path + "/namespace.db"; }
  std::string log_path() const { return path + "/raft"; }
  // Of the database, while a backup is taken.
  std::string copy_path() const { return path + "/backup.new"; }
};

// What becomes of a missing or empty directory.
enum class Blank : std::uint8_t {
  kFormat,  // The one of a new cluster.
  kKeep,    // It is claimed; format_joined() follows.
};

// Creates and formats a missing or empty directory (with a new cluster id), else checks it. A
// backup, which is a directory without a log, gets an empty one. Errors: kInUse, kCorrupt,
// kUnsupported (newer format), kInvalidArgument (not a namenode's directory); nothing in a refused
// directory is changed.
Result<NamenodeDirectory> claim_namenode_directory(const std::string& path,
                                                   Blank blank = Blank::kFormat);

// A blank directory becomes that of a member of `cluster`. Durable on return: before it gets
// anything of the namespace.
Status format_joined(NamenodeDirectory& directory, ClusterId cluster, const JoinedAs& joined);

// The directory becomes that of another member of the same cluster, who begins without a namespace:
// the one that is there is removed, and only then may its log be. Durable on return; a crash before
// leaves a directory whose log is not of that member, or of no namespace.
Status begin_as(NamenodeDirectory& directory, const JoinedAs& joined);

// The VERSION file of a directory of this cluster with a namespace of this life.
std::string namenode_version_file(ClusterId cluster, metadata::LifeId life,
                                  const JoinedAs& joined = {});

// Notes the life of the namespace in the directory, unless it stands there already.
Status note_life(NamenodeDirectory& directory, metadata::LifeId life);

}  // namespace minidfs::storage
