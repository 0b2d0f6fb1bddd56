// Makes the state durable in the background, so that the log can be dropped up to there. Owns a
// thread, because that takes as long as the disk likes.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "consensus/state_machine.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

class Checkpointer {
 public:
  // `changed` is called on this thread when durable() or failure() is another one. `state` must
  // outlive this.
  Checkpointer(StateMachine& state, std::function<void()> changed);
  ~Checkpointer();  // Ends what is under way.
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // All thread-safe. A request while one is under way is followed by another one.
  void request();
  // The state is durable up to this entry.
  Index durable() const;
  // Of the state; after it nothing is tried again, as if nothing had happened.
  std::optional<Error> failure() const;

 private:
  void run();

  StateMachine& state_;
  const std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  Index durable_ = 0;
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace minidfs::consensus
