// What a datanode finds on its disks.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "storage/blocks/replica_format.hpp"
#include "storage/blocks/slice_codec.hpp"
#include "storage/version_file.hpp"

using namespace minidfs;
using namespace minidfs::storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto header = decode_replica_header(bytes);
  if (header.ok() && size >= kReplicaHeaderBytes) {
    static_cast<void>(decode_slice_table(*header, bytes.first(kReplicaHeaderBytes),
                                         bytes.subspan(kReplicaHeaderBytes)));
  }
  static_cast<void>(decode_record(DescriptorPlace{}, bytes));
  static_cast<void>(parse_large_name(text));
  static_cast<void>(parse_pack_name(text));
  static_cast<void>(parse_version(text, 1, {"role", "cluster"}, "VERSION", "restore it"));
  static_cast<void>(parse_compression(text));
  if (size > 8 && size < 65536) {
    // A slice with the right checksum of wrong compressed bytes.
    SliceDecoder decoder;
    Slice slice;
    slice.stored_bytes = static_cast<std::uint32_t>(size);
    slice.raw_bytes = static_cast<std::uint32_t>(size + data[0] + 1);
    slice.checksum = slice_checksum({BlockId{7}}, bytes);
    static_cast<void>(decoder.decode({BlockId{7}}, slice, bytes));
  }
  return 0;
}
