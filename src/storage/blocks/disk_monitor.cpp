#include "storage/blocks/disk_monitor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "storage/blocks/disk_identity.hpp"

namespace minidfs::storage {

namespace {

constexpr std::size_t kVersionBytesMax = 4096;
constexpr std::string_view kProbeName = "/probe";

// Errors for which the disk is not to blame.
bool is_innocent(const Error& error) {
  switch (error.code) {
    case Errc::kNoSpace:
    case Errc::kAlreadyExists:
    case Errc::kInvalidArgument:
    case Errc::kInUse:
    case Errc::kStale:
    case Errc::kCancelled:
    case Errc::kTooLarge:
    case Errc::kInternal:  // What this process lacks: descriptors, memory.
      return true;
    default:
      return false;
  }
}

Status check_folder(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return errno_error(errno, path);
  if (!S_ISDIR(status.st_mode)) return errno_error(ENOTDIR, path);
  return {};
}

Status check_write(const std::string& directory) {
  const std::string path = directory + std::string(kProbeName);
  MDFS_TRY(const auto fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  static constexpr std::byte kContent[512] = {};
  MDFS_CHECK(write_at(fd.get(), kContent, 0, path));
  MDFS_CHECK(sync_data(fd.get(), path));
  if (::unlink(path.c_str()) != 0) return errno_error(errno, path);
  return {};
}

}  // namespace

Status probe_disk(const std::string& directory, DiskId disk) {
  const auto probe = [&]() -> Status {
    const std::string version = directory + "/VERSION";
    MDFS_TRY(const std::string text, read_file(version, kVersionBytesMax));
    MDFS_TRY(const DiskIdentity identity, parse_identity(text, version));
    if (identity.disk != disk) {
      return Error{Errc::kCorrupt, version + ": is that of disk " + to_string(identity.disk) +
                                       ", not of " + to_string(disk)};
    }
    MDFS_CHECK(check_folder(directory + "/blocks"));
    MDFS_CHECK(check_folder(directory + "/packs"));
    return check_write(directory);
  };
  Status status = probe();
  return status.ok() || is_innocent(status.error()) ? Status() : status;
}

DiskMonitor::DiskMonitor(Options options)
    : options_(std::move(options)), states_(options_.disks.size()) {}

void DiskMonitor::start() {
  thread_ = std::thread([this] { run(); });
}

void DiskMonitor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void DiskMonitor::fail(std::size_t disk, const Error& reason) {
  if (states_[disk].failed.exchange(true)) return;
  options_.failed(disk, reason);
}

void DiskMonitor::write_failed(std::size_t disk, const Error& error) {
  if (is_innocent(error) || failed(disk)) return;
  if (error.code == Errc::kIoError) {
    fail(disk, error);
  } else if (!states_[disk].probing.exchange(true)) {
    // Two at once would take each other's file away.
    probe(disk);
    states_[disk].probing = false;
  }
}

void DiskMonitor::read_failed(std::size_t disk, const Error& error) {
  if (is_innocent(error) || failed(disk)) return;
  if (error.code == Errc::kIoError && ++states_[disk].read_errors >= kReadErrorsMax) {
    fail(disk, {Errc::kIoError, error.message + "; " + std::to_string(kReadErrorsMax) +
                                    " reads of this disk have failed"});
    return;
  }
  check_soon();
}

void DiskMonitor::check_soon() {
  {
    const std::lock_guard lock(mutex_);
    check_soon_ = true;
  }
  wake_.notify_all();
}

void DiskMonitor::probe(std::size_t disk) {
  if (failed(disk)) return;
  const auto& [directory, id] = options_.disks[disk];
  Status status = probe_disk(directory, id);
  const bool damaged = !status.ok() && status.error().code == Errc::kCorrupt;
  if (damaged && options_.restore_version && options_.restore_version(disk)) {
    status = probe_disk(directory, id);
  }
  if (!status.ok()) fail(disk, status.error());
}

void DiskMonitor::probe_all() {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (failed(i) || states_[i].probing.exchange(true)) continue;
    const auto look = [this, i] {
      probe(i);
      states_[i].probing = false;
    };
    if (options_.on_disk) {
      options_.on_disk(i, look);
    } else {
      look();
    }
  }
}

void DiskMonitor::run() {
  using Clock = std::chrono::steady_clock;
  auto next_probe = Clock::now() + options_.interval;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto until =
        options_.tick ? std::min(next_probe, Clock::now() + options_.tick_interval) : next_probe;
    wake_.wait_until(lock, until, [this] { return stopping_ || check_soon_; });
    if (stopping_) return;
    const auto now = Clock::now();
    const bool due = std::exchange(check_soon_, false) || now >= next_probe;
    lock.unlock();
    if (options_.tick) options_.tick();
    if (due) {
      next_probe = now + options_.interval;
      probe_all();
    }
    lock.lock();
  }
}

}  // namespace minidfs::storage
