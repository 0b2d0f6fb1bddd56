// Numbers the changes that a client asks for, and knows below which number all answers are here
// (metadata::RequestId). Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>

#include "base/ids.hpp"
#include "metadata/changes.hpp"

namespace minidfs::client {

class RequestWindow {
 public:
  explicit RequestWindow(ClientId client) : client_(client) {}

  ClientId client() const { return client_; }

  // The identity of a new request; the same one goes with every repetition of it.
  metadata::RequestId open() {
    answered_.push_back(false);
    return {client_, first_open_ + answered_.size() - 1, first_open_};
  }

  // The request will not be asked again. REQUIRES: opened and not yet closed.
  void close(std::uint64_t sequence) {
    answered_[sequence - first_open_] = true;
    while (!answered_.empty() && answered_.front()) {
      answered_.pop_front();
      ++first_open_;
    }
  }

 private:
  ClientId client_;
  std::uint64_t first_open_ = 1;
  std::deque<bool> answered_;  // Of first_open_, first_open_ + 1, …; the front one is not.
};

}  // namespace minidfs::client
