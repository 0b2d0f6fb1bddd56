#include "storage/blocks/replica_format.hpp"

#include <charconv>
#include <cstring>

#include "base/codec.hpp"

namespace minidfs::storage {

namespace {

constexpr std::uint64_t kMagic = 0x315045525346444DULL;  // "MDFSREP1" as little-endian bytes.
constexpr std::size_t kCheckedHeaderBytes = kReplicaHeaderBytes - sizeof(Checksum);

Checksum descriptor_checksum(std::span<const std::byte> header, std::span<const std::byte> table) {
  const Checksum parts[2] = {checksum(header.first(kCheckedHeaderBytes)), checksum(table)};
  return checksum(std::as_bytes(std::span(parts)));
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error corrupt(const std::string& what) { return {Errc::kCorrupt, what}; }

std::string hex(std::uint64_t value, std::size_t digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(digits, '0');
  for (std::size_t i = 0; i < digits; ++i) text[digits - 1 - i] = kDigits[(value >> (4 * i)) & 15U];
  return text;
}

template <class T>
std::optional<T> parse_hex(std::string_view text, std::size_t digits) {
  T value = 0;
  if (text.size() != digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value, 16);
  // Only the canonical form: what is found by its name must also be reachable by it.
  if (error != std::errc{} || end != text.data() + digits || hex(value, digits) != text) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

EncodedDescriptor encode_descriptor(const DescriptorPlace& place, const ReplicaInfo& info,
                                    std::span<const Slice> slices) {
  EncodedDescriptor out;
  out.table.reserve(slices.size() * kSliceEntryBytes);
  Encoder table(out.table);
  for (const Slice& slice : slices) {
    table.put(slice.stored_bytes);
    table.put(slice.raw_bytes);
    table.put(slice.checksum);
  }
  Encoder header(out.header);
  const auto slice_count = static_cast<std::uint32_t>(slices.size());
  const std::uint32_t zero = 0;
  header(kMagic, place.disk, place.pack, place.offset, info.block, info.generation, info.length,
         info.stored_bytes, slice_count, zero);
  MDFS_ASSERT(out.header.size() == kCheckedHeaderBytes);
  header.put(descriptor_checksum(std::as_bytes(std::span(out.header)),
                                 std::as_bytes(std::span(out.table))));
  return out;
}

Result<ReplicaHeader> decode_replica_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kReplicaHeaderBytes) {
    return corrupt("replica header: " + std::to_string(bytes.size()) + " bytes instead of " +
                   std::to_string(kReplicaHeaderBytes));
  }
  Decoder decoder(text_of(bytes.first(kReplicaHeaderBytes)));
  ReplicaHeader header;
  ReplicaInfo& info = header.info;
  std::uint64_t magic = 0;
  std::uint32_t zero = 0;
  if (!decoder(magic, header.place.disk, header.place.pack, header.place.offset, info.block,
               info.generation, info.length, info.stored_bytes, header.slice_count, zero,
               header.checksum)) {
    return corrupt("replica header: does not decode");
  }
  if (magic != kMagic || zero != 0) return corrupt("replica header: wrong magic");
  if (info.block.value == 0 || info.length == 0 || header.slice_count > kSliceCountMax ||
      header.slice_count != slice_count_of(info.length) || info.stored_bytes < header.slice_count ||
      info.stored_bytes > info.length) {
    return corrupt("replica header of block " + to_string(info.block) + ": impossible numbers, " +
                   std::to_string(info.length) + " raw and " + std::to_string(info.stored_bytes) +
                   " stored bytes in " + std::to_string(header.slice_count) + " slices");
  }
  return header;
}

Result<std::vector<Slice>> decode_slice_table(const ReplicaHeader& header,
                                              std::span<const std::byte> header_bytes,
                                              std::span<const std::byte> table) {
  const std::string name = "slice table of block " + to_string(header.info.block);
  if (header_bytes.size() < kReplicaHeaderBytes ||
      table.size() != header.slice_count * kSliceEntryBytes) {
    return corrupt(name + ": has " + std::to_string(table.size()) + " bytes for " +
                   std::to_string(header.slice_count) + " slices");
  }
  if (descriptor_checksum(header_bytes, table) != header.checksum) {
    return corrupt(name + ": does not match its checksum");
  }
  std::vector<Slice> slices(header.slice_count);
  Decoder decoder(text_of(table));
  std::uint64_t stored_bytes = 0;
  std::uint64_t raw_bytes = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    Slice& slice = slices[i];
    const bool fits = decoder(slice.stored_bytes, slice.raw_bytes, slice.checksum);
    const bool full = i + 1 == slices.size() || slice.raw_bytes == kSliceBytes;
    if (!fits || !full || slice.stored_bytes == 0 || slice.raw_bytes > kSliceBytes ||
        slice.stored_bytes > slice.raw_bytes) {
      return corrupt(name + ": slice " + std::to_string(i) + " has impossible sizes");
    }
    stored_bytes += slice.stored_bytes;
    raw_bytes += slice.raw_bytes;
  }
  if (stored_bytes != header.info.stored_bytes || raw_bytes != header.info.length) {
    return corrupt(name + ": its slices sum up to " + std::to_string(stored_bytes) +
                   " stored bytes instead of " + std::to_string(header.info.stored_bytes));
  }
  return slices;
}

Result<ReplicaHeader> decode_record(const DescriptorPlace& place,
                                    std::span<const std::byte> bytes) {
  MDFS_TRY(const ReplicaHeader header, decode_replica_header(bytes));
  if (header.place != place) return corrupt("record: was written for another place");
  const std::uint64_t table_bytes = header.slice_count * kSliceEntryBytes;
  const std::span<const std::byte> body = bytes.subspan(kReplicaHeaderBytes);
  if (header.info.stored_bytes > kPackedBytesMax ||
      table_bytes + header.info.stored_bytes > body.size()) {
    return corrupt("record of block " + to_string(header.info.block) + ": longer than its pack");
  }
  MDFS_TRY(const auto slices, decode_slice_table(header, bytes, body.first(table_bytes)));
  MDFS_CHECK(check_slices({header.info.block, header.info.generation}, slices,
                          body.subspan(table_bytes, header.info.stored_bytes)));
  return header;
}

Status check_slices(SlicePlace first, std::span<const Slice> slices,
                    std::span<const std::byte> stored) {
  const auto bad = [&first](const std::string& what) {
    return corrupt("block " + to_string(first.block) + ", slice " + std::to_string(first.slice) +
                   ": " + what);
  };
  for (const Slice& slice : slices) {
    if (slice.stored_bytes > stored.size()) {
      return bad("only " + std::to_string(stored.size()) + " of " +
                 std::to_string(slice.stored_bytes) + " bytes");
    }
    if (slice_checksum(first, stored.first(slice.stored_bytes)) != slice.checksum) {
      return bad("does not match its checksum");
    }
    stored = stored.subspan(slice.stored_bytes);
    ++first.slice;
  }
  return {};
}

std::string large_name(BlockId block, std::uint64_t generation) {
  return hex(block.value, 16) + "-" + hex(generation, 16);
}

std::string pack_name(std::uint32_t number) { return hex(number, 8) + ".pack"; }

std::optional<LargeName> parse_large_name(std::string_view name) {
  if (name.size() != 33 || name[16] != '-') return std::nullopt;
  const auto block = parse_hex<std::uint64_t>(name.substr(0, 16), 16);
  const auto generation = parse_hex<std::uint64_t>(name.substr(17), 16);
  if (!block || !generation || *block == 0) return std::nullopt;
  return LargeName{BlockId{*block}, *generation};
}

std::optional<std::uint32_t> parse_pack_name(std::string_view name) {
  if (name.size() != 13 || name.substr(8) != ".pack") return std::nullopt;
  const auto number = parse_hex<std::uint32_t>(name.substr(0, 8), 8);
  if (!number || *number == 0) return std::nullopt;
  return number;
}

}  // namespace minidfs::storage
