// Makes the sums of a whole replica (block_sum.hpp) from the disk that it stands on, verifying
// every slice as a reader does. A thread of the disk does so part by part; in between others have
// their turn.
//
// For one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/slice_codec.hpp"
#include "transfer/block_sum.hpp"

namespace minidfs::transfer {

class ReplicaSum {
 public:
  explicit ReplicaSum(std::shared_ptr<storage::ReplicaReader> replica)
      : replica_(std::move(replica)) {}

  // Goes on for about so many stored bytes, on a thread of the disk. Whether that was all. kCorrupt
  // when the replica is bad, errors of its disk; then there is no sum.
  Result<bool> go_on(std::size_t bytes);
  // REQUIRES: go_on() has said that it was all.
  BlockSum take() { return summer_.take(); }

 private:
  Result<std::span<const std::byte>> stored(std::size_t slices, std::vector<std::byte>& buffer);
  Status add(const storage::Slice& slice, std::span<const std::byte> stored);
  Error corrupt(std::string_view what) const;

  const std::shared_ptr<storage::ReplicaReader> replica_;
  std::size_t next_ = 0;      // The slice.
  std::uint64_t summed_ = 0;  // Bytes before it.
  storage::SliceDecoder decoder_;
  BlockSummer summer_;
};

}  // namespace minidfs::transfer
