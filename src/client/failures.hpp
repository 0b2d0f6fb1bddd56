// The failures of single files among many that are copied: each is told, and only what every other
// file would meet as well ends the whole.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "client/file_system.hpp"

namespace minidfs::client {

// The error is one of the cluster or of the way there, not of a file: the others would only wait
// for the same. Pure.
inline bool ends_all(Errc code) {
  switch (code) {
    case Errc::kUnavailable:
    case Errc::kTimedOut:
    case Errc::kBusy:
    case Errc::kNotLeader:
    case Errc::kSafeMode:
    case Errc::kBehind:
    case Errc::kNoDatanode:
    case Errc::kWrongCluster:
    case Errc::kCancelled:
      return true;
    default:
      return false;
  }
}

// Thread-safe.
class Failures {
 public:
  explicit Failures(FailureCallback callback) : callback_(std::move(callback)) {}

  void note(const Error& error) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (callback_) {
      callback_(error);
    } else if (!first_) {
      first_ = error;
    }
  }

  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  // The first one, unless they were told.
  Status result() const {
    const std::lock_guard lock(mutex_);
    return first_ ? Status(*first_) : Status();
  }

 private:
  const FailureCallback callback_;
  mutable std::mutex mutex_;
  std::size_t count_ = 0;
  std::optional<Error> first_;
};

}  // namespace minidfs::client
