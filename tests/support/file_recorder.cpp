#include "support/file_recorder.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <thread>

namespace minidfs::test {
namespace {

constexpr std::size_t kSectorBytes = 512;

struct Recording {
  std::string directory;
  std::vector<FileCall> calls;
  std::size_t fail_from = ~std::size_t{0};
};
std::atomic<Recording*> recording{nullptr};

struct Slow {
  std::string prefix;
  std::chrono::milliseconds delay;
};
std::deque<Slow> slow_ones;  // All that there were: a sync may still be looking at one.
std::atomic<Slow*> slow{nullptr};

std::string path_of(int fd) {
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const auto size = ::readlink(link, path, sizeof path);
  return size <= 0 ? std::string() : std::string(path, static_cast<std::size_t>(size));
}

enum class Answer { kNotOurs, kRecorded, kFails };

void delay_sync(int fd) {
  const Slow* const now = slow;
  if (now == nullptr || !path_of(fd).starts_with(now->prefix)) return;
  const auto until = std::chrono::steady_clock::now() + now->delay;
  while (slow == now && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// Takes a call that is about the recorded directory.
Answer take(FileCall::Kind kind, const std::string& path, FileCall call) {
  Recording* const now = recording;
  if (now == nullptr) return Answer::kNotOurs;
  if (path == now->directory) {
    call.kind = FileCall::Kind::kSyncDirectory;
  } else if (path.starts_with(now->directory + "/")) {
    call.kind = kind;
    call.name = path.substr(now->directory.size() + 1);
  } else {
    return Answer::kNotOurs;
  }
  if (now->calls.size() >= now->fail_from) {
    errno = EIO;
    return Answer::kFails;
  }
  now->calls.push_back(std::move(call));
  return Answer::kRecorded;
}

void overwrite(std::string& content, std::uint64_t offset, std::string_view bytes) {
  content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()), '\0');
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

template <class Visit>
void for_each_sector(std::uint64_t offset, std::string_view bytes, Visit visit) {
  while (!bytes.empty()) {
    const auto size = std::min<std::size_t>(bytes.size(), kSectorBytes - offset % kSectorBytes);
    visit(offset, bytes.substr(0, size));
    bytes.remove_prefix(size);
    offset += size;
  }
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

SlowSyncs::SlowSyncs(const std::string& directory, std::chrono::milliseconds delay) {
  slow_ones.push_back({std::filesystem::canonical(directory).string() + "/", delay});
  slow.store(&slow_ones.back());
}

SlowSyncs::~SlowSyncs() { slow.store(nullptr); }

FileRecorder::FileRecorder(const std::string& directory) {
  auto* const begun = new Recording;
  begun->directory = std::filesystem::canonical(directory).string();
  recording = begun;
}

FileRecorder::~FileRecorder() { delete recording.exchange(nullptr); }

const std::vector<FileCall>& FileRecorder::calls() const { return recording.load()->calls; }

void FileRecorder::fail_from(std::size_t place) { recording.load()->fail_from = place; }

CrashedDisk::CrashedDisk(const Contents& contents) {
  for (const auto& [name, bytes] : contents) file_of(name).synced = bytes;
  synced_names_ = names_;
}

CrashedDisk::File& CrashedDisk::file_of(const std::string& name) {
  const auto [at, added] = names_.try_emplace(name, files_.size());
  if (added) files_.emplace_back();
  return files_[at->second];
}

void CrashedDisk::carry_out(const FileCall& call) {
  switch (call.kind) {
    case FileCall::Kind::kWrite:
      file_of(call.name).unsynced.emplace_back(call.offset, call.bytes);
      break;
    case FileCall::Kind::kSync: {
      auto& file = file_of(call.name);
      for (const auto& [offset, bytes] : file.unsynced) overwrite(file.synced, offset, bytes);
      file.unsynced.clear();
      break;
    }
    case FileCall::Kind::kSyncDirectory:
      synced_names_ = names_;
      break;
    case FileCall::Kind::kRename:
      names_[call.target] = names_[call.name];
      names_.erase(call.name);
      break;
    case FileCall::Kind::kUnlink:
      names_.erase(call.name);
      break;
  }
}

void CrashedDisk::fail_sync(const std::string& name) { file_of(name).unsynced.clear(); }

CrashedDisk::Contents CrashedDisk::contents(Kept kept, std::mt19937& random) const {
  const auto keeps = [&] {
    return kept == Kept::kAll || (kept == Kept::kSome && random() % 2 == 0);
  };
  Contents contents;
  for (const auto& [name, place] : keeps() ? names_ : synced_names_) {
    const auto& file = files_[place];
    auto& content = contents[name] = file.synced;
    for (const auto& [offset, bytes] : file.unsynced) {
      for_each_sector(offset, bytes, [&](std::uint64_t at, std::string_view sector) {
        if (keeps()) overwrite(content, at, sector);
      });
    }
  }
  return contents;
}

void write_contents(const std::string& directory, const CrashedDisk::Contents& contents) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  for (const auto& [name, bytes] : contents) {
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
  }
}

CrashedDisk::Contents read_contents(const std::string& directory) {
  CrashedDisk::Contents contents;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path(), std::ios::binary);
    contents[entry.path().filename().string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

}  // namespace minidfs::test

extern "C" {

#define MINIDFS_RECORD_WRITE(name)                                                              \
  ssize_t name(int fd, const void* data, std::size_t size, off_t offset) {                      \
    using minidfs::test::FileCall;                                                              \
    static auto* const call =                                                                   \
        minidfs::test::real<ssize_t(int, const void*, std::size_t, off_t)>(#name);              \
    if (minidfs::test::recording == nullptr) return call(fd, data, size, offset);               \
    FileCall record;                                                                            \
    record.offset = static_cast<std::uint64_t>(offset);                                         \
    record.bytes.assign(static_cast<const char*>(data), size);                                  \
    const auto answer = minidfs::test::take(FileCall::Kind::kWrite, minidfs::test::path_of(fd), \
                                            std::move(record));                                 \
    return answer == minidfs::test::Answer::kFails ? -1 : call(fd, data, size, offset);         \
  }
MINIDFS_RECORD_WRITE(pwrite)
MINIDFS_RECORD_WRITE(pwrite64)

#define MINIDFS_RECORD_SYNC(name)                                                                  \
  int name(int fd) {                                                                               \
    using minidfs::test::Answer;                                                                   \
    static auto* const call = minidfs::test::real<int(int)>(#name);                                \
    minidfs::test::delay_sync(fd);                                                                 \
    if (minidfs::test::recording == nullptr) return call(fd);                                      \
    const auto answer =                                                                            \
        minidfs::test::take(minidfs::test::FileCall::Kind::kSync, minidfs::test::path_of(fd), {}); \
    if (answer == Answer::kNotOurs) return call(fd);                                               \
    return answer == Answer::kFails ? -1 : 0;                                                      \
  }
MINIDFS_RECORD_SYNC(fdatasync)
MINIDFS_RECORD_SYNC(fsync)

int rename(const char* from, const char* to) noexcept {
  using minidfs::test::FileCall;
  static auto* const call = minidfs::test::real<int(const char*, const char*)>("rename");
  FileCall record;
  record.target = std::string(to).substr(std::string(to).rfind('/') + 1);
  const auto answer = minidfs::test::take(FileCall::Kind::kRename, from, std::move(record));
  return answer == minidfs::test::Answer::kFails ? -1 : call(from, to);
}

int unlink(const char* path) noexcept {
  using minidfs::test::FileCall;
  static auto* const call = minidfs::test::real<int(const char*)>("unlink");
  const auto answer = minidfs::test::take(FileCall::Kind::kUnlink, path, {});
  return answer == minidfs::test::Answer::kFails ? -1 : call(path);
}

}  // extern "C"
