#include <catch2/catch.hpp>
#include <random>

#include "base/checksum.hpp"
#include "consensus/libraft/envelope.hpp"
#include "consensus/libraft/segment_file.hpp"
#include "libraft_directory.hpp"

namespace minidfs::consensus {

TEST_CASE("an entry gives back what was written, padded to eight bytes") {
  for (const std::size_t size : {0UL, 1UL, 7UL, 8UL, 9UL, 1000UL}) {
    const std::string command(size, 'c');
    const auto bytes =
        test::libraft_envelope({static_cast<std::uint32_t>(size), 1, 41, 42, 43}, command);
    CHECK(bytes.size() % 8 == 0);
    const auto entry = decode_entry(bytes, "test");
    REQUIRE(entry.ok());
    CHECK(entry->command == command);
    CHECK(entry->header.committed_number == 41);
    CHECK(entry->header.proposer == 42);
    CHECK(entry->header.sequence == 43);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      CHECK_FALSE(decode_entry(std::string_view(bytes).substr(0, cut), "test").ok());
    }
  }
}

TEST_CASE("a snapshot's number survives, any flipped bit does not") {
  std::string bytes = "MDFSSNAP" + encode(std::uint64_t{1}) + encode(std::uint64_t{123456789});
  bytes += encode(checksum(bytes));
  CHECK(decode_snapshot(bytes, "test").value() == 123456789);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto number = decode_snapshot(damaged, "test");
    REQUIRE_FALSE(number.ok());
    CHECK(number.error().code == Errc::kCorrupt);
  }
}

TEST_CASE("the checksum is libraft's: taken from a segment that libraft 0.15 wrote") {
  const std::string data =
      std::string(32, 'A') + std::string(32, 'B') + std::string(32, 'C') + std::string(32, 'D');
  CHECK(raft_crc32(data) == 0xdb3d6352U);
}

TEST_CASE("segments of random bytes are refused or read as empty, never trusted") {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 300, 0);
    for (auto& c : bytes) c = static_cast<char>(random() % (round % 2 == 0 ? 256 : 3));
    if (bytes.size() >= 8 && round % 3 == 0)
      bytes.replace(0, 8, std::string("\1\0\0\0\0\0\0\0", 8));
    const auto scan = scan_segment(bytes, "test");
    if (scan.ok()) CHECK(scan->entries.empty());
    scan_beyond(bytes, 8, [](const StoredEntry&) { FAIL("found an entry in random bytes"); });
  }
}

}  // namespace minidfs::consensus
