#include "http/webhdfs/file_checksum.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/crc32c.hpp"
#include "base/error.hpp"

namespace minidfs::http::webhdfs {
namespace {

// HDFS's dfs.bytes-per-checksum.
constexpr std::size_t kChunkBytes = 512;
constexpr std::size_t kMd5Bytes = 16;
// HDFS sums the whole of a Java buffer, zeros behind what is in it included: it begins with so many
// bytes, and doubles.
constexpr std::size_t kJavaBufferBytes = 32;

template <class Integer>
void append_big_endian(Integer value, std::vector<std::byte>& out) {
  for (auto shift = 8 * static_cast<int>(sizeof value) - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(value >> shift));
  }
}

std::string hex_of(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace

class FileChecksumSum::Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { begin(); }

  void add(std::span<const std::byte> bytes) {
    MDFS_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }

  // Of what was added since the last one.
  std::array<std::byte, kMd5Bytes> take() {
    std::array<std::byte, kMd5Bytes> sum{};
    MDFS_ASSERT(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(sum.data()),
                                   nullptr) == 1);
    begin();
    return sum;
  }

 private:
  void begin() { MDFS_ASSERT(EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) == 1); }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

FileChecksumSum::FileChecksumSum(std::vector<std::uint64_t> blocks, std::uint64_t block_size)
    : blocks_(std::move(blocks)), block_size_(block_size), sums_of_block_(std::make_unique<Md5>()) {
  chunk_.reserve(kChunkBytes);
}

FileChecksumSum::~FileChecksumSum() = default;

void FileChecksumSum::add(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    MDFS_ASSERT(block_ < blocks_.size());
    const auto left_of_block = blocks_[block_] - in_block_;
    const auto left_of_chunk = kChunkBytes - chunk_.size();
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>({bytes.size(), left_of_block, left_of_chunk}));
    in_block_ += size;
    const bool ends_block = in_block_ == blocks_[block_];
    if (chunk_.empty() && (size == kChunkBytes || ends_block)) {
      add_chunk(bytes.first(size));
    } else {
      chunk_.insert(chunk_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      if (chunk_.size() == kChunkBytes || ends_block) {
        add_chunk(chunk_);
        chunk_.clear();
      }
    }
    bytes = bytes.subspan(size);
    if (ends_block) end_block();
  }
}

void FileChecksumSum::add_chunk(std::span<const std::byte> chunk) {
  std::vector<std::byte> sum;
  append_big_endian(crc32c(chunk), sum);
  sums_of_block_->add(sum);
}

void FileChecksumSum::end_block() {
  const auto sum = sums_of_block_->take();
  sums_.insert(sums_.end(), sum.begin(), sum.end());
  ++block_;
  in_block_ = 0;
}

FileChecksum FileChecksumSum::finish() {
  MDFS_ASSERT(block_ == blocks_.size());
  const bool empty = blocks_.empty();
  const std::uint32_t bytes_per_sum = empty ? 0 : kChunkBytes;
  const std::uint64_t sums_per_block = blocks_.size() <= 1 ? 0 : block_size_ / kChunkBytes;
  auto size = kJavaBufferBytes;
  while (size < sums_.size()) size *= 2;
  sums_.resize(size);
  sums_of_block_->add(sums_);
  std::vector<std::byte> bytes;
  append_big_endian(bytes_per_sum, bytes);
  append_big_endian(sums_per_block, bytes);
  const auto sum = sums_of_block_->take();
  bytes.insert(bytes.end(), sum.begin(), sum.end());
  return {"MD5-of-" + std::to_string(sums_per_block) + "MD5-of-" + std::to_string(bytes_per_sum) +
              (empty ? "CRC32" : "CRC32C"),
          hex_of(bytes)};
}

}  // namespace minidfs::http::webhdfs
