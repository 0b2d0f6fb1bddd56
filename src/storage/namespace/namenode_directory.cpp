#include "storage/namespace/namenode_directory.hpp"

#include <filesystem>

#include "base/random_id.hpp"
#include "storage/version_file.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

// 1 had no life; 1 and 2 have a log of libraft in `raft`, until they are opened by a version that
// writes another one.
constexpr std::uint64_t kFormat = 3;
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
                      namenode_version_file(directory.cluster, directory.life));
}

Status format(NamenodeDirectory& directory) {
  MDFS_CHECK(check_formattable(directory.path));
  std::error_code error;
  fs::create_directories(directory.log_path(), error);
  if (error) return errno_error(error.value(), directory.log_path());
  directory.cluster = random_id<ClusterId>();
  directory.formatted = true;
  MDFS_CHECK(write_version(directory));
  return sync_directory(fs::absolute(directory.path).lexically_normal().parent_path().string());
}

}  // namespace

Result<NamenodeDirectory> claim_namenode_directory(const std::string& path) {
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
    MDFS_CHECK(format(directory));
    return directory;
  }
  if (!text.ok()) return text.error();
  const bool has_life = !text->starts_with("format=1\n");
  std::vector<std::string_view> keys{"role", "cluster"};
  if (has_life) keys.push_back("life");
  MDFS_TRY(const auto values, parse_version(*text, kFormat, keys, version, kRemedy));
  if (values[0] != "namenode") {
    return Error{Errc::kInvalidArgument,
                 path + ": is the directory of a " + values[0] + ", not of a namenode"};
  }
  MDFS_TRY(directory.cluster, parse_id<ClusterId>(values[1], version));
  if (has_life) {
    MDFS_TRY(directory.life, parse_id<metadata::LifeId>(values[2], version));
  }
  fs::create_directories(directory.log_path(), error);
  if (error) return errno_error(error.value(), directory.log_path());
  // Before the log is carried over: a version that does not know the new one must not go on with
  // what is left of the old one.
  if (*text != namenode_version_file(directory.cluster, directory.life)) {
    MDFS_CHECK(write_version(directory));
  }
  return directory;
}

std::string namenode_version_file(ClusterId cluster, metadata::LifeId life) {
  return format_version(
      kFormat, {{"role", "namenode"}, {"cluster", to_string(cluster)}, {"life", to_string(life)}});
}

Status note_life(NamenodeDirectory& directory, metadata::LifeId life) {
  if (directory.life == life) return {};
  directory.life = life;
  return write_version(directory);
}

}  // namespace minidfs::storage
