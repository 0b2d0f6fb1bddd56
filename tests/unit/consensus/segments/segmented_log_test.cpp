#include "consensus/segments/segmented_log.hpp"

#include <chrono>
#include <filesystem>

#include "consensus/segments/segment_names.hpp"
#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

std::vector<Entry> entries_between(Index first, Index last, Term term) {
  std::vector<Entry> entries;
  for (Index index = first; index <= last; ++index) entries.push_back(entry_at(index, term));
  return entries;
}

}  // namespace

TEST_CASE("a new log is empty and knows its member; what is appended is there after a start") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  CHECK_FALSE(SegmentedLog::exists(directory.path()).value());
  CHECK_FALSE(SegmentedLog::exists(directory.file("missing")).value());
  auto log = new_segments(options);
  CHECK(SegmentedLog::exists(directory.path()).value());
  CHECK(log->member() == kMember);
  CHECK(log->hard_state() == HardState{});
  CHECK(log->last() == Position{});
  append_synced(*log, 1, 3);
  append_synced(*log, 4, 30);
  for (int round = 0; round < 2; ++round) {
    CHECK(log->before() == Position{});
    CHECK(log->last() == Position{4, 33});
    CHECK(log->synced() == Position{4, 33});
    const auto infos = log->infos();
    REQUIRE(infos.size() == 33);
    CHECK(infos[2] == EntryInfo{1, EntryKind::kCommand, 40});
    CHECK(infos[3] == EntryInfo{4, EntryKind::kCommand, 40});
    auto expected = entries_between(1, 3, 1);
    const auto rest = entries_between(4, 33, 4);
    expected.insert(expected.end(), rest.begin(), rest.end());
    CHECK(all_entries(*log) == expected);
    log.reset();
    log = open_segments(options, 33);
  }
  CHECK(log->committed() == 3);  // What was synced when the last entries were written.
}

TEST_CASE("a log can begin behind an entry, and goes on with the next index") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options, {7, 1000});
  CHECK(log->before() == Position{7, 1000});
  CHECK(log->last() == Position{7, 1000});
  append_synced(*log, 8, 2);
  log = open_segments(options, 1000);
  CHECK(all_entries(*log) == entries_between(1001, 1002, 8));
}

TEST_CASE("reading takes as many entries as fit, at least one, over the borders of segments") {
  TemporaryDirectory directory;
  const auto log = new_segments(small_segments(directory.path()));
  append_synced(*log, 1, 40);
  const auto each = record_bytes(entry_at(10, 1).payload.size());
  for (Index from = 1; from <= 40; ++from) {
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{39}}) {
      const auto entries = log->read(from, count * each + each / 2).value();
      REQUIRE(entries.size() == std::min<std::size_t>(count, 41 - from));
      REQUIRE(entries.front() == entry_at(from, 1));
      REQUIRE(entries.back() == entry_at(from + entries.size() - 1, 1));
    }
    REQUIRE(log->read(from, 0).value().size() == 1);
  }
}

TEST_CASE("entries of all kinds and sizes, up to the largest, come back") {
  TemporaryDirectory directory;
  SegmentedLog::Options options;
  options.directory = directory.path();
  auto log = new_segments(options);
  std::vector<Entry> entries{{1, 1, EntryKind::kNoOp, {}}, {2, 1, EntryKind::kMembers, "members"}};
  for (const std::size_t size : {std::size_t{1}, std::size_t{8}, kPayloadMaxBytes}) {
    for (int i = 0; i < 9; ++i) entries.push_back(entry_at(entries.size() + 1, 2, size));
  }
  REQUIRE(log->append(entries, 0).ok());
  REQUIRE(log->sync().ok());
  CHECK(list_segments(directory.path()).value().size() == 2);
  log = open_segments(options);
  CHECK(all_entries(*log) == entries);
  const auto infos = log->infos();
  REQUIRE(infos.size() == entries.size());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const auto bytes = static_cast<std::uint32_t>(entries[i].payload.size());
    CHECK(infos[i] == EntryInfo{entries[i].term, entries[i].kind, bytes});
  }
}

TEST_CASE("one sync makes durable what was appended before it, and only that") {
  TemporaryDirectory directory;
  SegmentedLog::Options options;
  options.directory = directory.path();
  const auto log = new_segments(options);
  FileRecorder recorder(directory.path());
  for (int i = 0; i < 3; ++i) REQUIRE(log->append(next_entries(*log, 1, 2), 0).ok());
  CHECK(log->last().index == 6);
  CHECK(log->synced().index == 0);
  CHECK(recorder.calls().size() == 3);
  REQUIRE(log->sync().ok());
  CHECK(log->synced() == Position{1, 6});
  CHECK(recorder.calls().size() == 4);
  CHECK(recorder.calls().back().kind == FileCall::Kind::kSync);
  REQUIRE(log->sync().ok());
  CHECK(recorder.calls().size() == 4);
}

TEST_CASE("the vote outlives a start") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options);
  REQUIRE(log->store_hard_state({5, kMember}).ok());
  append_synced(*log, 5, 30);
  log = open_segments(options);
  CHECK(log->hard_state() == HardState{5, kMember});
  REQUIRE(log->store_hard_state({6, 0}).ok());
  log = open_segments(options);
  CHECK(log->hard_state() == HardState{6, 0});
  CHECK(log->member() == kMember);
}

TEST_CASE("the members of the last entry that is dropped are kept") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options);
  for (const auto* members : {"one member", "two members", "three members"}) {
    append_synced(*log, 1, 20);
    REQUIRE(
        log->append(std::vector<Entry>{{log->last().index + 1, 1, EntryKind::kMembers, members}},
                    log->synced().index)
            .ok());
  }
  append_synced(*log, 1, 20);
  REQUIRE(log->drop_before(20).ok());
  CHECK(log->members() == StoredMembers{});
  REQUIRE(log->drop_before(60).ok());
  REQUIRE(log->before().index < 63);
  CHECK(log->members() == StoredMembers{42, "two members"});
  log = open_segments(options, 60);
  CHECK(log->members() == StoredMembers{42, "two members"});
  REQUIRE(log->drop_before(83).ok());
  CHECK(log->members() == StoredMembers{63, "three members"});
}

TEST_CASE("who joins does not take members of before for those that count") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  SegmentedLog::Origin origin;
  origin.member = kMember;
  origin.members = {50, ""};
  REQUIRE(SegmentedLog::create(options, origin).ok());
  auto log = open_segments(options);
  const auto add_members = [&](Index at, const std::string& members) {
    append_synced(*log, 1, at - 1 - log->last().index);
    REQUIRE(log->append(std::vector<Entry>{{at, 1, EntryKind::kMembers, members}}, 0).ok());
  };
  add_members(10, "before");
  add_members(50, "with this one");
  append_synced(*log, 1, 30);
  REQUIRE(log->drop_before(45).ok());
  REQUIRE(log->before().index > 10);
  CHECK(log->members() == StoredMembers{50, ""});
  REQUIRE(log->drop_before(75).ok());
  CHECK(log->members() == StoredMembers{50, "with this one"});
}

TEST_CASE("what is cut off does not come back, whatever is appended instead") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  const Index from =
      GENERATE(Index{1}, Index{2}, Index{7}, Index{8}, Index{9}, Index{20}, Index{30});
  const bool same_again = GENERATE(false, true);
  auto log = new_segments(options);
  append_synced(*log, 1, 30);
  REQUIRE(log->cut_from(from).ok());
  CHECK(log->last() == (from == 1 ? Position{} : Position{1, from - 1}));
  CHECK(log->synced() == log->last());
  CHECK(all_entries(*log) == entries_between(1, from - 1, 1));
  CHECK(all_entries(*open_segments(options)) == entries_between(1, from - 1, 1));
  // One entry, perhaps the very one that stood there: those behind it must not follow.
  log = open_segments(options);
  append_synced(*log, same_again ? 1 : 2, 1);
  log = open_segments(options);
  CHECK(log->last() == Position{same_again ? Term{1} : Term{2}, from});
  append_synced(*log, 3, 25);
  log = open_segments(options);
  CHECK(log->last() == Position{3, from + 25});
  REQUIRE(all_entries(*log).size() == from + 25);
}

TEST_CASE("segments that are dropped are used again, and what they held does not come back") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options);
  Index applied = 0;
  for (int round = 0; round < 60; ++round) {
    append_synced(*log, static_cast<Term>(round + 1), 5);
    applied = log->last().index - 3;
    REQUIRE(log->drop_before(applied).ok());
    REQUIRE(log->before().index < applied);
    if (round % 7 == 0) {
      log.reset();
      log = open_segments(options, applied);
    }
    const auto entries = all_entries(*log);
    REQUIRE(entries.back() == entry_at(log->last().index, static_cast<Term>(round + 1)));
  }
  CHECK(list_segments(directory.path()).value().size() <= 5);
}

TEST_CASE("more unused segments than are wanted are removed") {
  TemporaryDirectory directory;
  auto options = small_segments(directory.path());
  options.spare_segments_max = 1;
  const auto log = new_segments(options);
  append_synced(*log, 1, 60);
  REQUIRE(list_segments(directory.path()).value().size() > 6);
  REQUIRE(log->drop_before(61).ok());
  CHECK(list_segments(directory.path()).value().size() == 2);
  CHECK(all_entries(*open_segments(options, 60)).back() == entry_at(60, 1));
}

TEST_CASE("a write or sync that fails is the end: every later change returns it again") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  const auto fail_at = GENERATE(range(std::size_t{0}, std::size_t{30}));
  auto log = new_segments(options);
  append_synced(*log, 1, 3);
  {
    FileRecorder recorder(directory.path());
    recorder.fail_from(fail_at);
    Status status;
    for (int i = 0; status.ok(); ++i) {
      REQUIRE(i < 100);
      status = log->append(next_entries(*log, 1, 1), 0);
      if (status.ok()) status = log->sync();
    }
    CHECK(status.error().code == Errc::kIoError);
    CHECK(status.error().message.find(directory.path()) != std::string::npos);
    CHECK(recorder.calls().size() == fail_at);
  }
  // The disk works again, but what it has is not known.
  const auto message = log->sync().error().message;
  CHECK(log->append(next_entries(*log, 1, 1), 0).error().message == message);
  CHECK(log->store_hard_state({9, 0}).error().message == message);
  CHECK(log->cut_from(2).error().message == message);
  CHECK(log->drop_before(2).error().message == message);
  log.reset();
  log = open_segments(options);
  CHECK(log->last().index >= 3);
  CHECK(all_entries(*log).front() == entry_at(1, 1));
  append_synced(*log, 2, 3);
}

TEST_CASE("a log that ends before its database, or begins behind it, is refused") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options, {1, 10});
  append_synced(*log, 1, 2);
  log.reset();
  const auto before = read_contents(directory.path());
  for (const Index applied : {Index{9}, Index{13}}) {
    const auto refused = SegmentedLog::open(options, applied);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::kCorrupt);
    CHECK(refused.error().message.find("restore both from one backup") != std::string::npos);
    CHECK(read_contents(directory.path()) == before);
  }
  for (const Index applied : {Index{10}, Index{12}})
    CHECK(SegmentedLog::open(options, applied).ok());
}

TEST_CASE("the next segment is made ahead, and taken when the newest one is full") {
  TemporaryDirectory directory;
  auto options = small_segments(directory.path());
  options.makes_ahead = true;
  options.segment_bytes = 2 * kBlockBytes + 16'384;
  auto log = new_segments(options);
  const auto ahead = directory.path() + "/segment-00000002.new";
  REQUIRE(log->append(next_entries(*log, 1, 1), 0).ok());
  CHECK_FALSE(std::filesystem::exists(ahead));
  while (log->bytes() < 8'192) {
    REQUIRE(log->append(next_entries(*log, 1, 1), 0).ok());
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!std::filesystem::exists(ahead) ||
         std::filesystem::file_size(ahead) < options.segment_bytes) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
  const auto second = directory.path() + "/segment-00000002";
  while (!std::filesystem::exists(second)) {
    REQUIRE(log->append(next_entries(*log, 1, 1), 0).ok());
  }
  CHECK_FALSE(std::filesystem::exists(ahead));
  for (int i = 0; i < 100; ++i) REQUIRE(log->append(next_entries(*log, 1, 1), 0).ok());
  REQUIRE(log->sync().ok());
  const auto last = log->last();
  log.reset();
  for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
    CHECK(file.path().extension() != ".new");
  }
  log = open_segments(options);
  CHECK(log->last() == last);
}

}  // namespace minidfs::consensus::test
