#include "transfer/block_sum.hpp"

#include <algorithm>

#include "base/crc32c.hpp"

namespace minidfs::transfer {

void BlockSummer::add(std::span<const std::byte> bytes) {
  if (!chunk_.empty()) {
    const auto begun = bytes.first(std::min(bytes.size(), kSumChunkBytes - chunk_.size()));
    chunk_.insert(chunk_.end(), begun.begin(), begun.end());
    if (chunk_.size() < kSumChunkBytes) return;
    add_chunks(chunk_);
    bytes = bytes.subspan(begun.size());
  }
  const auto whole = bytes.first(bytes.size() / kSumChunkBytes * kSumChunkBytes);
  add_chunks(whole);
  const auto rest = bytes.subspan(whole.size());
  chunk_.assign(rest.begin(), rest.end());
}

// Whole ones.
void BlockSummer::add_chunks(std::span<const std::byte> chunks) {
  static const Crc32cJoiner joiner(kSumChunkBytes);
  for (; !chunks.empty(); chunks = chunks.subspan(kSumChunkBytes)) {
    const auto sum = crc32c(chunks.first(kSumChunkBytes));
    crc32c_ = joiner.of_both(crc32c_, sum);
    note(sum);
  }
  md5_.add(sums_);
  sums_.clear();
}

void BlockSummer::note(std::uint32_t chunk_sum) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    sums_.push_back(static_cast<std::byte>(chunk_sum >> shift));
  }
}

BlockSum BlockSummer::take() {
  if (!chunk_.empty()) {
    const auto sum = crc32c(chunk_);
    crc32c_ = crc32c_of_both(crc32c_, sum, chunk_.size());
    note(sum);
    md5_.add(sums_);
    sums_.clear();
    chunk_.clear();
  }
  return {md5_.take(), std::exchange(crc32c_, 0)};
}

}  // namespace minidfs::transfer
