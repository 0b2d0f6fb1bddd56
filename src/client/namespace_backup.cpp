#include "client/namespace_backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <span>
#include <utility>

#include "base/checksum.hpp"
#include "base/file.hpp"
#include "base/random_id.hpp"
#include "client/polling.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;

// Between two looks whether the namenode has made its copy.
constexpr std::chrono::milliseconds kBackupPoll{50};

// Where it leads in the end, through all links that lead to something; without a slash at its end.
Result<std::string> whole_path(const std::string& directory) {
  if (directory.empty()) return Error{Errc::kInvalidArgument, "an empty local path"};
  std::error_code error;
  const auto absolute = fs::absolute(directory, error);
  auto path = error ? fs::path() : fs::weakly_canonical(absolute, error);
  if (error) return errno_error(error.value(), directory);
  if (path.filename().empty()) path = path.parent_path();
  return path.string();
}

// Nothing can be given the name of a mount point.
bool is_mount_point(const std::string& path) {
  struct stat own {};
  struct stat parent {};
  if (::stat(path.c_str(), &own) != 0 || ::stat((path + "/..").c_str(), &parent) != 0) return false;
  return own.st_dev != parent.st_dev || own.st_ino == parent.st_ino;
}

Status check_target(const std::string& path) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (!fs::exists(status)) return {};
  if (!fs::is_directory(status)) {
    return Error{Errc::kNotADirectory, path + ": exists and is not a directory"};
  }
  if (is_mount_point(path)) {
    return Error{Errc::kInUse, path + ": is a mount point; give a new directory in it"};
  }
  const bool empty = fs::is_empty(path, error);
  if (error) return errno_error(error.value(), path);
  if (empty) return {};
  return Error{Errc::kNotEmpty, path + ": is not empty; give a new directory"};
}

// The directory under a hidden name beside its own, until it is whole.
class HiddenDirectory {
 public:
  static Result<HiddenDirectory> create(HiddenNames& names, const std::string& target) {
    HiddenDirectory directory(names, target);
    directory.path_ =
        (fs::path(target).parent_path() / (".minidfs-" + to_string(random_id<ClientId>())))
            .string();
    if (!names.add(directory.path_)) return Error{Errc::kCancelled, target + ": given up"};
    if (::mkdir(directory.path_.c_str(), 0777) != 0) return errno_error(errno, target);
    return directory;
  }
  ~HiddenDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    names_.forget(path_);
  }
  HiddenDirectory(HiddenDirectory&& other) noexcept
      : names_(other.names_),
        target_(std::move(other.target_)),
        path_(std::exchange(other.path_, std::string())) {}
  HiddenDirectory& operator=(HiddenDirectory&&) = delete;

  const std::string& path() const { return path_; }

  // Only an empty directory may have appeared under the name.
  Status finish() {
    MDFS_CHECK(sync_directory(path_));
    if (::rename(path_.c_str(), target_.c_str()) != 0) return errno_error(errno, target_);
    names_.forget(std::exchange(path_, std::string()));
    return sync_directory(fs::path(target_).parent_path().string());
  }

 private:
  HiddenDirectory(HiddenNames& names, std::string target)
      : names_(names), target_(std::move(target)) {}

  HiddenNames& names_;
  std::string target_;
  std::string path_;
};

// One copy that the namenode makes and holds for this reader.
class RemoteCopy {
 public:
  explicit RemoteCopy(NamenodeLink& link) : link_(link) { request_.reader = random_id<ClientId>(); }
  // The namenode need not keep it until it finds out that nobody reads.
  ~RemoteCopy() {
    if (!begun_) return;
    request_.end = true;
    static_cast<void>(link_.call(request_, std::chrono::seconds{1}));
  }
  RemoteCopy(const RemoteCopy&) = delete;
  RemoteCopy& operator=(const RemoteCopy&) = delete;

  Result<actors::BackupReply> part(std::uint64_t offset) {
    request_.offset = offset;
    actors::BackupReply reply;
    MDFS_CHECK(poll_until(kBackupPoll, [&]() -> Result<bool> {
      MDFS_TRY(reply, link_.call(request_));
      begun_ = true;
      return reply.ready;
    }));
    if (checksum(reply.bytes) != reply.checksum) {
      return Error{Errc::kProtocol,
                   "the backup arrives with wrong bytes at " + std::to_string(offset)};
    }
    return reply;
  }

 private:
  NamenodeLink& link_;
  actors::BackupRequest request_;
  bool begun_ = false;
};

Result<BackupReport> receive(RemoteCopy& copy, const std::string& directory) {
  const auto path = directory + "/namespace.db";
  MDFS_TRY(const auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL));
  BackupReport report;
  std::uint64_t bytes_total = 0;
  std::string version_file;
  do {
    MDFS_TRY(auto part, copy.part(report.bytes));
    if (part.bytes.empty()) return Error{Errc::kProtocol, "the backup ends too early"};
    MDFS_CHECK(write_at(file.get(), std::as_bytes(std::span(part.bytes)), report.bytes, path));
    report.bytes += part.bytes.size();
    bytes_total = part.bytes_total;
    report.change = part.change;
    version_file = std::move(part.version_file);
  } while (report.bytes < bytes_total);
  MDFS_CHECK(sync_data(file.get(), path));
  MDFS_CHECK(replace_file(directory + "/VERSION", version_file));
  return report;
}

}  // namespace

Result<BackupReport> back_up_namespace(ClientContext& context, const std::string& directory) {
  MDFS_TRY(const auto target, whole_path(directory));
  MDFS_CHECK(check_target(target));
  MDFS_TRY(auto hidden, HiddenDirectory::create(context.outputs, target));
  RemoteCopy copy(context.link);
  MDFS_TRY(const auto report, receive(copy, hidden.path()));
  MDFS_CHECK(hidden.finish());
  return report;
}

}  // namespace minidfs::client
