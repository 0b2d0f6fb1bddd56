// Which disks of the block store still work: takes the errors that its other parts meet, probes
// every disk now and then, and declares a disk failed once and for good. A failed disk stays out
// until the process is started again. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {

// Whether the directory is still the one of `disk` and can be read and written: compares its
// VERSION file, looks for its folders, and writes, syncs and removes a small file. A full disk
// passes.
Status probe_disk(const std::string& directory, DiskId disk);

class DiskMonitor {
 public:
  struct Disk {
    std::string directory;
    DiskId id;
  };
  struct Options {
    std::vector<Disk> disks;
    std::chrono::milliseconds interval{3000};
    // A probe found the VERSION file damaged: writes it anew when the directory is surely still
    // that of the disk. Returns whether it did. May be empty.
    std::function<bool(std::size_t disk)> restore_version;
    // Called once for each disk that fails, by the thread that noticed it. Must not call back.
    std::function<void(std::size_t disk, const Error& reason)> failed;
    // Has the regular probes made by threads of the disk, so that one that hangs holds up no other.
    // Empty: the monitor's own thread makes them.
    std::function<void(std::size_t disk, std::function<void()> probe)> on_disk;
    // Called several times within the time-out of a disk, but not after stop().
    std::function<void()> tick;
    std::chrono::milliseconds tick_interval{500};
  };

  explicit DiskMonitor(Options options);
  ~DiskMonitor() { stop(); }
  DiskMonitor(const DiskMonitor&) = delete;
  DiskMonitor& operator=(const DiskMonitor&) = delete;

  // Begins and ends the regular probes.
  void start();
  void stop();

  bool failed(std::size_t disk) const { return states_[disk].failed; }
  void fail(std::size_t disk, const Error& reason);

  // Writing, syncing, creating a file or the index met an error. An input or output error fails the
  // disk at once, because after it nobody knows what the disk holds; other errors lead to a probe
  // here and now, unless one is under way; those that no disk can be blamed for, such as a lack of
  // space or of descriptors, to nothing.
  void write_failed(std::size_t disk, const Error& error);

  // Reading met an error. One bad sector is the affair of one replica: the disk is probed soon, and
  // given up only when kReadErrorsMax reads have failed. Does not block.
  static constexpr std::uint32_t kReadErrorsMax = 16;
  void read_failed(std::size_t disk, const Error& error);

  // Probes all disks soon. Does not block.
  void check_soon();

 private:
  struct State {
    std::atomic<bool> failed{false};
    std::atomic<std::uint32_t> read_errors{0};
    std::atomic<bool> probing{false};  // Due or under way: two would disturb one another.
  };

  void run();
  void probe_all();
  void probe(std::size_t disk);

  const Options options_;
  std::vector<State> states_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool check_soon_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace minidfs::storage
