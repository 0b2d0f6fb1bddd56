#include "storage/namespace/namenode_directory.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/random_id.hpp"
#include "base/units.hpp"
#include "storage/version_file.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

// 1 had no life; 1 and 2 have a log of libraft in `raft`, until they are opened by a version that
// writes another one; 1 to 3 never joined a cluster.
constexpr std::uint64_t kFormat = 4;
constexpr std::size_t kVersionBytesMax = 4096;
constexpr std::string_view kRemedy =
    "restore this file from a backup; it holds the cluster's id, which the datanodes know too";

// A directory may be formatted when it is empty or an earlier formatting did not reach its end.
Status check_formattable(const std::string& path) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name == "lost+found" || name == "VERSION.new") continue;
    if (name == "raft" && fs::is_empty(entry.path(), error)) continue;
    return Error{Errc::kInvalidArgument,
                 path + ": holds '" + name +
                     "' but no VERSION file, so it is not a namenode's directory; give an empty "
                     "directory, or restore the VERSION file if it was one"};
  }
  if (error) return errno_error(error.value(), path);
  return {};
}

Status write_version(const NamenodeDirectory& directory) {
  return replace_file(directory.path + "/VERSION",
                      namenode_version_file(directory.cluster, directory.life, directory.joined));
}

// Made in its parent as well.
Status write_first_version(const NamenodeDirectory& directory) {
  std::error_code error;
  fs::create_directories(directory.log_path(), error);
  if (error) return errno_error(error.value(), directory.log_path());
  MDFS_CHECK(write_version(directory));
  return sync_directory(fs::absolute(directory.path).lexically_normal().parent_path().string());
}

Result<std::uint64_t> parse_decimal(const std::string& text, const std::string& version) {
  const auto number = parse_number(text);
  if (number) return *number;
  return Error{Errc::kCorrupt,
               version + ": damaged: '" + text + "' is no number; " + std::string(kRemedy)};
}

// The values of the lines after role and cluster, as far as the format has them.
Status take_values(NamenodeDirectory& directory, const std::vector<std::string>& values,
                   const std::string& version) {
  if (values.size() > 2) {
    MDFS_TRY(directory.life, parse_id<metadata::LifeId>(values[2], version));
  }
  if (values.size() > 3) {
    MDFS_TRY(directory.joined.member, parse_decimal(values[3], version));
    MDFS_TRY(directory.joined.since, parse_decimal(values[4], version));
  }
  return {};
}

Status format(NamenodeDirectory& directory) {
  directory.cluster = random_id<ClusterId>();
  directory.formatted = true;
  return write_first_version(directory);
}

}  // namespace

Result<NamenodeDirectory> claim_namenode_directory(const std::string& path, Blank blank) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return errno_error(error.value(), path);
  NamenodeDirectory directory;
  directory.path = path;
  MDFS_TRY(directory.lock,
           lock_directory(path, "stop it, or give this namenode another data directory"));
  const std::string version = path + "/VERSION";
  const auto text = read_file(version, kVersionBytesMax);
  if (!text.ok() && text.error().code == Errc::kNotFound) {
    MDFS_CHECK(check_formattable(path));
    directory.blank = blank == Blank::kKeep;
    if (!directory.blank) MDFS_CHECK(format(directory));
    return directory;
  }
  if (!text.ok()) return text.error();
  const bool has_life = !text->starts_with("format=1\n");
  const bool has_member =
      has_life && !text->starts_with("format=2\n") && !text->starts_with("format=3\n");
  std::vector<std::string_view> keys{"role", "cluster"};
  if (has_life) keys.push_back("life");
  if (has_member) keys.insert(keys.end(), {"member", "since"});
  MDFS_TRY(const auto values, parse_version(*text, kFormat, keys, version, kRemedy));
  if (values[0] != "namenode") {
    return Error{Errc::kInvalidArgument,
                 path + ": is the directory of a " + values[0] + ", not of a namenode"};
  }
  MDFS_TRY(directory.cluster, parse_id<ClusterId>(values[1], version));
  MDFS_CHECK(take_values(directory, values, version));
  fs::create_directories(directory.log_path(), error);
  if (error) return errno_error(error.value(), directory.log_path());
  // Before the log is carried over: a version that does not know the new one must not go on with
  // what is left of the old one.
  if (*text != namenode_version_file(directory.cluster, directory.life, directory.joined)) {
    MDFS_CHECK(write_version(directory));
  }
  return directory;
}

Status format_joined(NamenodeDirectory& directory, ClusterId cluster, const JoinedAs& joined) {
  MDFS_ASSERT(directory.blank && joined.member != 0);
  directory.cluster = cluster;
  directory.joined = joined;
  directory.blank = false;
  return write_first_version(directory);
}

Status begin_as(NamenodeDirectory& directory, const JoinedAs& joined) {
  MDFS_ASSERT(!directory.blank && joined.member != 0);
  directory.joined = joined;
  MDFS_CHECK(write_version(directory));
  for (const char* suffix : {"", "-wal", "-shm", ".seed"}) {
    MDFS_CHECK(remove_file(directory.database_path() + suffix));
  }
  return sync_directory(directory.path);
}

std::string namenode_version_file(ClusterId cluster, metadata::LifeId life,
                                  const JoinedAs& joined) {
  return format_version(kFormat, {{"role", "namenode"},
                                  {"cluster", to_string(cluster)},
                                  {"life", to_string(life)},
                                  {"member", std::to_string(joined.member)},
                                  {"since", std::to_string(joined.since)}});
}

Status note_life(NamenodeDirectory& directory, metadata::LifeId life) {
  if (directory.life == life) return {};
  directory.life = life;
  return write_version(directory);
}

}  // namespace minidfs::storage
