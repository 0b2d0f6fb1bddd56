// Which large replicas of one disk are written past the page cache, and the aligned memory for it.
// Thread-safe; outlives the files that use it.
// docs/decisions/large-replicas-past-the-page-cache.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/blocks/block_store.hpp"
#include "storage/blocks/direct_io.hpp"
#include "storage/blocks/write_costs.hpp"

namespace minidfs::storage {

class DirectWrites {
 public:
  // What one file gathers before it is written.
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
  // So many files are written at a time; more go through the page cache.
  static constexpr std::size_t kBuffersMax = 16;

  struct Options {
    std::string directory;
    WriteCache mode = WriteCache::kAuto;
    Durability durability = Durability::kSync;
    std::function<void(std::string)> notice;
  };
  explicit DirectWrites(Options options) : options_(std::move(options)) {}

  // One buffer, which goes back by its destruction.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(DirectWrites& owner, AlignedBytes bytes) : owner_(&owner), bytes_(std::move(bytes)) {}
    Buffer(Buffer&&) noexcept = default;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer() { reset(); }

    explicit operator bool() const { return bytes_ != nullptr; }
    std::byte* data() const { return bytes_.get(); }
    void reset();

   private:
    DirectWrites* owner_ = nullptr;
    AlignedBytes bytes_;
  };

  // For a file with such readers; none when it is to go through the page cache.
  Buffer take(Readers readers);

  // Whether the way of a file depends on what both have cost.
  bool compares_costs() const {
    return options_.mode == WriteCache::kAuto && options_.durability == Durability::kSync;
  }
  // What writing has cost the processor, one way or the other.
  void note_cost(WriteWay way, std::uint64_t bytes, std::chrono::nanoseconds cpu);

  // The file system cannot do it: no more files here, and the operator is told once.
  void refuse(const std::string& reason);

 private:
  // So many are kept for the next files.
  static constexpr std::size_t kKeptMax = 4;

  bool wanted(Readers readers);
  void give_back(AlignedBytes bytes);

  const Options options_;
  std::mutex mutex_;
  WriteCosts costs_;
  bool refused_ = false;
  std::size_t taken_ = 0;
  std::vector<AlignedBytes> kept_;
};

}  // namespace minidfs::storage
