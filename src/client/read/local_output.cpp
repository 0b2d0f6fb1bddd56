#include "client/read/local_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace minidfs::client {
namespace {

// Short whatever the name is, unique among the processes and threads of this machine.
std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const auto slash = path.rfind('/');
  const auto parent = slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
  return parent + ".minidfs-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
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

}  // namespace

Result<LocalOutput> LocalOutput::create(const std::string& path) {
  auto temporary = temporary_name(path);
  auto file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (!file.ok()) {
    auto error = std::move(file).error();
    return Error{error.code, path + ": " + error.message};
  }
  return LocalOutput(std::move(*file), path, std::move(temporary));
}

LocalOutput::~LocalOutput() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

LocalOutput::LocalOutput(LocalOutput&& other) noexcept
    : file_(std::move(other.file_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, std::string())) {}

Status LocalOutput::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, path_);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status LocalOutput::finish() {
  // Some file systems tell only now that there was no space.
  if (::close(file_.release()) != 0) return errno_error(errno, path_);
  if (rename_to_new(temporary_.c_str(), path_.c_str()) != 0) return errno_error(errno, path_);
  temporary_.clear();
  return {};
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
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
