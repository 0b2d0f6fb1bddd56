// A port that passes everything on to another one until it is frozen: then, like a process that was
// stopped, it keeps its connections, lets new ones be made, and neither takes nor gives a byte.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

class FreezingRelay {
 public:
  explicit FreezingRelay(std::uint16_t target_port);
  ~FreezingRelay();

  metadata::Endpoint address() const { return {"127.0.0.1", port_}; }
  void freeze() { freeze_after_ = 0; }
  // From now on answers are kept back, and requests are passed on.
  void mute() { muted_ = true; }
  // Freezes by itself when the target has answered with so many bytes.
  void freeze_after(std::uint64_t answer_bytes) { freeze_after_ = answer_bytes; }
  // Bytes that were passed on to the target.
  std::uint64_t requested_bytes() const { return requested_bytes_; }

 private:
  struct Link {
    UniqueFd client;
    UniqueFd target;
    std::string to_target;  // Taken from the client, not yet passed on.
    std::string to_client;
  };

  void run();
  void accept_one();
  // Passes on what goes without waiting: an end that takes nothing holds up no other direction.
  // False when one of the ends has closed.
  bool pass_on(int from, int to, std::string& waiting, std::atomic<std::uint64_t>& counter);
  bool pass_on(Link& link);

  std::uint16_t target_port_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd stop_;  // An eventfd, readable when the thread shall end.
  std::vector<Link> links_;
  std::atomic<std::uint64_t> freeze_after_{UINT64_MAX};
  std::atomic<bool> muted_{false};
  std::atomic<std::uint64_t> requested_bytes_{0};
  std::atomic<std::uint64_t> answered_bytes_{0};
  std::thread thread_;
};

}  // namespace minidfs::client
