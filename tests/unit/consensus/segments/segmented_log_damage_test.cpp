// Damage to each file: a log has everything that was acknowledged, or is refused, with the file,
// what is wrong and what can be done, and stays as it is.
#include "consensus/segments/segment_names.hpp"
#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

enum class Outcome { kWhole, kShortened, kRefused };

// What a process left that was killed, or that stopped in order.
struct Left {
  CrashedDisk::Contents contents;
  std::vector<Entry> entries;
  HardState hard_state{4, kMember};
};

Left make_left(bool in_order) {
  TemporaryDirectory directory;
  auto log = new_segments(small_segments(directory.path()));
  append_synced(*log, 1, 12);
  append_synced(*log, 2, 12);
  REQUIRE(log->cut_from(20).ok());
  REQUIRE(log->store_hard_state({4, kMember}).ok());
  REQUIRE(log->drop_before(10).ok());
  append_synced(*log, 3, 4);
  append_synced(*log, 4, 1);
  if (in_order) REQUIRE(log->store_floor().ok());
  return {read_contents(directory.path()), all_entries(*log)};
}

Outcome judge(const CrashedDisk::Contents& damaged, const Left& left) {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  write_contents(directory, damaged);
  FileRecorder no_syncs(directory);
  const auto applied = left.entries.front().index;
  auto log = SegmentedLog::open(small_segments(directory), applied);
  if (!log.ok()) {
    CAPTURE(log.error().message);
    REQUIRE((log.error().code == Errc::kCorrupt || log.error().code == Errc::kNotFound));
    REQUIRE(log.error().message.find(directory) != std::string::npos);
    if (log.error().code == Errc::kCorrupt) {
      REQUIRE(log.error().message.find("restore") != std::string::npos);
    }
    REQUIRE(no_syncs.calls().empty());
    REQUIRE(read_contents(directory) == damaged);
    return Outcome::kRefused;
  }
  REQUIRE((*log)->hard_state() == left.hard_state);
  auto found = all_entries(**log);
  // Segments that were dropped and not used again may have been read too.
  found.erase(found.begin(), std::find(found.begin(), found.end(), left.entries.front()));
  const bool whole = found == left.entries;
  if (!whole) {
    // Only what was written last looks like a write that a crash cut short.
    REQUIRE(found == std::vector<Entry>(left.entries.begin(), left.entries.end() - 1));
  }
  append_synced(**log, 5, 2);
  const auto expected = all_entries(**log);
  log = SegmentedLog::open(small_segments(directory), applied);
  REQUIRE(log.ok());
  REQUIRE(all_entries(**log) == expected);
  return whole ? Outcome::kWhole : Outcome::kShortened;
}

}  // namespace

TEST_CASE("a changed byte anywhere loses nothing without being noticed") {
  const bool in_order = GENERATE(false, true);
  const auto left = make_left(in_order);
  REQUIRE(judge(left.contents, left) == Outcome::kWhole);
  int shortened = 0;
  int refused = 0;
  for (const auto& [name, bytes] : left.contents) {
    for (std::size_t offset = 0; offset < bytes.size();) {
      auto damaged = left.contents;
      damaged[name][offset] = static_cast<char>(bytes[offset] ^ 0x10);
      CAPTURE(name, offset, in_order);
      const auto outcome = judge(damaged, left);
      shortened += outcome == Outcome::kShortened;
      refused += outcome == Outcome::kRefused;
      // Entries closely, the headers' beginnings too, the zeros behind them here and there.
      const auto in_block = offset % kBlockBytes;
      const bool in_entries = offset >= kBlockBytes && offset < bytes.size() - kBlockBytes;
      offset += in_entries && name != "state" ? 5 : in_block < 100 ? 9 : 251;
    }
  }
  CHECK(refused > 100);
  CHECK((shortened > 0) == !in_order);
}

TEST_CASE("a file that is cut short, longer or missing loses nothing without being noticed") {
  const bool in_order = GENERATE(false, true);
  const auto left = make_left(in_order);
  int refused = 0;
  for (const auto& [name, bytes] : left.contents) {
    CAPTURE(name);
    auto damaged = left.contents;
    damaged.erase(name);
    if (name == "state") REQUIRE(judge(damaged, left) == Outcome::kRefused);
    refused += judge(damaged, left) == Outcome::kRefused;
    for (std::size_t size = 0; size < bytes.size(); size += 97) {
      damaged[name] = bytes.substr(0, size);
      CAPTURE(size);
      REQUIRE(judge(damaged, left) != Outcome::kShortened);
    }
    damaged[name] = bytes + std::string(8, '\0');
    REQUIRE(judge(damaged, left) != Outcome::kShortened);
  }
  CHECK(refused >= 3);  // `state`, and the segments that are in use.
}

TEST_CASE("segments without the file that says which is the newest are refused, not begun anew") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  {
    const auto log = new_segments(options);
    append_synced(*log, 1, 1);
  }
  std::filesystem::remove(directory.file("state"));
  CHECK(SegmentedLog::exists(directory.path()).error().code == Errc::kCorrupt);
}

TEST_CASE("a segment that is another one's copy is refused") {
  const auto left = make_left(true);
  for (const auto& [name, bytes] : left.contents) {
    if (name == "state") continue;
    auto damaged = left.contents;
    damaged["segment-000000aa"] = bytes;
    CHECK(judge(damaged, left) == Outcome::kRefused);
  }
}

TEST_CASE("files with other names are ignored") {
  auto left = make_left(true);
  for (const auto* name : {"segment-00000001.new", "segment-1", "segment-0000000g", "state.new"}) {
    left.contents[name] = "anything";
  }
  CHECK(judge(left.contents, left) == Outcome::kWhole);
}

TEST_CASE("the last write may end anywhere in the middle, also with a later part of it whole") {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  std::filesystem::create_directory(directory);
  const auto options = small_segments(directory);
  auto log = new_segments(options);
  append_synced(*log, 1, 2);
  const auto before = read_contents(directory);
  const auto kept = all_entries(*log);
  REQUIRE(log->append(next_entries(*log, 1, 4), 2).ok());  // Never synced.
  const auto after = read_contents(directory);
  log.reset();
  constexpr auto kName = "segment-00000001";
  const auto each = record_bytes(kept[0].payload.size());
  const auto begin = kBlockBytes + 2 * each;
  FileRecorder no_syncs(directory);
  for (std::size_t lost = 0; lost < 4 * each; lost += 8) {
    // Eight bytes of the write did not reach the disk.
    auto torn = after;
    torn[kName].replace(begin + lost, 8, before.at(kName).substr(begin + lost, 8));
    if (torn == after) continue;
    write_contents(directory, torn);
    CAPTURE(lost);
    log = open_segments(options, 2);
    const auto whole = lost / each;
    auto found = all_entries(*log);
    REQUIRE(found.size() == 2 + whole);
    // The same entries again, as a leader would send them: those of before do not follow.
    append_synced(*log, 1, 1);
    log = open_segments(options, 2);
    REQUIRE(log->last().index == 3 + whole);
  }
}

}  // namespace minidfs::consensus::test
