#include "client/read/local_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/ids.hpp"
#include "base/random_id.hpp"
#include "client/local_attributes.hpp"

namespace minidfs::client {
namespace {

// The smallest piece that file systems keep a hole for.
constexpr std::size_t kHoleBytes = 4096;
constexpr int kLinksMax = 40;

// With the slash at its end, or empty.
std::string directory_part(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// Short whatever the name is.
std::string hidden_name(const std::string& path) {
  return directory_part(path) + ".minidfs-" + to_string(random_id<ClientId>());
}

// Where the links at `path` lead in the end, whether something is there or not.
Result<std::string> follow_links(const std::string& path) {
  std::string at = path;
  for (int links = 0;; ++links) {
    struct stat status {};
    if (::lstat(at.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) break;
    std::string target(PATH_MAX, '\0');
    const ssize_t length = ::readlink(at.c_str(), target.data(), target.size());
    if (length < 0) return errno_error(errno, path);
    if (links == kLinksMax) return errno_error(ELOOP, path);
    target.resize(static_cast<std::size_t>(length));
    at = !target.empty() && target.front() == '/' ? target : directory_part(at) + target;
  }
  // A link of /proc may lead to a file that has lost its name.
  struct stat wanted {};
  struct stat found {};
  if (at != path && ::stat(path.c_str(), &wanted) == 0 &&
      (::stat(at.c_str(), &found) != 0 || wanted.st_ino != found.st_ino ||
       wanted.st_dev != found.st_dev)) {
    return Error{Errc::kUnsupported, path + ": a link to a file without a name"};
  }
  return at;
}

// O_TMPFILE is of use only where its file can be given a name afterwards.
bool can_name_descriptors() {
  static const bool can = ::access("/proc/self/fd", X_OK) == 0;
  return can;
}

bool lacks_nameless_files(int error_number) {
  return error_number == EOPNOTSUPP || error_number == EISDIR || error_number == EINVAL ||
         error_number == ENOSYS;
}

// None where the file system has no such files.
Result<UniqueFd> open_nameless(const std::string& path) {
  if (!can_name_descriptors()) return UniqueFd();
  const auto parent = directory_part(path);
  UniqueFd file(::open(parent.empty() ? "." : parent.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC,
                       static_cast<mode_t>(0666)));
  if (!file && !lacks_nameless_files(errno)) return errno_error(errno, path);
  return file;
}

int rename_to_new(const char* from, const char* to) {
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // A file system that lacks the flag: the look before leaves a gap that is nobody's wish.
  struct stat existing {};
  if (::lstat(to, &existing) == 0) {
    errno = EEXIST;
    return -1;
  }
  return ::rename(from, to);
}

// By the descriptor itself where we may, which older kernels allow to root only (ENOENT).
int link_descriptor(int fd, const std::string& path) {
  if (::linkat(fd, "", AT_FDCWD, path.c_str(), AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT && errno != EINVAL) return -1;
  const auto descriptor = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, descriptor.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
}

// A set-user-id bit goes with its owner only.
Status keep_mode(int fd, const std::string& path) {
  struct stat old {};
  if (::stat(path.c_str(), &old) != 0) return {};
  struct stat ours {};
  if (::fstat(fd, &ours) != 0) return errno_error(errno, path);
  const bool same = old.st_uid == ours.st_uid && old.st_gid == ours.st_gid;
  const bool kept = same || ::fchown(fd, old.st_uid, old.st_gid) == 0;
  const mode_t mode = old.st_mode & (kept ? 07777U : 0777U);
  return ::fchmod(fd, mode) == 0 ? Status() : Status(errno_error(errno, path));
}

bool is_zero(std::span<const std::byte> bytes) {
  return bytes.front() == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// How many bytes from the begin are whole pieces of zeros, or else how many are not. REQUIRES: not
// empty; `offset` is that of the bytes in the file.
struct Run {
  std::size_t bytes;
  bool hole;
};
Run first_run(std::uint64_t offset, std::span<const std::byte> bytes) {
  Run run{0, false};
  while (run.bytes < bytes.size()) {
    const auto to_border = kHoleBytes - (offset + run.bytes) % kHoleBytes;
    const auto piece = bytes.subspan(run.bytes, std::min(to_border, bytes.size() - run.bytes));
    const bool hole = piece.size() == kHoleBytes && is_zero(piece);
    if (run.bytes > 0 && hole != run.hole) break;
    run = {run.bytes + piece.size(), hole};
  }
  return run;
}

void raise(std::atomic<std::uint64_t>& mark, std::uint64_t to) {
  auto at = mark.load();
  while (at < to && !mark.compare_exchange_weak(at, to)) {
  }
}

}  // namespace

bool HiddenNames::add(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!closed_) paths_.insert(path);
  return !closed_;
}

void HiddenNames::forget(const std::string& path) {
  const std::lock_guard lock(mutex_);
  paths_.erase(path);
}

void HiddenNames::remove_all() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  std::error_code ignored;
  for (const auto& path : paths_) std::filesystem::remove_all(path, ignored);
  paths_.clear();
}

Result<LocalOutput> LocalOutput::create(HiddenNames& names, const std::string& path,
                                        Existing existing) {
  std::string target = path;
  if (existing != Existing::kNone) {
    MDFS_TRY(target, follow_links(path));
  }
  MDFS_TRY(auto file, open_nameless(target));
  LocalOutput output(names, std::move(file), std::move(target), existing);
  if (!output.file_) MDFS_CHECK(output.take_hidden_name());
  return output;
}

LocalOutput::~LocalOutput() {
  if (hidden_.empty()) return;
  ::unlink(hidden_.c_str());
  names_.forget(hidden_);
}

LocalOutput::LocalOutput(LocalOutput&& other) noexcept
    : names_(other.names_),
      file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      hidden_(std::exchange(other.hidden_, std::string())),
      existing_(other.existing_),
      attributes_(other.attributes_),
      position_(other.position_),
      end_(other.end_.load()),
      written_end_(other.written_end_.load()) {}

// Makes the file, or gives one without a name, a hidden one.
Status LocalOutput::take_hidden_name() {
  auto name = hidden_name(path_);
  if (!names_.add(name)) return Error{Errc::kCancelled, path_ + ": given up"};
  if (file_) {
    if (link_descriptor(file_.get(), name) != 0) {
      names_.forget(name);
      return errno_error(errno, path_);
    }
  } else {
    file_ = UniqueFd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_) {
      names_.forget(name);
      return errno_error(errno, path_);
    }
  }
  hidden_ = std::move(name);
  return {};
}

Status LocalOutput::write(std::span<const std::byte> bytes) {
  MDFS_CHECK(write_at(position_, bytes));
  position_ += bytes.size();
  return {};
}

Status LocalOutput::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto run = first_run(offset, bytes);
    if (!run.hole) {
      MDFS_CHECK(minidfs::write_at(file_.get(), bytes.first(run.bytes), offset, path_));
    }
    offset += run.bytes;
    bytes = bytes.subspan(run.bytes);
    raise(end_, offset);
    if (!run.hole) raise(written_end_, offset);
  }
  return {};
}

Status LocalOutput::finish() {
  if (written_end_ < end_ && ::ftruncate(file_.get(), static_cast<off_t>(end_.load())) != 0) {
    return errno_error(errno, path_);
  }
  if (existing_ == Existing::kReplaced) MDFS_CHECK(keep_mode(file_.get(), path_));
  if (attributes_) MDFS_CHECK(set_local_attributes(file_.get(), path_, *attributes_));
  // Some file systems tell only when a descriptor is closed that there was no space.
  const int another = ::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0);
  if (another < 0 || ::close(another) != 0) return errno_error(errno, path_);
  return give_name();
}

Status LocalOutput::give_name() {
  if (hidden_.empty()) {
    if (link_descriptor(file_.get(), path_) == 0) return {};
    if (errno != EEXIST || existing_ != Existing::kReplaced) return errno_error(errno, path_);
    MDFS_CHECK(take_hidden_name());
  }
  const int renamed = existing_ == Existing::kReplaced
                          ? ::rename(hidden_.c_str(), path_.c_str())
                          : rename_to_new(hidden_.c_str(), path_.c_str());
  if (renamed != 0) return errno_error(errno, path_);
  names_.forget(std::exchange(hidden_, std::string()));
  return {};
}

Status check_name(std::string_view name, const std::string& directory) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return Error{Errc::kProtocol, directory + ": the namenode listed the impossible name '" +
                                      std::string(name) + "'"};
  }
  return {};
}

}  // namespace minidfs::client
