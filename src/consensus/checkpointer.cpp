#include "consensus/checkpointer.hpp"

#include <pthread.h>

#include <utility>

namespace minidfs::consensus {

Checkpointer::Checkpointer(StateMachine& state, std::function<void()> changed)
    : state_(state), changed_(std::move(changed)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wake_.notify_one();
}

Index Checkpointer::durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

std::optional<Error> Checkpointer::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void Checkpointer::run() {
  pthread_setname_np(pthread_self(), "checkpoint");
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || (requested_ && !failure_); });
      if (stopping_) return;
      requested_ = false;
    }
    const auto durable = state_.make_durable();
    {
      const std::lock_guard lock(mutex_);
      if (durable.ok()) {
        durable_ = *durable;
      } else {
        failure_ = durable.error();
      }
    }
    changed_();
  }
}

}  // namespace minidfs::consensus
