// The bytes of one block that the store has not written yet. While they are too many its writer is
// not read from: a brake long before the receive memory is used up, and what is written is still in
// the processor's cache. hold() and full() belong to a loop's thread; the store lets go on its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

namespace minidfs::transfer {

class WriteBacklog : public std::enable_shared_from_this<WriteBacklog> {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{2} << 20;

  // `room` is called from any thread when it is no longer full.
  explicit WriteBacklog(std::function<void()> room) : room_(std::move(room)) {}

  // `memory` as the store is to hold it: `bytes` of it count until it is let go of.
  std::shared_ptr<const void> hold(std::shared_ptr<const void> memory, std::size_t bytes) {
    bytes_ += bytes;
    const void* const address = memory.get();
    return {address, [self = shared_from_this(), memory = std::move(memory),
                      bytes](const void* /*address*/) mutable {
              memory.reset();
              self->let_go(bytes);
            }};
  }

  bool full() const { return bytes_ >= kBytesMax; }

 private:
  void let_go(std::size_t bytes) {
    const std::size_t before = bytes_.fetch_sub(bytes);
    if (before >= kBytesMax && before - bytes < kBytesMax) room_();
  }

  const std::function<void()> room_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace minidfs::transfer
