#include "consensus/raft_member.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>
#include <thread>
#include <variant>

#include "consensus/members_format.hpp"
#include "segments/log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

const RaftMember::TimePoint kNow{std::chrono::hours(1)};

SegmentedLog::Origin origin_of(const MemberSet& members) {
  SegmentedLog::Origin origin;
  origin.member = kMember;
  origin.members.payload = encode_members(Roster(members));
  return origin;
}

std::unique_ptr<RaftMember> start(const std::string& directory, Index applied = 0) {
  auto member = std::make_unique<RaftMember>(open_segments(small_segments(directory), applied),
                                             RaftMember::Options{});
  REQUIRE(member->start(applied, kNow).ok());
  REQUIRE(member->end_turn(kNow).ok());
  return member;
}

std::unique_ptr<RaftMember> start_alone(const std::string& directory) {
  REQUIRE(SegmentedLog::create(small_segments(directory), origin_of({{kMember}, {}})).ok());
  return start(directory);
}

void propose(RaftMember& member, std::uint64_t first_token, std::uint64_t count) {
  std::vector<std::string> commands;
  std::vector<Waiter> waiters;
  for (auto token = first_token; token < first_token + count; ++token) {
    commands.push_back("command " + std::to_string(token));
    waiters.push_back({0, token});
  }
  REQUIRE(member.propose(std::move(commands), std::move(waiters), kNow).ok());
}

std::vector<CommittedEntry> take_all(RaftMember& member, std::size_t piece_bytes) {
  std::vector<CommittedEntry> all;
  while (member.has_committed()) {
    auto piece = member.take_committed(piece_bytes).value();
    std::move(piece.begin(), piece.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

TEST_CASE("one that is alone leads at once, and begins with an entry of its own") {
  TemporaryDirectory directory;
  const auto owner = start_alone(directory.path());
  auto& member = *owner;
  CHECK(member.leads());
  const auto committed = take_all(member, 1);
  REQUIRE(committed.size() == 1);
  CHECK(committed[0].entry == Entry{1, 1, EntryKind::kNoOp, {}});
  CHECK_FALSE(committed[0].waiter);
}

TEST_CASE("commands are committed when they are durable, and each comes once with who waits") {
  TemporaryDirectory directory;
  const auto owner = start_alone(directory.path());
  auto& member = *owner;
  take_all(member, 1);
  propose(member, 10, 3);
  CHECK_FALSE(member.has_committed());
  REQUIRE(member.end_turn(kNow).ok());
  const auto committed = take_all(member, 1);
  REQUIRE(committed.size() == 3);
  for (std::uint64_t i = 0; i < 3; ++i) {
    CHECK(committed[i].entry.index == 2 + i);
    CHECK(committed[i].entry.payload == "command " + std::to_string(10 + i));
    REQUIRE(committed[i].waiter);
    CHECK(committed[i].waiter->token == 10 + i);
  }
}

TEST_CASE("a start commits all that the log has, in a new term, and nobody waits for it") {
  TemporaryDirectory directory;
  {
    const auto owner = start_alone(directory.path());
    auto& member = *owner;
    propose(member, 1, 20);
    REQUIRE(member.end_turn(kNow).ok());
    propose(member, 21, 5);  // Not durable, but there after a kill.
  }
  const auto applied = GENERATE(Index{0}, Index{7}, Index{26});
  const auto piece_bytes = GENERATE(std::size_t{0}, std::size_t{300}, std::size_t{1} << 20);
  const auto owner = start(directory.path(), applied);
  auto& member = *owner;
  const auto committed = take_all(member, piece_bytes);
  REQUIRE(committed.size() == 27 - applied);
  for (std::size_t i = 0; i < committed.size(); ++i) {
    const auto index = applied + 1 + i;
    CHECK(committed[i].entry.index == index);
    CHECK_FALSE(committed[i].waiter);
    if (index > 1 && index < 27) {
      CHECK(committed[i].entry.payload == "command " + std::to_string(index - 1));
    }
  }
  CHECK(committed.back().entry.kind == EntryKind::kNoOp);
  CHECK(committed.back().entry.term == 2);
}

TEST_CASE("nothing is committed that the disk has not taken, and who waits is told") {
  TemporaryDirectory directory;
  const auto owner = start_alone(directory.path());
  auto& member = *owner;
  take_all(member, 1);
  propose(member, 1, 2);
  FileRecorder recorder(directory.path());
  recorder.fail_from(0);
  CHECK_FALSE(member.end_turn(kNow).ok());
  CHECK_FALSE(member.has_committed());
  member.give_up();
  const auto undecided = member.take_undecided();
  REQUIRE(undecided.size() == 2);
  CHECK(undecided[1].token == 2);
  CHECK(member.take_undecided().empty());
}

TEST_CASE("the log is dropped up to what is durable in the state, and goes on") {
  TemporaryDirectory directory;
  const auto owner = start_alone(directory.path());
  auto& member = *owner;
  std::uint64_t token = 1;
  for (int round = 0; round < 30; ++round) {
    propose(member, token, 5);
    token += 5;
    REQUIRE(member.end_turn(kNow).ok());
    const auto applied = take_all(member, 1000).back().entry.index;
    REQUIRE(member.applied(applied, kNow).ok());
    REQUIRE(member.durable(applied, kNow).ok());
  }
  CHECK(list_segments(directory.path()).value().size() <= 4);
  CHECK(member.last() == 151);
}

TEST_CASE("one of several members does not lead by itself, and refuses commands") {
  TemporaryDirectory directory;
  REQUIRE(SegmentedLog::create(small_segments(directory.path()),
                               origin_of({{kMember, kMember + 1}, {}}))
              .ok());
  const auto owner = start(directory.path());
  auto& member = *owner;
  CHECK_FALSE(member.leads());
  propose(member, 1, 2);
  CHECK(member.take_refused().size() == 2);
  CHECK(member.last() == 0);
}

TEST_CASE("one that is given a second voter does not decide alone from that entry on") {
  TemporaryDirectory directory;
  REQUIRE(SegmentedLog::create(small_segments(directory.path()), origin_of({{kMember}, {}})).ok());
  std::optional<Append> told;
  RaftMember::Options options;
  options.send = [&](MemberId, const std::string& bytes) {
    told = std::get<Append>(std::get<Packet>(decode_peer_message(bytes, "").value()).message.body);
  };
  RaftMember member(open_segments(small_segments(directory.path())), options);
  const auto finish_turn = [&] {
    REQUIRE(member.finish_turn(kNow).ok());
    REQUIRE(member.applied(member.committed(), kNow).ok());
  };
  constexpr MemberId kOther = kMember + 1;
  const auto answer = [&] {
    const AppendReply reply{
        .accepted = true, .matched = told->last, .round = told->round, .applied = 0};
    REQUIRE(member.arrived(kOther, {{member.term(), reply}, {}}, kNow).ok());
  };
  REQUIRE(member.start(0, kNow).ok());
  CHECK_FALSE(member.leads_alone());
  finish_turn();
  CHECK(member.leads_alone());
  REQUIRE(member.change(AddLearner{{kOther, "b"}, 0}, kNow).value().ok());
  finish_turn();
  CHECK(member.leads_alone());
  CHECK_FALSE(member.due_change());
  answer();
  answer();
  const auto due = member.due_change();
  REQUIRE(due);
  CHECK(std::get<PromoteLearner>(*due).member == kOther);
  const auto promoted = member.change(*due, kNow).value();
  REQUIRE(promoted.ok());
  CHECK_FALSE(member.leads_alone());
  finish_turn();
  CHECK(member.committed() < *promoted);
  answer();
  CHECK(member.committed() == *promoted);
  CHECK_FALSE(member.leads_alone());
}

TEST_CASE("one of several hears and answers while its disk is at it, and claims nothing yet") {
  TemporaryDirectory directory;
  constexpr MemberId kLeader = kMember + 1;
  REQUIRE(
      SegmentedLog::create(small_segments(directory.path()), origin_of({{kMember, kLeader}, {}}))
          .ok());
  std::vector<AppendReply> replies;
  std::atomic<int> synced{0};
  RaftMember::Options options;
  options.send = [&](MemberId, const std::string& bytes) {
    const auto packet = std::get<Packet>(decode_peer_message(bytes, "").value());
    replies.push_back(std::get<AppendReply>(packet.message.body));
  };
  options.synced = [&] { ++synced; };
  RaftMember member(open_segments(small_segments(directory.path())), options);
  REQUIRE(member.start(0, kNow).ok());
  REQUIRE(member.end_turn(kNow).ok());
  Append append;
  const auto send = [&](Index first, Index last) {
    append.prev = {first == 1 ? Term{0} : Term{1}, first - 1};
    append.last = last;
    ++append.round;
    std::vector<Entry> entries;
    for (auto index = first; index <= last; ++index) entries.push_back(entry_at(index, 1));
    REQUIRE(member.arrived(kLeader, {{1, append}, std::move(entries)}, kNow).ok());
    REQUIRE(member.end_turn(kNow).ok());
  };
  const auto await_synced = [&](int count) {
    while (synced < count) std::this_thread::yield();
    REQUIRE(member.begin_turn(kNow).ok());
    REQUIRE(member.end_turn(kNow).ok());
  };
  send(1, 3);
  CHECK(member.is_syncing());
  CHECK(replies.empty());
  send(4, 5);  // Of the next sync.
  send(6, 5);  // A sign of life.
  REQUIRE(replies.size() == 1);
  CHECK(replies.back().round == 3);
  CHECK(replies.back().matched == 0);
  await_synced(1);
  CHECK(member.is_syncing());
  REQUIRE(replies.size() == 2);
  CHECK(replies.back().matched == 3);
  CHECK(member.synced().index == 3);
  SECTION("the next one follows by itself") {
    await_synced(2);
    CHECK_FALSE(member.is_syncing());
    CHECK(replies.back().matched == 5);
  }
  SECTION("a turn that is finished waits for it") {
    REQUIRE(member.finish_turn(kNow).ok());
    CHECK_FALSE(member.is_syncing());
    CHECK(replies.back().matched == 5);
  }
}

TEST_CASE("who is a member is known after a start that finds again what was dropped") {
  TemporaryDirectory directory;
  REQUIRE(SegmentedLog::create(small_segments(directory.path()), origin_of({{kMember}, {}})).ok());
  RaftMember::Options options;
  options.kept_bytes_max = 0;
  Index committed = 0;
  {
    RaftMember member(open_segments(small_segments(directory.path())), options);
    REQUIRE(member.start(0, kNow).ok());
    REQUIRE(member.end_turn(kNow).ok());
    propose(member, 1, 20);
    REQUIRE(member.end_turn(kNow).ok());
    const auto added = member.change(AddLearner{{9, "host:8021"}, 0}, kNow).value().value();
    REQUIRE(member.end_turn(kNow).ok());
    propose(member, 21, 40);
    REQUIRE(member.end_turn(kNow).ok());
    take_all(member, 1000);
    committed = member.committed();
    REQUIRE(committed == member.last());
    REQUIRE(member.applied(committed, kNow).ok());
    REQUIRE(member.durable(added + 15, kNow).ok());
    REQUIRE(member.first() > added);
  }
  const auto member = start(directory.path(), committed);
  REQUIRE(member->first() <= 22);
  CHECK(member->roster().contains(9));
  CHECK(member->roster().members().size() == 2);
}

}  // namespace minidfs::consensus::test
