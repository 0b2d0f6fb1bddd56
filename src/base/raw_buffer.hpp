// Memory that is written before it is read: it is not cleared, so that the part of a buffer that a
// small file leaves unused costs nothing.
#pragma once

#include <cstddef>
#include <memory>

namespace minidfs {

// Of a size that stays; converts to a span.
class RawBuffer {
 public:
  RawBuffer() = default;
  explicit RawBuffer(std::size_t size)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}

  std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::byte* begin() const { return data(); }
  std::byte* end() const { return data() + size_; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace minidfs
