// What HDFS's checksums of files are made of: two sums of each block, one for each way to combine
// them (client/hdfs_checksum.hpp). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "auth/md5.hpp"

namespace minidfs::transfer {

// HDFS's dfs.bytes-per-checksum.
inline constexpr std::size_t kSumChunkBytes = 512;

struct BlockSum {
  auth::Md5::Digest md5{};   // Of the CRC-32Cs of its chunks, big-endian, one behind the other.
  std::uint32_t crc32c = 0;  // Of the whole block.

  friend bool operator==(const BlockSum&, const BlockSum&) = default;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, BlockSum& x) {
  return [&]<std::size_t... kAt>(std::index_sequence<kAt...>) { return f(x.md5[kAt]..., x.crc32c); }
  (std::make_index_sequence<std::tuple_size_v<auth::Md5::Digest>>{});
}

// Makes the sums of the bytes of a block, which come in order and in pieces of any size.
class BlockSummer {
 public:
  void add(std::span<const std::byte> bytes);
  // Of what was added since the last one.
  BlockSum take();

 private:
  void add_chunks(std::span<const std::byte> chunks);
  void note(std::uint32_t chunk_sum);

  std::vector<std::byte> chunk_;  // The beginning of one that is not whole.
  std::vector<std::byte> sums_;   // Of chunks, on their way to md5_.
  auth::Md5 md5_;
  std::uint32_t crc32c_ = 0;
};

}  // namespace minidfs::transfer
