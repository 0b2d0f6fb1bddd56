#include "storage/blocks/direct_writes.hpp"

namespace minidfs::storage {

DirectWrites::Buffer& DirectWrites::Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    reset();
    owner_ = other.owner_;
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

void DirectWrites::Buffer::reset() {
  if (bytes_) owner_->give_back(std::move(bytes_));
}

// A replica that need not be on the disk soon costs least in the page cache, from where the kernel
// may take its time.
bool DirectWrites::wanted(Readers readers) const {
  switch (options_.mode) {
    case WriteCache::kCached:
      return false;
    case WriteCache::kDirect:
      return true;
    case WriteCache::kAuto:
      return options_.durability == Durability::kSync && readers != Readers::kHere;
  }
  return false;
}

DirectWrites::Buffer DirectWrites::take(Readers readers) {
  if (!wanted(readers)) return {};
  const std::lock_guard lock(mutex_);
  if (refused_ || taken_ == kBuffersMax) return {};
  ++taken_;
  if (kept_.empty()) return {*this, make_aligned(kBufferBytes)};
  Buffer buffer(*this, std::move(kept_.back()));
  kept_.pop_back();
  return buffer;
}

void DirectWrites::give_back(AlignedBytes bytes) {
  const std::lock_guard lock(mutex_);
  --taken_;
  if (kept_.size() < kKeptMax) kept_.push_back(std::move(bytes));
}

void DirectWrites::refuse(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(refused_, true)) return;
  }
  options_.notice(options_.directory +
                  ": the file system takes no writes past the page cache; blocks go through it (" +
                  reason + ")");
}

}  // namespace minidfs::storage
