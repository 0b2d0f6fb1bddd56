#include "client/file_sum.hpp"

#include <span>
#include <string>
#include <vector>

#include "base/crc32c.hpp"

namespace minidfs::client {
namespace {

// HDFS sums the whole of a Java buffer, zeros behind what is in it included: it begins with so many
// bytes, and doubles.
constexpr std::uint64_t kJavaBufferBytes = 32;

// In big-endian form.
template <class Integer>
void append_hex(Integer value, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (auto shift = 8 * static_cast<int>(sizeof value) - 4; shift >= 0; shift -= 4) {
    out += kDigits[value >> shift & 15];
  }
}

}  // namespace

void FileSum::add(const transfer::BlockSum& sum, std::uint64_t length) {
  if (blocks_++ == 0) first_length_ = length;
  length_ += length;
  if (mode_ == CombineMode::kMd5Md5Crc) {
    md5_.add(sum.md5);
  } else {
    crc32c_ = crc32c_of_both(crc32c_, sum.crc32c, length);
  }
}

HdfsChecksum FileSum::take() {
  // What HDFS has ever said of an empty file, whatever the mode.
  if (blocks_ == 0) return md5_of_md5s(0, 0);
  if (mode_ == CombineMode::kMd5Md5Crc) {
    // As many as the first block has; the others may have more, or less.
    const auto sums = (first_length_ + transfer::kSumChunkBytes - 1) / transfer::kSumChunkBytes;
    return md5_of_md5s(transfer::kSumChunkBytes, blocks_ == 1 ? 0 : sums);
  }
  HdfsChecksum checksum{"COMPOSITE-CRC32C", {}};
  append_hex(crc32c_, checksum.hex);
  return checksum;
}

HdfsChecksum FileSum::md5_of_md5s(std::uint32_t bytes_per_sum, std::uint64_t sums_per_block) {
  const auto used = blocks_ * sizeof(auth::Md5::Digest);
  auto buffer = kJavaBufferBytes;
  while (buffer < used) buffer *= 2;
  for (auto left = buffer - used; left > 0; left -= sizeof(auth::Md5::Digest)) {
    md5_.add(auth::Md5::Digest{});
  }
  HdfsChecksum checksum{"MD5-of-" + std::to_string(sums_per_block) + "MD5-of-" +
                            std::to_string(bytes_per_sum) + (blocks_ == 0 ? "CRC32" : "CRC32C"),
                        {}};
  append_hex(bytes_per_sum, checksum.hex);
  append_hex(sums_per_block, checksum.hex);
  for (const auto byte : md5_.take()) append_hex(std::to_integer<std::uint8_t>(byte), checksum.hex);
  return checksum;
}

}  // namespace minidfs::client
