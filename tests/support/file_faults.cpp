#include "support/file_faults.hpp"

#include <asm/fcntl.h>  // Of the kernel: constants without open(), which is ours.
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sstream>

namespace {

constexpr int kTemporary = O_TMPFILE & ~O_DIRECTORY;
constexpr std::size_t kPathMax = 4096;

std::atomic<char*> control_path{nullptr};

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = ~std::uint64_t{0};
};

struct Fault {
  bool hangs = false;
  int error = 0;
  long delay_ms = 0;
};

void sleep_ms(long ms) {
  timespec time{ms / 1000, ms % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
}

// Without the calls that are interposed here.
std::string control_text() {
  char* path = control_path;
  if (path == nullptr) return {};
  const long fd = ::syscall(SYS_openat, -100 /* AT_FDCWD */, path, 02000000 /* O_CLOEXEC */, 0);
  if (fd < 0) return {};
  char text[16384];
  const ssize_t count = ::read(static_cast<int>(fd), text, sizeof text);
  ::close(static_cast<int>(fd));
  return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : std::string();
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.compare(0, directory.size(), directory) == 0 &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool find_fault(const char* call, const std::string& path, Range touched, Fault& fault) {
  std::istringstream lines(control_text());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string of_call;
    std::string below;
    std::string effect;
    Range range;
    if (!(fields >> of_call >> below >> effect)) continue;
    if (!(fields >> range.begin >> range.end)) range = {};
    if ((of_call != call && of_call != "any") || !is_below(path, below)) continue;
    if (touched.end <= range.begin || touched.begin >= range.end) continue;
    fault = {};
    fault.hangs = effect == "hang";
    if (effect.rfind("error=", 0) == 0) fault.error = std::atoi(effect.c_str() + 6);
    if (effect.rfind("delay=", 0) == 0) fault.delay_ms = std::atol(effect.c_str() + 6);
    return true;
  }
  return false;
}

// Whether the call may go on; else errno is set.
bool meet(const char* call, const std::string& path, Range touched = {}) {
  if (control_path.load(std::memory_order_relaxed) == nullptr) return true;
  const int saved = errno;
  Fault fault;
  while (find_fault(call, path, touched, fault)) {
    if (fault.error != 0) {
      errno = fault.error;
      return false;
    }
    if (fault.delay_ms != 0) sleep_ms(fault.delay_ms);
    if (!fault.hangs) break;
    sleep_ms(10);
  }
  errno = saved;
  return true;
}

bool meet(const char* call, int fd, Range touched = {}) {
  if (control_path.load(std::memory_order_relaxed) == nullptr) return true;
  char link[64];
  char path[kPathMax];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path);
  if (size <= 0) return true;
  return meet(call, std::string(path, static_cast<std::size_t>(size)), touched);
}

// A write that bypasses the page cache meets what is set for these as well.
bool meet_write(int fd, Range touched) {
  if (control_path.load(std::memory_order_relaxed) == nullptr) return true;
  const bool direct = (::syscall(SYS_fcntl, fd, F_GETFL) & O_DIRECT) != 0;
  return (!direct || meet("direct", fd, touched)) && meet("write", fd, touched);
}

Range bytes_at(off_t offset, std::size_t size) {
  return {static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(offset) + size};
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

__attribute__((constructor)) void read_environment() {
  if (const char* path = std::getenv("FILE_FAULTS_CONTROL")) control_path = ::strdup(path);
}

}  // namespace

namespace minidfs {

void use_file_faults(const std::string& control_file) {
  static std::deque<std::string> kept;  // A call may be reading an earlier one.
  control_path = kept.emplace_back(control_file).data();
}

}  // namespace minidfs

extern "C" {

#define MINIDFS_INTERPOSE_OPEN(name)                                        \
  int name(const char* path, int flags, ...) {                              \
    unsigned mode = 0;                                                      \
    if ((flags & (O_CREAT | kTemporary)) != 0) {                            \
      va_list arguments;                                                    \
      va_start(arguments, flags);                                           \
      mode = va_arg(arguments, unsigned);                                   \
      va_end(arguments);                                                    \
    }                                                                       \
    static auto* const call = real<int(const char*, int, unsigned)>(#name); \
    return meet("open", std::string(path)) ? call(path, flags, mode) : -1;  \
  }
MINIDFS_INTERPOSE_OPEN(open)
MINIDFS_INTERPOSE_OPEN(open64)

#define MINIDFS_INTERPOSE_READ(name)                                                     \
  ssize_t name(int fd, void* data, std::size_t size, off_t offset) {                     \
    static auto* const call = real<ssize_t(int, void*, std::size_t, off_t)>(#name);      \
    return meet("read", fd, bytes_at(offset, size)) ? call(fd, data, size, offset) : -1; \
  }
MINIDFS_INTERPOSE_READ(pread)
MINIDFS_INTERPOSE_READ(pread64)

#define MINIDFS_INTERPOSE_WRITE(name)                                                     \
  ssize_t name(int fd, const void* data, std::size_t size, off_t offset) {                \
    static auto* const call = real<ssize_t(int, const void*, std::size_t, off_t)>(#name); \
    return meet_write(fd, bytes_at(offset, size)) ? call(fd, data, size, offset) : -1;    \
  }
MINIDFS_INTERPOSE_WRITE(pwrite)
MINIDFS_INTERPOSE_WRITE(pwrite64)

#define MINIDFS_INTERPOSE_FALLOCATE(name)                                   \
  int name(int fd, int mode, off_t offset, off_t size) {                    \
    static auto* const call = real<int(int, int, off_t, off_t)>(#name);     \
    const Range touched = bytes_at(offset, static_cast<std::size_t>(size)); \
    return meet("write", fd, touched) ? call(fd, mode, offset, size) : -1;  \
  }
MINIDFS_INTERPOSE_FALLOCATE(fallocate)
MINIDFS_INTERPOSE_FALLOCATE(fallocate64)

#define MINIDFS_INTERPOSE_TRUNCATE(name)                               \
  int name(int fd, off_t size) noexcept {                              \
    static auto* const call = real<int(int, off_t)>(#name);            \
    return meet("write", fd, bytes_at(size, 1)) ? call(fd, size) : -1; \
  }
MINIDFS_INTERPOSE_TRUNCATE(ftruncate)
MINIDFS_INTERPOSE_TRUNCATE(ftruncate64)

// All commands that this process uses have at most one argument, as long as a pointer.
#define MINIDFS_INTERPOSE_FCNTL(name)                                                       \
  int name(int fd, int command, ...) {                                                      \
    va_list arguments;                                                                      \
    va_start(arguments, command);                                                           \
    void* const argument = va_arg(arguments, void*);                                        \
    va_end(arguments);                                                                      \
    static auto* const call = real<int(int, int, void*)>(#name);                            \
    const bool direct =                                                                     \
        command == F_SETFL && (reinterpret_cast<std::uintptr_t>(argument) & O_DIRECT) != 0; \
    return !direct || meet("direct", fd) ? call(fd, command, argument) : -1;                \
  }
MINIDFS_INTERPOSE_FCNTL(fcntl)
MINIDFS_INTERPOSE_FCNTL(fcntl64)

ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  static auto* const call = real<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
  return meet_write(fd, bytes_at(offset, size)) ? call(fd, pieces, count, offset) : -1;
}

ssize_t sendfile(int to, int from, off_t* offset, std::size_t size) noexcept {
  static auto* const call = real<ssize_t(int, int, off_t*, std::size_t)>("sendfile");
  const Range touched = offset != nullptr ? bytes_at(*offset, size) : Range{};
  return meet("read", from, touched) ? call(to, from, offset, size) : -1;
}

int fdatasync(int fd) {
  static auto* const call = real<int(int)>("fdatasync");
  return meet("sync", fd) ? call(fd) : -1;
}

int fsync(int fd) {
  static auto* const call = real<int(int)>("fsync");
  return meet("sync", fd) ? call(fd) : -1;
}

int unlink(const char* path) noexcept {
  static auto* const call = real<int(const char*)>("unlink");
  return meet("unlink", std::string(path)) ? call(path) : -1;
}

}  // extern "C"
