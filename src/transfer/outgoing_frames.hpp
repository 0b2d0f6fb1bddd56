// The bytes that a writer sends next, in pieces for gathered system calls: heads of frames in
// memory of its own, data where the caller has it. Pure.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "storage/blocks/block_store.hpp"

namespace minidfs::transfer {

class OutgoingFrames {
 public:
  // All of `bytes`, which are whole frames and are left empty, and then `slices` with their data in
  // frames of 512 KiB. `slices` and `stored` stay where they are until done(). REQUIRES: done().
  void begin(std::string& bytes, std::span<const storage::Slice> slices = {},
             std::span<const std::byte> stored = {});

  // The next pieces, to be shortened by what was sent of them. Empty only when done().
  std::span<iovec>& next();
  bool done() const { return left_.empty() && slices_.empty(); }
  // What is left is never sent.
  void drop();

 private:
  static constexpr std::size_t kFramesMax = 8;  // At a time.

  void load();

  std::string heads_;
  std::array<iovec, 2 * kFramesMax> parts_;
  std::span<iovec> left_;  // Of parts_.
  std::span<const storage::Slice> slices_;
  std::span<const std::byte> stored_;
};

}  // namespace minidfs::transfer
