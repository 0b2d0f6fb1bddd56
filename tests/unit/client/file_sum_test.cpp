// HDFS's checksums of files. The expected values were told by HDFS 3.4.1 for files of the same
// bytes in the same blocks.
#include "client/file_sum.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace minidfs::client {
namespace {

constexpr std::size_t kMiB = 1 << 20;

// Byte i of every file here.
std::byte byte_at(std::uint64_t i) { return static_cast<std::byte>(i * 2654435761 >> 13); }

HdfsChecksum checksum_of(const std::vector<std::size_t>& blocks, CombineMode mode) {
  FileSum file(mode);
  std::uint64_t at = 0;
  for (const auto length : blocks) {
    std::vector<std::byte> bytes(length);
    for (auto& byte : bytes) byte = byte_at(at++);
    transfer::BlockSummer summer;
    summer.add(bytes);
    file.add(summer.take(), length);
  }
  CHECK(file.length() == at);
  return file.take();
}

struct Known {
  std::vector<std::size_t> blocks;
  std::string sums_per_block;
  std::string md5_hex;
  std::string crc_hex;
};

const std::vector<Known> kKnown{
    {{1}, "0", "dc236201841049096ad31b6213203a90", "527d5351"},
    {{511}, "0", "842f4cf29d9fbded6a5e6e71b2eca006", "1cd7c2cd"},
    {{512}, "0", "8a495e8395c1cfa6dee23645fdd0b96b", "a304330b"},
    {{513}, "0", "2d7cd73b3eaa9c68e84cafb6c30e7615", "c076ab75"},
    {{65'536}, "0", "37b384d41887cde89f48040a8e3a4de4", "9ac5469f"},
    {{kMiB}, "0", "a65309740c40cc5dd97da556d6cd3cb6", "081c05af"},
    {{kMiB, 1}, "2048", "950bdd9bece86b56f54406ca9eaea83d", "2cdbfdae"},
    {{kMiB, kMiB}, "2048", "e82223a2cf39cc78f9ee87523cb6f791", "abfb2a25"},
    {{kMiB, kMiB, 700}, "2048", "0bea9eb0f0d2064bf8d5d746b80721f4", "85c7ddaa"},
    {{kMiB, kMiB, kMiB, 1}, "2048", "6b8eb462bd6d878d00a92415075f28aa", "5fb1c874"},
    {{kMiB, kMiB, kMiB, kMiB, kMiB, 12'345},
     "2048",
     "877903e11af884f293c381cf13c9ae34",
     "6f8228c2"},
    {{kMiB, kMiB, kMiB, kMiB, kMiB, kMiB, kMiB, kMiB, kMiB, 511},
     "2048",
     "b78787e59fd10709b23c010e5f07541e",
     "5004e0dd"},
    // Appended to, or made one of several.
    {{700, 1000}, "2", "e1e5b5ba20e455cb08098b7943b9761d", "051cd8c7"},
    {{1024, 3000}, "2", "5d292e131085821c589fb19db2c4af29", "3b8fde1e"},
    {{300, 5000}, "1", "44b9aecb0fb0152fa9318ca5190078f6", "446e2b94"},
    {{kMiB, 10, kMiB, 77}, "2048", "d2920dfcde8c2d613c6588503db51cc9", "883ee118"},
    {{513, kMiB, 3, 1}, "2", "488eded04cfdf56fe8e2b5a139c2268f", "a9c0f5c6"},
};

std::string hex_of(std::uint64_t number) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[number >> shift & 15];
  return text;
}

TEST_CASE("the MD5 of the blocks' MD5s is that of HDFS, however the file is cut into blocks") {
  for (const auto& known : kKnown) {
    CAPTURE(known.blocks);
    const auto sum = checksum_of(known.blocks, CombineMode::kMd5Md5Crc);
    CHECK(sum.algorithm == "MD5-of-" + known.sums_per_block + "MD5-of-512CRC32C");
    CHECK(sum.hex == "00000200" + hex_of(std::stoull(known.sums_per_block)) + known.md5_hex);
  }
}

TEST_CASE("the CRC of the blocks' CRCs is that of HDFS, and of the bytes") {
  for (const auto& known : kKnown) {
    CAPTURE(known.blocks);
    const auto sum = checksum_of(known.blocks, CombineMode::kCompositeCrc);
    CHECK(sum.algorithm == "COMPOSITE-CRC32C");
    CHECK(sum.hex == known.crc_hex);
  }
}

TEST_CASE("an empty file has the checksum that HDFS has ever told, in both modes") {
  for (const auto mode : {CombineMode::kMd5Md5Crc, CombineMode::kCompositeCrc}) {
    const auto sum = FileSum(mode).take();
    CHECK(sum.algorithm == "MD5-of-0MD5-of-0CRC32");
    CHECK(sum.hex == "00000000000000000000000070bc8f4b72a86921468bf8e8441dce51");
  }
}

TEST_CASE("modes are named as in HDFS") {
  CHECK(parse_combine_mode("MD5MD5CRC").value() == CombineMode::kMd5Md5Crc);
  CHECK(parse_combine_mode("COMPOSITE_CRC").value() == CombineMode::kCompositeCrc);
  for (const auto* wrong : {"", "md5md5crc", "CRC", "MD5MD5CRC "}) {
    CHECK(parse_combine_mode(wrong).error().code == Errc::kInvalidArgument);
  }
}

}  // namespace
}  // namespace minidfs::client
