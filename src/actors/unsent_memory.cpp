#include "actors/unsent_memory.hpp"

namespace minidfs::actors {

UnsentMemory::Share::Share(std::shared_ptr<UnsentMemory> memory, std::function<void()> close)
    : memory_(std::move(memory)), close_(std::move(close)) {}

UnsentMemory::Share::~Share() { count(0); }

void UnsentMemory::Share::queued(std::size_t bytes) {
  queued_bytes_ = bytes;
  update();
}

void UnsentMemory::Share::sending(std::size_t bytes, std::size_t sent) {
  if (bytes > sending_bytes_) queued_bytes_ = 0;
  sending_bytes_ = bytes - sent;
  update();
}

void UnsentMemory::Share::update() {
  if (closed_) return;
  const std::size_t bytes = queued_bytes_ + sending_bytes_;
  count(bytes > kUnsentFreeBytes ? bytes : 0);
  if (bytes > kUnsentBytesMax) give_up();
  while (memory_->used_bytes_ > memory_->bytes_max_) memory_->shares_.rbegin()->second->give_up();
}

void UnsentMemory::Share::count(std::size_t bytes) {
  if (bytes == counted_bytes_) return;
  if (counted_bytes_ > 0) memory_->shares_.erase({counted_bytes_, this});
  if (bytes > 0) memory_->shares_.insert({bytes, this});
  memory_->used_bytes_ = memory_->used_bytes_ - counted_bytes_ + bytes;
  counted_bytes_ = bytes;
}

void UnsentMemory::Share::give_up() {
  closed_ = true;
  count(0);
  close_();
}

}  // namespace minidfs::actors
