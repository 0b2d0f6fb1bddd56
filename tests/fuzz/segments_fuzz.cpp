// The log's own files: entries in a segment, headers, and the state.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/codec.hpp"
#include "consensus/segments/log_state.hpp"
#include "consensus/segments/mirrored_block.hpp"
#include "consensus/segments/record_scan.hpp"
#include "consensus/segments/segment.hpp"

namespace {

using namespace minidfs;
using namespace minidfs::consensus;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

std::uint64_t incarnation_in(std::string_view bytes) {
  std::uint64_t incarnation = 0;
  if (bytes.size() >= 16) std::memcpy(&incarnation, bytes.data() + 8, sizeof incarnation);
  return incarnation;
}

// Makes the checksum of the first entry right, so that what comes after the checksum is reached.
void mend_first(std::string& bytes) {
  if (bytes.size() < kRecordHeaderBytes) return;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 56, sizeof length);
  if (length > kPayloadMaxBytes || record_bytes(length) > bytes.size()) return;
  const auto sum = checksum(std::string_view(bytes).substr(8, record_bytes(length) - 8));
  std::memcpy(bytes.data(), &sum, sizeof sum);
}

void scan(std::string_view bytes) {
  const auto incarnation = incarnation_in(bytes);
  const auto found = scan_records(bytes, {incarnation, {}, 0});
  require(found.end <= bytes.size() && found.places.size() == found.last.index);
  const auto beyond = look_beyond(bytes, found.end, incarnation);
  require(!beyond || beyond->offset >= found.end);
  const auto record = decode_record(bytes, 0, incarnation);
  if (!record) return;
  require(record->bytes() <= bytes.size());
  std::string again;
  encode_record(record->link, record->marks, record->entry(), again);
  const auto second = decode_record(again, 0, incarnation);
  require(second && second->entry() == record->entry() && second->bytes() == record->bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(decode_block(BlockMagic::kState, bytes, "fuzz"));
  static_cast<void>(decode_block(BlockMagic::kSegment, bytes, "fuzz"));
  static_cast<void>(decode<StateContent>(bytes, "fuzz"));
  static_cast<void>(decode<SegmentHeader>(bytes, "fuzz"));
  scan(bytes);
  mend_first(bytes);
  scan(bytes);
  if (bytes.size() <= kBlockContentMaxBytes) {
    const auto block = encode_block(BlockMagic::kState, 1, bytes);
    require(decode_block(BlockMagic::kState, block, "fuzz").value().content == bytes);
  }
  return 0;
}
