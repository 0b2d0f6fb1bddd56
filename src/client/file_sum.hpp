// Combines the sums of a file's blocks to HDFS's checksum of the file. Pure.
#pragma once

#include <cstdint>

#include "auth/md5.hpp"
#include "client/hdfs_checksum.hpp"
#include "transfer/block_sum.hpp"

namespace minidfs::client {

class FileSum {
 public:
  explicit FileSum(CombineMode mode) : mode_(mode) {}

  // Of the next block, which has so many bytes.
  void add(const transfer::BlockSum& sum, std::uint64_t length);
  std::uint64_t length() const { return length_; }
  // Of all blocks. Last of all.
  HdfsChecksum take();

 private:
  HdfsChecksum md5_of_md5s(std::uint32_t bytes_per_sum, std::uint64_t sums_per_block);

  const CombineMode mode_;
  std::uint64_t blocks_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t first_length_ = 0;  // Of the first block.
  auth::Md5 md5_;                   // Of the blocks' MD5s.
  std::uint32_t crc32c_ = 0;
};

}  // namespace minidfs::client
