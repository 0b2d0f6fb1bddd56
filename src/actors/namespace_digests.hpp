// The digests of this namenode's namespace at marked changes (metadata::MarkNamespace): begun by
// the thread that applies, computed by one of their own, one after another. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "storage/namespace/namespace_digest.hpp"

namespace minidfs::actors {

class NamespaceDigests {
 public:
  enum class State : std::uint8_t { kUnknown, kPending, kDone, kFailed };
  struct Digest {
    std::uint64_t mark = 0;
    State state = State::kUnknown;
    std::uint64_t change = 0;
    Checksum sum = 0;
    std::string problem;
  };
  // The last ones are remembered; more that wait than these are refused.
  static constexpr std::size_t kRememberedMax = 8;
  static constexpr std::size_t kWaitingMax = 2;

  explicit NamespaceDigests(std::string database_path);
  // What is not done is given up.
  ~NamespaceDigests();

  // What is committed now is what counts. Does not read more than a page of it.
  void begin(std::uint64_t mark);
  Digest find(std::uint64_t mark) const;

 private:
  struct Work {
    std::uint64_t mark = 0;
    std::unique_ptr<storage::NamespaceDigest> digest;
  };

  void run();
  void note(Digest digest);

  const std::string database_path_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Digest> digests_;  // The oldest first.
  std::deque<Work> waiting_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // From the first mark on.
};

}  // namespace minidfs::actors
