// HDFS's checksum of a file, MD5-of-MD5-of-CRC32C: what DistCp compares files by. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace minidfs::http::webhdfs {

struct FileChecksum {
  std::string algorithm;  // "MD5-of-131072MD5-of-512CRC32C"
  std::string hex;        // 28 bytes.
};

// Is given the bytes of a file in order, in pieces of any size.
class FileChecksumSum {
 public:
  // As long as its blocks are; none of them is empty.
  FileChecksumSum(std::vector<std::uint64_t> blocks, std::uint64_t block_size);
  ~FileChecksumSum();

  // REQUIRES: not more than the blocks have.
  void add(std::span<const std::byte> bytes);
  // REQUIRES: all of them have come.
  FileChecksum finish();

 private:
  class Md5;

  void add_chunk(std::span<const std::byte> chunk);
  void end_block();

  const std::vector<std::uint64_t> blocks_;
  const std::uint64_t block_size_;
  std::size_t block_ = 0;         // The one that the next byte belongs to.
  std::uint64_t in_block_ = 0;    // Bytes of it that have come.
  std::vector<std::byte> chunk_;  // The beginning of one that is not whole.
  std::unique_ptr<Md5> sums_of_block_;
  std::vector<std::byte> sums_;  // Of whole blocks.
};

}  // namespace minidfs::http::webhdfs
