#include "consensus/log_directory.hpp"

#include "fixture.hpp"
#include "libraft_directory.hpp"
#include "segments/log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

std::vector<std::string> numbered_commands(int count) {
  std::vector<std::string> commands;
  for (int i = 1; i <= count; ++i) {
    commands.push_back("command " + std::to_string(i) +
                       std::string(static_cast<std::size_t>(i), 'x'));
  }
  return commands;
}

std::vector<std::string> first_of(const std::vector<std::string>& commands, std::size_t count) {
  return {commands.begin(), commands.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::unique_ptr<SegmentedLog> open_directory(const std::string& directory, StateMachine& state) {
  auto log = open_log_directory(small_segments(directory), state);
  if (!log.ok()) FAIL(log.error().message);
  return std::move(log).value();
}

// Nothing but our own log is there.
void check_files(const std::string& directory) {
  for (const auto& [name, bytes] : read_contents(directory)) {
    CAPTURE(name);
    CHECK((name == "state" || name == "lock" || name.starts_with("segment-")));
  }
}

}  // namespace

TEST_CASE("an empty directory gets a log, and its member an id of its own") {
  TemporaryDirectory first;
  TemporaryDirectory second;
  MemoryState state;
  auto log = open_directory(first.path(), state);
  CHECK(log->last() == Position{});
  const auto member = log->member();
  CHECK(member != 0);
  CHECK(open_directory(second.path(), state)->member() != member);
  append_synced(*log, 1, 2);
  log.reset();
  log = open_directory(first.path(), state);
  CHECK(log->member() == member);
  CHECK(log->last() == Position{1, 2});
}

TEST_CASE("an empty directory beside a database that has changes is refused") {
  TemporaryDirectory directory;
  MemoryState state(numbered_commands(3));
  const auto refused = open_log_directory(small_segments(directory.path()), state);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("restore both from one backup") != std::string::npos);
  CHECK(read_contents(directory.path()).empty());
}

TEST_CASE("a log of libraft is carried over: the state gets what it lacks, and the numbers go on") {
  const auto commands = numbered_commands(30);
  const auto applied = GENERATE(std::size_t{0}, std::size_t{10}, std::size_t{29}, std::size_t{30});
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  write_contents(directory, libraft_directory(commands));
  MemoryState state(first_of(commands, applied));
  auto log = open_directory(directory, state);
  CHECK(state.commands == commands);
  CHECK(state.durable == 30);
  CHECK(log->before() == Position{3, 30});
  CHECK(log->hard_state() == HardState{3, 0});
  check_files(directory);
  append_synced(*log, 4, 1);
  log.reset();
  log = open_directory(directory, state);
  CHECK(log->last() == Position{4, 31});
  CHECK(state.commands == commands);
}

TEST_CASE("a power cut anywhere while a log of libraft is carried over loses and repeats nothing") {
  const auto commands = numbered_commands(20);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  const auto start = libraft_directory(commands);
  write_contents(directory, start);
  std::vector<FileCall> calls;
  {
    MemoryState state(first_of(commands, 5));
    FileRecorder recorder(directory);
    open_directory(directory, state);
    calls = recorder.calls();
  }
  CrashedDisk disk(start);
  std::mt19937 random(1);
  for (std::size_t place = 0; place <= calls.size(); ++place) {
    for (const auto kept : {CrashedDisk::Kept::kSynced, CrashedDisk::Kept::kAll,
                            CrashedDisk::Kept::kSome, CrashedDisk::Kept::kSome}) {
      CAPTURE(place, kept);
      write_contents(directory, disk.contents(kept, random));
      const FileRecorder no_syncs(directory);
      // The first file call comes after the state was made durable.
      MemoryState state(place == 0 ? first_of(commands, 5) : commands);
      auto log = open_directory(directory, state);
      REQUIRE(state.commands == commands);
      REQUIRE(log->before() == Position{3, 20});
      append_synced(*log, 4, 2);
      log.reset();
      REQUIRE(open_directory(directory, state)->last() == Position{4, 22});
    }
    if (place < calls.size()) disk.carry_out(calls[place]);
  }
  check_files(directory);
}

TEST_CASE("a damaged log of libraft is refused, and neither it nor the state is changed") {
  const auto commands = numbered_commands(20);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  for (const auto* name : {"metadata1", "0000000000000002-0000000000000011", "open-1"}) {
    auto damaged = libraft_directory(commands);
    REQUIRE(damaged.contains(name));
    damaged[name][9] = static_cast<char>(damaged[name][9] ^ 1);
    write_contents(directory, damaged);
    MemoryState state(first_of(commands, 5));
    const auto refused = open_log_directory(small_segments(directory), state);
    CAPTURE(name);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::kCorrupt);
    CHECK(refused.error().message.find(directory) != std::string::npos);
    CHECK(state.commands.size() == 5);
    CHECK(read_contents(directory) == damaged);
  }
}

TEST_CASE("a state that cannot take a log of libraft leaves it as it is") {
  const auto commands = numbered_commands(20);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  const auto start = libraft_directory(commands);
  write_contents(directory, start);
  MemoryState failing(first_of(commands, 5));
  const int how = GENERATE(0, 1, 2);
  failing.fail_at = how == 0 ? 12 : 0;
  failing.fail_commit = how == 1;
  failing.fail_durable = how == 2;
  CHECK(open_log_directory(small_segments(directory), failing).error().code == Errc::kIoError);
  CHECK(read_contents(directory) == start);
  MemoryState state(first_of(commands, 5));
  CHECK(open_directory(directory, state)->before().index == 20);
  CHECK(state.commands == commands);
}

TEST_CASE("a first start of before that a crash interrupted is started again") {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  for (const CrashedDisk::Contents& left :
       {CrashedDisk::Contents{{"metadata1", ""}},
        CrashedDisk::Contents{{"metadata1", libraft_metadata(1, 1, 0)},
                              {"0000000000000001-0000000000000001", ""}}}) {
    write_contents(directory, left);
    MemoryState state;
    CHECK(open_directory(directory, state)->last() == Position{});
    check_files(directory);
  }
}

TEST_CASE("a changed byte anywhere in a log of libraft loses nothing without being noticed") {
  const auto commands = numbered_commands(20);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/raft";
  int refused = 0;
  for (const auto& [name, bytes] : libraft_directory(commands)) {
    const auto used = bytes.find_last_not_of('\0') + 1;
    for (std::size_t offset = 0; offset < used; offset += 3) {
      auto damaged = libraft_directory(commands);
      damaged[name][offset] = static_cast<char>(bytes[offset] ^ 4);
      write_contents(directory, damaged);
      const FileRecorder no_syncs(directory);
      // The database has all; then it lacks what a power cut took, but for the last command.
      for (const std::size_t applied : {std::size_t{20}, std::size_t{5}}) {
        if (applied == 5 && name == "open-1" && offset + 300 > used) continue;
        MemoryState state(first_of(commands, applied));
        const auto log = open_log_directory(small_segments(directory), state);
        CAPTURE(name, offset, applied);
        REQUIRE(state.commands.size() == (log.ok() ? commands.size() : applied));
        refused += !log.ok();
        if (log.ok()) write_contents(directory, damaged);
      }
    }
  }
  CHECK(refused > 100);
}

}  // namespace minidfs::consensus::test
