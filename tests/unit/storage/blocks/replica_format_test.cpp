#include "storage/blocks/replica_format.hpp"

#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

const DescriptorPlace kPlace{DiskId{1, 2}, 3, 512};

// A record as it stands in a pack.
std::vector<std::byte> make_record(const DescriptorPlace& place, BlockId block,
                                   std::span<const std::byte> raw) {
  SliceEncoder encoder({});
  encoder.begin_block(block, 9);
  const auto encoded = encoder.encode(raw);
  const ReplicaInfo info{block, 9, raw.size(), encoded.stored.size()};
  const auto descriptor = encode_descriptor(place, info, encoded.slices);
  std::vector<std::byte> record;
  for (const std::string& part : {descriptor.header, descriptor.table}) {
    const auto bytes = std::as_bytes(std::span(part));
    record.insert(record.end(), bytes.begin(), bytes.end());
  }
  CHECK(record.size() == descriptor_bytes(raw.size()));
  record.insert(record.end(), encoded.stored.begin(), encoded.stored.end());
  return record;
}

}  // namespace

TEST_CASE("a record is read back, in its own place only") {
  const auto record = make_record(kPlace, BlockId{8}, make_bytes(kSliceBytes + 5, 1));
  const auto header = decode_record(kPlace, record);
  REQUIRE(header.ok());
  CHECK(header->info.block == BlockId{8});
  CHECK(header->info.generation == 9);
  CHECK(header->info.length == kSliceBytes + 5);
  CHECK(header->slice_count == 2);
  CHECK(packed_bytes(header->info) % kPackAlignmentBytes == 0);
  for (const DescriptorPlace& other :
       {DescriptorPlace{DiskId{1, 3}, 3, 512}, DescriptorPlace{DiskId{1, 2}, 4, 512},
        DescriptorPlace{DiskId{1, 2}, 3, 1024}}) {
    CHECK(code_of(decode_record(other, record)) == Errc::kCorrupt);
  }
}

TEST_CASE("a record that is cut or has any bit flipped is refused") {
  const auto record = make_record(kPlace, BlockId{8}, make_bytes(300, 1));
  for (std::size_t i = 0; i < record.size(); ++i) {
    CHECK_FALSE(decode_record(kPlace, std::span(record).first(i)).ok());
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto flipped = record;
      flipped[i] ^= static_cast<std::byte>(1U << bit);
      CHECK_FALSE(decode_record(kPlace, flipped).ok());
    }
  }
}

TEST_CASE("names of files are read back and only in the form that is written") {
  const auto large = parse_large_name(large_name(BlockId{0xABCDEF}, 17));
  REQUIRE(large.has_value());
  CHECK(large->block == BlockId{0xABCDEF});
  CHECK(large->generation == 17);
  CHECK(parse_pack_name(pack_name(0x1F)) == 0x1FU);
  CHECK_FALSE(parse_pack_name("00000000.pack").has_value());
  CHECK_FALSE(parse_pack_name("0000001F.pack").has_value());
  CHECK_FALSE(parse_pack_name("0000001.pack").has_value());
  CHECK_FALSE(parse_large_name("0000000000abcdef_0000000000000011").has_value());
  CHECK_FALSE(parse_large_name("0000000000ABCDEF-0000000000000011").has_value());
  CHECK_FALSE(parse_large_name("0000000000000000-0000000000000011").has_value());
  CHECK_FALSE(parse_large_name("lost+found").has_value());
}

}  // namespace minidfs::storage
