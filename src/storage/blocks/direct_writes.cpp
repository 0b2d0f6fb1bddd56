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
// may take its time; one that nobody will read would only take the place of others there.
bool DirectWrites::wanted(Readers readers) {
  switch (options_.mode) {
    case WriteCache::kCached:
      return false;
    case WriteCache::kDirect:
      return true;
    case WriteCache::kAuto:
      if (!compares_costs()) return false;
      return readers == Readers::kNobody || costs_.choose(readers) == WriteWay::kDirect;
  }
  return false;
}

DirectWrites::Buffer DirectWrites::take(Readers readers) {
  const std::lock_guard lock(mutex_);
  if (refused_ || taken_ == kBuffersMax || !wanted(readers)) return {};
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

void DirectWrites::note_cost(WriteWay way, std::uint64_t bytes, std::chrono::nanoseconds cpu) {
  const std::lock_guard lock(mutex_);
  costs_.note(way, bytes, cpu);
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
