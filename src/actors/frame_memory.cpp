#include "actors/frame_memory.hpp"

#include <utility>

namespace minidfs::actors {

FrameMemory::Share::Share(std::shared_ptr<FrameMemory> memory, std::function<void()> evicted)
    : memory_(std::move(memory)), evicted_(std::move(evicted)) {}

FrameMemory::Share::~Share() { release(); }

bool FrameMemory::Share::grow_to(std::size_t bytes) {
  if (bytes <= bytes_) return true;
  const std::size_t more = bytes - bytes_;
  while (memory_->used_bytes_ + more > memory_->bytes_max_) {
    if (memory_->shares_.empty() || memory_->shares_.front() == this) return false;
    Share& oldest = *memory_->shares_.front();
    oldest.release();
    oldest.evicted_();
  }
  if (bytes_ == 0) place_ = memory_->shares_.insert(memory_->shares_.end(), this);
  memory_->used_bytes_ += more;
  bytes_ = bytes;
  return true;
}

void FrameMemory::Share::release() {
  if (bytes_ == 0) return;
  memory_->shares_.erase(place_);
  memory_->used_bytes_ -= std::exchange(bytes_, 0);
}

}  // namespace minidfs::actors
