#include "storage/blocks/slice_codec.hpp"

#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

std::vector<std::byte> decode_all(BlockId block, const SliceEncoder::Encoded& encoded) {
  SliceDecoder decoder;
  std::vector<std::byte> raw;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < encoded.slices.size(); ++i) {
    const Slice& slice = encoded.slices[i];
    const auto bytes =
        decoder.decode({block, 1, i}, slice, encoded.stored.subspan(offset, slice.stored_bytes));
    REQUIRE(bytes.ok());
    raw.insert(raw.end(), bytes->begin(), bytes->end());
    offset += slice.stored_bytes;
  }
  CHECK(offset == encoded.stored.size());
  return raw;
}

}  // namespace

TEST_CASE("a compression is read from its text and written back") {
  for (const std::string text : {"none", "auto", "zstd:1", "zstd:19"}) {
    const auto compression = parse_compression(text);
    REQUIRE(compression.ok());
    CHECK(to_string(*compression) == text);
  }
  CHECK(to_string(*parse_compression("zstd")) == "zstd:3");
  for (const char* text :
       {"", "zstd:", "zstd:0", "zstd:20", "zstd:-1", "zstd:3x", "gzip", "None"}) {
    CHECK(code_of(parse_compression(text)) == Errc::kInvalidArgument);
  }
}

TEST_CASE("bytes of every kind and size come back from their slices in every mode") {
  const BlockId block{77};
  for (const auto mode :
       {Compression::Mode::kNone, Compression::Mode::kZstd, Compression::Mode::kAuto}) {
    SliceEncoder encoder({mode, 3});
    for (const bool compressible : {false, true}) {
      for (const std::size_t size :
           {std::size_t{1}, std::size_t{kSliceBytes - 1}, std::size_t{kSliceBytes},
            std::size_t{kSliceBytes + 1}, std::size_t{1} << 20}) {
        const auto raw = make_bytes(size, size, compressible);
        encoder.begin_block(block, 1);
        const auto encoded = encoder.encode(raw);
        CHECK(encoded.slices.size() == (size + kSliceBytes - 1) / kSliceBytes);
        CHECK(decode_all(block, encoded) == raw);
        const bool shrinks = compressible && size > 1000 && mode != Compression::Mode::kNone;
        CHECK((encoded.stored.size() < raw.size()) == shrinks);
        if (!shrinks) CHECK(encoded.stored.data() == raw.data());
      }
    }
  }
}

TEST_CASE("slices that shrink and slices that do not stand side by side") {
  std::vector<std::byte> raw;
  for (std::uint64_t i = 0; i < 16; ++i) {
    const auto part = make_bytes(kSliceBytes, i, i % 3 == 1);
    raw.insert(raw.end(), part.begin(), part.end());
  }
  SliceEncoder encoder({Compression::Mode::kZstd, 1});
  encoder.begin_block(BlockId{5}, 1);
  const auto encoded = encoder.encode(raw);
  for (std::size_t i = 0; i < 16; ++i) CHECK(encoded.slices[i].compressed() == (i % 3 == 1));
  CHECK(decode_all(BlockId{5}, encoded) == raw);
}

TEST_CASE("auto gives up on what does not shrink and looks again later") {
  SliceEncoder encoder({Compression::Mode::kAuto, 3});
  encoder.begin_block(BlockId{9}, 1);
  const auto noise = make_bytes(1 << 20, 1);
  const auto text = make_bytes(1 << 20, 2, true);
  encoder.encode(noise);
  std::size_t compressed = 0;
  // It pauses for at most 64 slices, four calls.
  for (int i = 0; i < 6; ++i) {
    for (const Slice& slice : encoder.encode(text).slices) compressed += slice.compressed() ? 1 : 0;
  }
  CHECK(compressed > 16);
  CHECK(compressed < 96);
}

TEST_CASE("a slice that is not what it says is refused") {
  const BlockId block{3};
  const auto raw = make_bytes(kSliceBytes, 4, true);
  SliceEncoder encoder({Compression::Mode::kZstd, 3});
  encoder.begin_block(block, 1);
  const auto encoded = encoder.encode(raw);
  const Slice slice = encoded.slices[0];
  const std::vector<std::byte> stored(encoded.stored.begin(), encoded.stored.end());
  SliceDecoder decoder;
  REQUIRE(decoder.decode({block}, slice, stored).ok());

  CHECK(code_of(decoder.decode({BlockId{4}}, slice, stored)) == Errc::kCorrupt);
  CHECK(code_of(decoder.decode({block, 1, 1}, slice, stored)) == Errc::kCorrupt);
  CHECK(code_of(decoder.decode({block, 2}, slice, stored)) == Errc::kCorrupt);
  CHECK(code_of(decoder.decode({block}, slice, std::span(stored).first(10))) == Errc::kCorrupt);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    auto flipped = stored;
    flipped[i] ^= std::byte{1};
    CHECK(code_of(decoder.decode({block}, slice, flipped)) == Errc::kCorrupt);
  }
  // Sizes that lie although the checksum is right.
  for (const std::uint32_t raw_bytes : {kSliceBytes - 1, kSliceBytes + 1, slice.stored_bytes, 0U}) {
    Slice lying = slice;
    lying.raw_bytes = raw_bytes;
    const auto decoded = decoder.decode({block}, lying, stored);
    if (raw_bytes == slice.stored_bytes) {
      CHECK(decoded.ok());  // Then it is a slice stored as it is, which the block's length refutes.
    } else {
      CHECK(code_of(decoded) == Errc::kCorrupt);
    }
  }
}

}  // namespace minidfs::storage
