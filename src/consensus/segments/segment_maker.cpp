#include "consensus/segments/segment_maker.hpp"

#include <pthread.h>

#include <utility>

namespace minidfs::consensus {

SegmentMaker::SegmentMaker() : thread_([this] { run(); }) {}

SegmentMaker::~SegmentMaker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (ready_) ready_->remove();
}

void SegmentMaker::want(SegmentName name, std::uint64_t size_bytes) {
  MDFS_ASSERT(!wanted_);
  wanted_ = true;
  {
    const std::lock_guard lock(mutex_);
    order_ = Order{std::move(name), size_bytes};
  }
  changed_.notify_all();
}

std::optional<BlankSegment> SegmentMaker::take() {
  if (!std::exchange(wanted_, false)) return std::nullopt;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !order_; });
  return std::exchange(ready_, std::nullopt);
}

void SegmentMaker::run() {
  pthread_setname_np(pthread_self(), "segments");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || order_; });
    if (!order_) return;
    const auto order = *order_;
    lock.unlock();
    auto blank = BlankSegment::make(order.name, order.size_bytes);
    if (blank.ok() && !blank->sync().ok()) {
      blank->remove();
      blank = Error{Errc::kIoError, "not durable"};
    }
    lock.lock();
    if (blank.ok()) ready_ = std::move(blank).value();
    order_.reset();
    changed_.notify_all();
  }
}

}  // namespace minidfs::consensus
