#include "consensus/segments/record_scan.hpp"

#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr std::uint64_t kIncarnation = 0x1122334455667788;
const Position kBefore{2, 10};
constexpr Checksum kBeforeSum = 99;

// Entries that follow each other, as a segment has them.
struct Written {
  std::string bytes;
  std::vector<Entry> entries;
  std::vector<std::size_t> offsets;
  std::vector<Checksum> sums;

  explicit Written(int count, std::uint64_t incarnation = kIncarnation, Index synced = 10) {
    Checksum sum = kBeforeSum;
    for (int i = 0; i < count; ++i) {
      const auto index = kBefore.index + static_cast<Index>(i) + 1;
      auto entry = entry_at(index, i < 2 ? 2 : 5, static_cast<std::size_t>(20 + i));
      if (i == 1) entry = {index, 2, EntryKind::kNoOp, {}};
      offsets.push_back(bytes.size());
      sum = encode_record({incarnation, sum}, {synced, synced}, entry, bytes);
      entries.push_back(std::move(entry));
      sums.push_back(sum);
    }
  }
};

RecordScan scan(const std::string& bytes) {
  return scan_records(bytes, {kIncarnation, kBefore, kBeforeSum});
}

}  // namespace

TEST_CASE("entries are found as they were written, up to the first that does not follow") {
  const Written written(5);
  const auto found = scan(written.bytes + std::string(300, '\0'));
  REQUIRE(found.places.size() == written.entries.size());
  for (std::size_t i = 0; i < found.places.size(); ++i) {
    const auto& entry = written.entries[i];
    CHECK(found.places[i] == RecordPlace{static_cast<std::uint32_t>(written.offsets[i]),
                                         static_cast<std::uint32_t>(entry.payload.size()),
                                         entry.kind});
  }
  CHECK(found.terms == std::vector<TermRun>{{11, 2}, {13, 5}});
  CHECK(found.last == Position{5, 15});
  CHECK(found.last_sum == written.sums.back());
  CHECK(found.end == written.bytes.size());
  CHECK(found.committed == 10);
  for (std::size_t i = 0; i < written.entries.size(); ++i) {
    const auto record = decode_record(written.bytes, written.offsets[i], kIncarnation);
    REQUIRE(record);
    CHECK(record->entry() == written.entries[i]);
  }
  CHECK(scan("").last == kBefore);
}

TEST_CASE("an entry with any byte changed ends what is found, and those behind it are seen") {
  const Written written(5);
  const auto begin = written.offsets[2];
  for (std::size_t at = begin; at < written.offsets[3]; ++at) {
    for (const char bit : {char{1}, char{-128}}) {
      auto damaged = written.bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ bit);
      CAPTURE(at - begin);
      const auto found = scan(damaged);
      REQUIRE(found.last.index == 12);
      REQUIRE(found.end == begin);
      const auto beyond = look_beyond(damaged, found.end, kIncarnation);
      REQUIRE(beyond);
      REQUIRE(beyond->offset == written.offsets[3]);
      REQUIRE(beyond->held == 10);
    }
  }
}

TEST_CASE("bytes that end anywhere give the entries that are whole") {
  const Written written(4);
  for (std::size_t size = 0; size < written.bytes.size(); ++size) {
    const auto found = scan(written.bytes.substr(0, size));
    std::size_t whole = 0;
    while (whole + 1 < written.offsets.size() && written.offsets[whole + 1] <= size) ++whole;
    REQUIRE(found.places.size() == whole);
    REQUIRE_FALSE(
        look_beyond(std::string_view(written.bytes).substr(0, size), found.end, kIncarnation));
  }
}

TEST_CASE("whole entries of another use of the segment never follow, and are not seen beyond") {
  const Written now(2);
  const Written before(4, kIncarnation + 1);
  const auto bytes = now.bytes + before.bytes.substr(now.bytes.size());
  const auto found = scan(bytes);
  CHECK(found.last.index == 12);
  CHECK_FALSE(look_beyond(bytes, found.end, kIncarnation));
}

TEST_CASE("whole entries of the same use that were written behind others never follow") {
  // The first two differ in what they name as synced, so that all sums differ.
  const Written now(2);
  const Written other(4, kIncarnation, 9);
  const auto bytes = now.bytes + other.bytes.substr(now.bytes.size());
  const auto found = scan(bytes);
  CHECK(found.last.index == 12);
  CHECK(look_beyond(bytes, found.end, kIncarnation));
}

TEST_CASE("an index that is left out and a term that descends end what is found") {
  for (const auto& next : {entry_at(13, 5), entry_at(11, 5), entry_at(12, 1)}) {
    Written written(1);
    encode_record({kIncarnation, written.sums.back()}, {}, next, written.bytes);
    CHECK(scan(written.bytes).last.index == 11);
  }
  Written written(1);
  encode_record({kIncarnation, written.sums.back()}, {}, entry_at(12, 2), written.bytes);
  CHECK(scan(written.bytes).last.index == 12);
}

TEST_CASE("what is behind the end tells the highest entry that was synced") {
  std::string bytes(128, '\0');
  encode_record({kIncarnation, 1}, {3, 30}, entry_at(40, 2), bytes);
  const auto second = bytes.size();
  encode_record({kIncarnation, 2}, {3, 20}, entry_at(50, 2), bytes);
  const auto beyond = look_beyond(bytes, 0, kIncarnation);
  REQUIRE(beyond);
  CHECK(beyond->offset == 128);
  CHECK(beyond->held == 30);
  CHECK(look_beyond(bytes, second, kIncarnation)->held == 20);
}

TEST_CASE("an entry that claims a longer payload than there may be is none") {
  std::string bytes;
  encode_record({kIncarnation, kBeforeSum}, {}, {11, 2, EntryKind::kCommand, "x"}, bytes);
  bytes.replace(56, 4, std::string("\xff\xff\xff\x7f", 4));
  CHECK_FALSE(decode_record(bytes, 0, kIncarnation));
  CHECK_FALSE(decode_record(bytes, bytes.size() + 8, kIncarnation));
}

}  // namespace minidfs::consensus::test
