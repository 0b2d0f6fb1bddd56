#include "consensus/libraft/envelope.hpp"

#include <bit>
#include <cstring>

#include "base/checksum.hpp"

namespace minidfs::consensus {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are copied as they are");

constexpr std::uint32_t kEntryFormat = 1;
constexpr char kSnapshotMagic[8] = {'M', 'D', 'F', 'S', 'S', 'N', 'A', 'P'};
constexpr std::uint64_t kSnapshotVersion = 1;

struct SnapshotContent {
  char magic[8];
  std::uint64_t version;
  std::uint64_t number;
  std::uint64_t sum;  // XXH3-64 of the bytes before it.
};
static_assert(sizeof(SnapshotContent) == kSnapshotBytes);

std::uint64_t sum_of(const SnapshotContent& content) {
  return checksum(
      std::string_view(reinterpret_cast<const char*>(&content), offsetof(SnapshotContent, sum)));
}

}  // namespace

Result<DecodedEntry> decode_entry(std::string_view bytes, std::string_view what) {
  DecodedEntry entry;
  if (bytes.size() >= kEntryHeaderBytes) {
    std::memcpy(&entry.header, bytes.data(), kEntryHeaderBytes);
    if (entry.header.format == kEntryFormat && entry.header.command_bytes <= kEnvelopedMaxBytes &&
        entry_bytes(entry.header.command_bytes) == bytes.size()) {
      entry.command = bytes.substr(kEntryHeaderBytes, entry.header.command_bytes);
      return entry;
    }
  }
  return Error{Errc::kCorrupt, std::string(what) + ": an entry of " + std::to_string(bytes.size()) +
                                   " bytes that is not a command of this version"};
}

Result<std::uint64_t> decode_snapshot(std::string_view bytes, std::string_view what) {
  SnapshotContent content{};
  if (bytes.size() == sizeof content) {
    std::memcpy(&content, bytes.data(), sizeof content);
    if (std::memcmp(content.magic, kSnapshotMagic, sizeof content.magic) == 0 &&
        content.version == kSnapshotVersion && content.sum == sum_of(content)) {
      return content.number;
    }
  }
  return Error{Errc::kCorrupt, std::string(what) + ": not a snapshot of this version (" +
                                   std::to_string(bytes.size()) + " bytes)"};
}

}  // namespace minidfs::consensus
