#include "consensus/segments/mirrored_block.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/file.hpp"

namespace minidfs::consensus {
namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMagicBytes = 8;
constexpr std::size_t kHeadBytes = 24;
constexpr std::size_t kSumAt = kBlockBytes - sizeof(Checksum);
static_assert(kHeadBytes + kBlockContentMaxBytes == kSumAt);

std::string_view text_of(BlockMagic magic) {
  return magic == BlockMagic::kState ? "MDFSRAFT" : "MDFSRSEG";
}

struct BlockHead {
  std::uint32_t version = 0;
  std::uint32_t content_bytes = 0;
  std::uint64_t count = 0;
};

}  // namespace

std::string encode_block(BlockMagic magic, std::uint64_t count, std::string_view content) {
  MDFS_ASSERT(count != 0 && content.size() <= kBlockContentMaxBytes);
  std::string bytes(text_of(magic));
  Encoder encoder(bytes);
  encoder.put(kVersion);
  encoder.put(static_cast<std::uint32_t>(content.size()));
  encoder.put(count);
  bytes.append(content);
  bytes.resize(kSumAt, '\0');
  encoder.put(checksum(bytes));
  return bytes;
}

Result<DecodedBlock> decode_block(BlockMagic magic, std::string_view bytes,
                                  const std::string& what) {
  const Error damaged{Errc::kCorrupt, what + ": checksum mismatch"};
  if (bytes.size() != kBlockBytes || !bytes.starts_with(text_of(magic))) return damaged;
  Checksum sum = 0;
  std::memcpy(&sum, bytes.data() + kSumAt, sizeof sum);
  if (sum != checksum(bytes.substr(0, kSumAt))) return damaged;
  BlockHead head;
  Decoder decoder(bytes.substr(kMagicBytes));
  MDFS_ASSERT(decoder(head.version, head.content_bytes, head.count));
  if (head.version > kVersion) {
    return Error{Errc::kUnsupported, what + ": version " + std::to_string(head.version) +
                                         ", known is " + std::to_string(kVersion) +
                                         "; use a newer minidfs"};
  }
  if (head.version == 0 || head.count == 0 || head.content_bytes > kBlockContentMaxBytes) {
    return damaged;
  }
  return DecodedBlock{head.count, std::string(bytes.substr(kHeadBytes, head.content_bytes))};
}

MirroredBlock::MirroredBlock(BlockMagic magic, Places places, std::string path)
    : magic_(magic), places_(places), path_(std::move(path)) {}

Result<std::string> MirroredBlock::load(int fd) {
  std::string newest;
  counts_ = {};
  for (std::size_t copy = 0; copy < places_.size(); ++copy) {
    std::string bytes(kBlockBytes, '\0');
    // A file that is too short lacks a copy, which may be the one that counts less.
    const auto read = read_at(fd, std::as_writable_bytes(std::span(bytes)), places_[copy], path_);
    if (!read.ok() && read.error().code != Errc::kCorrupt) return read.error();
    auto block = decode_block(magic_, bytes, path_);
    if (!block.ok() && block.error().code == Errc::kUnsupported) return std::move(block).error();
    if (!block.ok()) continue;
    counts_[copy] = block->count;
    if (block->count >= std::max(counts_[0], counts_[1])) newest = std::move(block->content);
  }
  if (counts_[0] != 0 || counts_[1] != 0) return newest;
  return Error{Errc::kCorrupt, path_ + ": checksum mismatch in both copies, at offset " +
                                   std::to_string(places_[0]) + " and at " +
                                   std::to_string(places_[1])};
}

Status MirroredBlock::store(int fd, std::string_view content) {
  const auto count = std::max(counts_[0], counts_[1]) + 1;
  const std::size_t older = counts_[0] <= counts_[1] ? 0 : 1;
  for (const auto copy : {older, 1 - older}) {
    MDFS_CHECK(write_copy(fd, copy, count, content));
    MDFS_CHECK(sync_data(fd, path_));
  }
  return {};
}

Status MirroredBlock::write_first(int fd, std::string_view content) {
  MDFS_CHECK(write_copy(fd, 0, 1, content));
  return write_copy(fd, 1, 1, content);
}

Status MirroredBlock::write_copy(int fd, std::size_t copy, std::uint64_t count,
                                 std::string_view content) {
  const auto bytes = encode_block(magic_, count, content);
  MDFS_CHECK(write_at(fd, std::as_bytes(std::span(bytes)), places_[copy], path_));
  counts_[copy] = count;
  return {};
}

}  // namespace minidfs::consensus
