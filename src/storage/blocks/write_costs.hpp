// Which way of writing large replicas costs the processor less on this machine, by what both have
// cost lately. New pages of the page cache cost next to nothing where the kernel has just got some
// back, and ten times as much as the bytes in them where a host hands each one out anew; that
// changes from minute to minute, so it is measured all the time. Pure; not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "storage/blocks/block_store.hpp"

namespace minidfs::storage {

enum class WriteWay : std::uint8_t { kCached, kDirect };

class WriteCosts {
 public:
  // `cpu`: what the thread that wrote has used for it.
  void note(WriteWay way, std::uint64_t bytes, std::chrono::nanoseconds cpu);

  // For the next file. The page cache, as long as it is not dear: what the disk has then to do, it
  // may do when it likes. Now and then the other way, so that a change is noticed; not at the cost
  // of readers here.
  WriteWay choose(Readers readers);

 private:
  // Past the page cache when that costs so many times less.
  static constexpr double kDear = 4;
  // The same where readers will look for the bytes here: from the disk they cost them about as much
  // more as a cheap page does.
  static constexpr double kDearWithReaders = 6;
  // So many bytes outweigh all that was noted before.
  static constexpr std::uint64_t kMemoryBytes = std::uint64_t{32} << 20;
  // One file of so many goes the other way.
  static constexpr std::uint64_t kTryEvery = 16;

  struct Cost {
    double ns_per_byte = 0;
    bool known = false;
  };
  Cost& of(WriteWay way) { return costs_.at(static_cast<std::size_t>(way)); }
  WriteWay cheaper(bool readers_here);

  std::array<Cost, 2> costs_;
  std::uint64_t chosen_ = 0;
};

}  // namespace minidfs::storage
