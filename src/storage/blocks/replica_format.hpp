// The on-disk descriptor of a replica: its slice table and a header under one checksum, so that
// every replica can be found and checked without the index. docs/formats.md, "Block store".
//
// Plain functions over bytes; they never trust what they decode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::storage {

struct DiskIdTag;
using DiskId = Id128<DiskIdTag>;  // Chosen when a directory is formatted.

inline constexpr std::size_t kReplicaHeaderBytes = 88;
inline constexpr std::size_t kSliceEntryBytes = 16;
inline constexpr std::uint64_t kPackAlignmentBytes = 512;
inline constexpr std::uint64_t kPackedBytesMax = std::uint64_t{16} << 20;
inline constexpr std::uint64_t kPackFileBytesMax = std::uint64_t{2} << 40;
inline constexpr std::uint32_t kSliceCountMax = 1U << 20;

// Where a descriptor begins. Part of what its checksum covers.
struct DescriptorPlace {
  DiskId disk;
  std::uint64_t pack = 0;    // 0: a file of its own.
  std::uint64_t offset = 0;  // In its file.

  friend bool operator==(const DescriptorPlace&, const DescriptorPlace&) = default;
};

struct ReplicaHeader {
  DescriptorPlace place;
  ReplicaInfo info;
  std::uint32_t slice_count = 0;
  Checksum checksum = 0;  // Of header and table together; checked by decode_slice_table().
};

// How many slices a block of `length` raw bytes has.
constexpr std::uint64_t slice_count_of(std::uint64_t length) {
  return length / kSliceBytes + (length % kSliceBytes != 0 ? 1 : 0);
}
constexpr std::uint64_t descriptor_bytes(std::uint64_t length) {
  return kReplicaHeaderBytes + kSliceEntryBytes * slice_count_of(length);
}
// What a replica takes in a pack and as a file of its own.
constexpr std::uint64_t packed_bytes(const ReplicaInfo& info) {
  const std::uint64_t bytes = descriptor_bytes(info.length) + info.stored_bytes;
  return (bytes + kPackAlignmentBytes - 1) / kPackAlignmentBytes * kPackAlignmentBytes;
}
constexpr std::uint64_t file_bytes(const ReplicaInfo& info) {
  return descriptor_bytes(info.length) + info.stored_bytes;
}

struct EncodedDescriptor {
  std::string header;  // kReplicaHeaderBytes.
  std::string table;
};
EncodedDescriptor encode_descriptor(const DescriptorPlace& place, const ReplicaInfo& info,
                                    std::span<const Slice> slices);

// Decodes the first kReplicaHeaderBytes of `bytes`. The numbers are consistent and within the
// limits, but only decode_slice_table() proves them. kCorrupt when `bytes` are no header.
Result<ReplicaHeader> decode_replica_header(std::span<const std::byte> bytes);

// Decodes the table that belongs to `header`, which was decoded from `header_bytes`, and checks
// both against the checksum.
Result<std::vector<Slice>> decode_slice_table(const ReplicaHeader& header,
                                              std::span<const std::byte> header_bytes,
                                              std::span<const std::byte> table);

// Checks a whole record of a pack, as decode_record finds it at the beginning of `bytes`: its
// descriptor, its place and all its slices. The record may be shorter than `bytes`.
Result<ReplicaHeader> decode_record(const DescriptorPlace& place, std::span<const std::byte> bytes);

// Checks slices, the first of which is that at `first`, against their stored bytes.
Status check_slices(SlicePlace first, std::span<const Slice> slices,
                    std::span<const std::byte> stored);

// Names in blocks/ and packs/.
std::string large_name(BlockId block, std::uint64_t generation);
std::string pack_name(std::uint32_t number);
struct LargeName {
  BlockId block;
  std::uint64_t generation = 0;
};
std::optional<LargeName> parse_large_name(std::string_view name);
std::optional<std::uint32_t> parse_pack_name(std::string_view name);

}  // namespace minidfs::storage
