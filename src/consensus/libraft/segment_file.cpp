#include "consensus/libraft/segment_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace minidfs::consensus {
namespace {

constexpr std::size_t kPreambleBytes = 16;          // Two checksums and the number of entries.
constexpr std::size_t kEntryInfoBytes = 16;         // Term, type, size.
constexpr std::uint64_t kBatchEntriesMax = 262144;  // libraft's own bound.

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i << 24;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 0x80000000U) ? (crc << 1) ^ 0x04C11DB7U : crc << 1;
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

template <class T>
T read_int(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool only_zeros(std::string_view bytes) {
  return bytes.empty() ||
         (bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

struct Batch {
  std::vector<StoredEntry> entries;
  std::size_t end = 0;
};

// The whole batch at `offset`, or nothing. Sets `too_short` when bytes are missing at the end of
// the file (libraft refuses such a segment instead of cutting it).
std::optional<Batch> read_batch(std::string_view bytes, std::size_t offset, bool& too_short) {
  too_short = bytes.size() - offset < kPreambleBytes;
  if (too_short) return std::nullopt;
  const auto count = read_int<std::uint64_t>(bytes, offset + 8);
  if (count == 0 || count > kBatchEntriesMax) return std::nullopt;
  const std::size_t header_bytes = 8 + count * kEntryInfoBytes;
  too_short = bytes.size() - (offset + 8) < header_bytes;
  if (too_short) return std::nullopt;
  const auto header = bytes.substr(offset + 8, header_bytes);
  // A cheap look at the first entry spares most checksums when searching for batches.
  const auto first_type = static_cast<std::uint8_t>(header[16]);
  if (first_type < 1 || first_type > 3) return std::nullopt;
  if (raft_crc32(header) != read_int<std::uint32_t>(bytes, offset)) return std::nullopt;

  Batch batch;
  batch.entries.reserve(count);
  std::size_t position = offset + 8 + header_bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t info = 8 + i * kEntryInfoBytes;
    const std::size_t size = read_int<std::uint32_t>(header, info + 12);
    const std::size_t padded = (size + 7) / 8 * 8;
    too_short = bytes.size() - position < padded;
    if (too_short) return std::nullopt;
    batch.entries.push_back({read_int<std::uint64_t>(header, info),
                             static_cast<EntryType>(header[info + 8]),
                             bytes.substr(position, size)});
    position += padded;
  }
  const auto data = bytes.substr(offset + 8 + header_bytes, position - (offset + 8 + header_bytes));
  if (raft_crc32(data) != read_int<std::uint32_t>(bytes, offset + 4)) return std::nullopt;
  batch.end = position;
  return batch;
}

}  // namespace

std::uint32_t raft_crc32(std::string_view bytes, std::uint32_t previous) {
  std::uint32_t crc = previous;
  for (const char c : bytes) {
    crc = (crc << 8) ^ kCrcTable[((crc >> 24) ^ static_cast<unsigned char>(c)) & 0xFFU];
  }
  return crc;
}

Result<SegmentScan> scan_segment(std::string_view bytes, const std::string& what) {
  SegmentScan scan;
  if (only_zeros(bytes)) {
    scan.blank = true;
    return scan;
  }
  const auto format = bytes.size() < 8 ? 0 : read_int<std::uint64_t>(bytes, 0);
  if (format != 1 && !(format == 2 && bytes.size() >= 16)) {
    return Error{Errc::kCorrupt, what + ": " + std::to_string(bytes.size()) +
                                     " bytes that do not start like a log segment (format " +
                                     std::to_string(format) + ", known are 1 and 2)"};
  }
  scan.end = format == 1 ? 8 : 16;
  if (format == 2) scan.first_index = read_int<std::uint64_t>(bytes, 8);
  while (scan.end < bytes.size()) {
    auto batch = read_batch(bytes, scan.end, scan.too_short);
    if (!batch) break;
    scan.entries.insert(scan.entries.end(), batch->entries.begin(), batch->entries.end());
    scan.end = batch->end;
  }
  scan.clean_end = only_zeros(bytes.substr(scan.end));
  return scan;
}

void scan_beyond(std::string_view bytes, std::size_t offset,
                 const std::function<void(const StoredEntry&)>& visit) {
  std::size_t position = offset + 8;  // Batches start at multiples of eight bytes.
  while (position + kPreambleBytes <= bytes.size()) {
    bool ignored = false;
    const auto batch = read_batch(bytes, position, ignored);
    if (!batch) {
      position += 8;
      continue;
    }
    for (const auto& entry : batch->entries) visit(entry);
    position = batch->end;
  }
}

}  // namespace minidfs::consensus
