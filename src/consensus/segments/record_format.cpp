#include "consensus/segments/record_format.hpp"

#include <bit>
#include <cstddef>
#include <cstring>

#include "base/result.hpp"

namespace minidfs::consensus {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied as they are");

struct RecordHeader {
  std::uint64_t sum = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t before_sum = 0;
  std::uint64_t index = 0;
  std::uint64_t term = 0;
  std::uint64_t committed = 0;
  std::uint64_t synced = 0;
  std::uint32_t payload_bytes = 0;
  std::uint8_t kind = 0;
  std::uint8_t zero[3] = {};
};
static_assert(sizeof(RecordHeader) == kRecordHeaderBytes);

constexpr std::size_t kSumBytes = sizeof(Checksum);

bool is_kind(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(EntryKind::kCommand) &&
         kind <= static_cast<std::uint8_t>(EntryKind::kMembers);
}

}  // namespace

Checksum encode_record(const RecordLink& link, const RecordMarks& marks, const Entry& entry,
                       std::string& out) {
  MDFS_ASSERT(entry.payload.size() <= kPayloadMaxBytes);
  RecordHeader header;
  header.incarnation = link.incarnation;
  header.before_sum = link.before_sum;
  header.index = entry.index;
  header.term = entry.term;
  header.committed = marks.committed;
  header.synced = marks.synced;
  header.payload_bytes = static_cast<std::uint32_t>(entry.payload.size());
  header.kind = static_cast<std::uint8_t>(entry.kind);
  const auto begin = out.size();
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out.append(entry.payload);
  out.resize(begin + record_bytes(entry.payload.size()), '\0');
  const auto sum = checksum(std::string_view(out).substr(begin + kSumBytes));
  std::memcpy(out.data() + begin, &sum, sizeof sum);
  return sum;
}

std::optional<Record> decode_record(std::string_view bytes, std::size_t offset,
                                    std::uint64_t incarnation) {
  if (offset > bytes.size() || bytes.size() - offset < kRecordHeaderBytes) return std::nullopt;
  std::uint64_t found = 0;  // Looked at first: a search meets millions of other bytes.
  std::memcpy(&found, bytes.data() + offset + offsetof(RecordHeader, incarnation), sizeof found);
  if (found != incarnation) return std::nullopt;
  RecordHeader header;
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  if (!is_kind(header.kind) || header.payload_bytes > kPayloadMaxBytes) return std::nullopt;
  const auto size = record_bytes(header.payload_bytes);
  if (bytes.size() - offset < size) return std::nullopt;
  if (checksum(bytes.substr(offset + kSumBytes, size - kSumBytes)) != header.sum) {
    return std::nullopt;
  }
  return Record{header.sum,
                {header.incarnation, header.before_sum},
                {header.term, header.index},
                {header.committed, header.synced},
                static_cast<EntryKind>(header.kind),
                bytes.substr(offset + kRecordHeaderBytes, header.payload_bytes)};
}

}  // namespace minidfs::consensus
