// Damage to each file of a directory: a log either recovers everything that was acknowledged or
// refuses the directory, names what is wrong and leaves it as it is.
#include <filesystem>
#include <fstream>
#include <functional>

#include "consensus/directory_check.hpp"
#include "consensus/segment_file.hpp"
#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

using Contents = std::map<std::string, std::string>;

Contents read_directory(const std::string& directory) {
  Contents contents;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto name = entry.path().filename().string();
    if (name == "lock") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    contents[name] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

void write_directory(const std::string& directory, const Contents& contents) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directory(directory);
  for (const auto& [name, bytes] : contents) {
    std::ofstream(directory + "/" + name, std::ios::binary) << bytes;
  }
}

// The end of the entries in an open segment, rounded up to a block and one block more.
std::size_t padded_end(const std::string& bytes) {
  const auto last = bytes.find_last_not_of('\0');
  return last == std::string::npos ? 4096 : (last / 4096 + 2) * 4096;
}

// What a process that was killed left: closed segments, a snapshot, an open segment with entries.
struct Crashed {
  Contents contents;
  std::vector<std::string> acknowledged;
  std::uint64_t durable = 0;
};

Crashed make_crashed(bool with_snapshot) {
  TemporaryDirectory directory;
  MemoryState state;
  auto options = options_for(directory.path());
  if (with_snapshot) {
    options.snapshot_threshold_entries = 60;
    options.snapshot_trailing_entries = 20;
  }
  for (int round = 0; round < 2; ++round) {
    auto log = open_log(options, state);
    fill(*log, "round" + std::to_string(round) + "-", 70);
  }
  options.snapshot_threshold_entries = 100000;
  auto log = open_log(options, state);
  for (int i = 0; i < 40; ++i) fill(*log, "last-" + std::to_string(i) + "-", 1);
  Crashed crashed;
  crashed.contents = read_directory(directory.path());
  // Shorter unused ends make the cases quick.
  for (auto& [name, bytes] : crashed.contents) {
    if (name.starts_with("open-")) bytes.resize(padded_end(bytes));
  }
  crashed.acknowledged = state.commands;
  crashed.durable = state.durable;
  return crashed;
}

enum class Outcome { kRecovered, kRefused };

// Opens the damaged directory with a database that holds commands up to `applied`.
Outcome judge(const Contents& damaged, const Crashed& crashed, std::size_t applied) {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  write_directory(directory, damaged);
  MemoryState state({crashed.acknowledged.begin(),
                     crashed.acknowledged.begin() + static_cast<std::ptrdiff_t>(applied)});
  auto log = Log::open(options_for(directory), state, nullptr);
  if (log.ok()) {
    REQUIRE(state.commands == crashed.acknowledged);
    Proposer proposer(**log);
    REQUIRE(proposer.propose_and_wait("next").value() ==
            std::to_string(crashed.acknowledged.size() + 1));
    return Outcome::kRecovered;
  }
  CAPTURE(log.error().message);
  REQUIRE(log.error().code == Errc::kCorrupt);
  REQUIRE(log.error().message.find(directory) != std::string::npos);
  REQUIRE(log.error().message.find("restore") != std::string::npos);
  REQUIRE(read_directory(directory) == damaged);
  return Outcome::kRefused;
}

// Where the entries of a file end; the rest of an open segment is unused.
std::size_t used_bytes(const std::string& name, const std::string& bytes) {
  if (!name.starts_with("open-")) return bytes.size();
  const auto scan = scan_segment(bytes, name);
  return scan.ok() && !scan->blank ? scan->end : 0;
}

bool is_open_with_entries(const std::string& name, const std::string& bytes) {
  return name.starts_with("open-") && used_bytes(name, bytes) > 0;
}

}  // namespace

TEST_CASE("a copy of a killed process's directory recovers everything") {
  for (const bool with_snapshot : {false, true}) {
    const auto crashed = make_crashed(with_snapshot);
    REQUIRE(crashed.acknowledged.size() == 180);
    CHECK((crashed.durable > 0) == with_snapshot);
    CHECK(judge(crashed.contents, crashed, 180) == Outcome::kRecovered);
    CHECK(judge(crashed.contents, crashed, crashed.durable) == Outcome::kRecovered);
  }
}

TEST_CASE("a flipped bit anywhere loses nothing without being noticed") {
  int refused = 0;
  int recovered = 0;
  for (const bool with_snapshot : {false, true}) {
    const auto crashed = make_crashed(with_snapshot);
    for (const auto& [name, bytes] : crashed.contents) {
      const auto used = used_bytes(name, bytes);
      const auto step = std::max<std::size_t>(1, used / 8);
      for (std::size_t offset = 0; offset < used; offset += step) {
        auto damaged = crashed.contents;
        damaged[name][offset] = static_cast<char>(bytes[offset] ^ 0x04);
        CAPTURE(name, offset);
        const bool ok = judge(damaged, crashed, 180) == Outcome::kRecovered;
        ++(ok ? recovered : refused);
        // Also when a power cut took the newest transactions of the database. Only the entry that
        // was written last looks the same damaged as half written.
        if (offset + 300 < used) judge(damaged, crashed, crashed.durable);
      }
    }
  }
  CHECK(refused > 20);
  INFO(recovered);
}

TEST_CASE("a file that is cut short or removed loses nothing without being noticed") {
  for (const bool with_snapshot : {false, true}) {
    const auto crashed = make_crashed(with_snapshot);
    for (const auto& [name, bytes] : crashed.contents) {
      CAPTURE(name, with_snapshot);
      auto damaged = crashed.contents;
      damaged.erase(name);
      const auto without = judge(damaged, crashed, 180);
      if (is_open_with_entries(name, bytes)) CHECK(without == Outcome::kRefused);
      const auto used = used_bytes(name, bytes);
      for (const auto size : {std::size_t{0}, std::size_t{5}, used / 2, used > 8 ? used - 8 : 0}) {
        damaged[name] = bytes.substr(0, size);
        CAPTURE(size);
        judge(damaged, crashed, 180);
      }
    }
  }
}

TEST_CASE("a log of one run that lacks its first entry is told from one that waits for a leader") {
  Crashed crashed;
  {
    TemporaryDirectory directory;
    MemoryState state;
    auto log = open_log(options_for(directory.path()), state);
    fill(*log, "only-", 5);
    crashed.contents = read_directory(directory.path());
    crashed.acknowledged = state.commands;
  }
  constexpr auto kFirst = "0000000000000001-0000000000000001";
  REQUIRE(crashed.contents.erase(kFirst) == 1);
  CHECK(judge(crashed.contents, crashed, 5) == Outcome::kRefused);
}

TEST_CASE("zeros in the middle of an open segment are told from its unused end") {
  const auto crashed = make_crashed(false);
  int judged = 0;
  for (const auto& [name, bytes] : crashed.contents) {
    if (!is_open_with_entries(name, bytes)) continue;
    auto damaged = crashed.contents;
    const auto used = used_bytes(name, bytes);
    damaged[name].replace(used / 3, used / 3, std::string(used / 3, '\0'));
    CHECK(judge(damaged, crashed, 180) == Outcome::kRefused);
    CHECK(judge(damaged, crashed, 0) == Outcome::kRefused);
    ++judged;
  }
  CHECK(judged == 1);
}

TEST_CASE("a write that a crash cut short is dropped: nobody was told that it was done") {
  const auto crashed = make_crashed(false);
  for (const auto& [name, bytes] : crashed.contents) {
    if (!is_open_with_entries(name, bytes)) continue;
    auto damaged = crashed.contents;
    const auto used = used_bytes(name, bytes);
    // The first half of the batch before, repeated as if it had been about to be written again.
    damaged[name].replace(used, 40, bytes.substr(used - 120, 40));
    CHECK(judge(damaged, crashed, 180) == Outcome::kRecovered);
    CHECK(judge(damaged, crashed, 0) == Outcome::kRecovered);
  }
}

TEST_CASE("a segment with less room at its end than libraft wants to read is mended") {
  const auto crashed = make_crashed(false);
  for (const auto& [name, bytes] : crashed.contents) {
    if (!is_open_with_entries(name, bytes)) continue;
    auto shortened = crashed.contents;
    shortened[name] = bytes.substr(0, used_bytes(name, bytes)) + std::string(8, '\0');
    CHECK(judge(shortened, crashed, 180) == Outcome::kRecovered);
  }
}

TEST_CASE("a bootstrap that a crash interrupted is started again") {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  const std::string metadata("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                             32);
  for (const Contents& left :
       {Contents{{"metadata1", ""}}, Contents{{"metadata1", metadata}},
        Contents{{"metadata1", metadata}, {"0000000000000001-0000000000000001", ""}}}) {
    write_directory(directory, left);
    MemoryState state;
    auto log = open_log(options_for(directory), state);
    fill(*log, "c", 3);
    CHECK(state.commands.size() == 3);
  }
}

}  // namespace minidfs::consensus::test
