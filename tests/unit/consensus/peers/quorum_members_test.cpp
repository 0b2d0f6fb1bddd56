#include <atomic>
#include <filesystem>
#include <future>

#include "peers/quorum_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr std::uint8_t kRolledBack = 39;

const MemberStatus* find(const QuorumStatus& status, MemberId id) {
  for (const auto& each : status.members) {
    if (each.member.id == id) return &each;
  }
  return nullptr;
}

// As a user does: again, as long as another change is under way.
ChangeAnswer change(Quorum& quorum, const MembersChange& change) {
  ChangeAnswer answer;
  eventually("the change is made or refused", [&] {
    answer = quorum.await_leader().change(change);
    return answer.index.ok() || (answer.index.error().code != Errc::kBusy &&
                                 answer.index.error().code != Errc::kNotLeader);
  });
  return answer;
}

// The disk is as it was when the copy was made of it.
void put_back(Member& member, const std::string& copy, std::size_t commands) {
  for (const auto& file : std::filesystem::directory_iterator(member.directory())) {
    std::filesystem::remove(file);
  }
  std::filesystem::copy(copy, member.directory());
  std::filesystem::remove_all(copy);
  member.state().go_back_to(commands);
}

}  // namespace

TEST_CASE("a member that joins gets all commands, and a vote") {
  Quorum quorum(1);
  quorum.fill("alone", 300);
  quorum.join(quorum.add());
  quorum.await_commands(300);
  quorum.join(quorum.add());
  quorum.fill("three", 10);
  quorum.await_commands(310);
  CHECK(quorum.count(MemberRole::kVoter) == 3);
  // Any two of them decide.
  quorum.await_leader().close();
  quorum.fill("two", 10);
}

TEST_CASE("a member that was removed is told, and never starts again") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& removed = quorum.follower(0);
  REQUIRE(change(quorum, RemoveMember{removed.id()}).index.ok());
  eventually("it is told", [&] { return !removed.fatal_errors().empty(); });
  CHECK(removed.fatal_errors()[0].code == Errc::kExpired);
  removed.close();
  const auto refused = removed.try_open();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kExpired);
  CHECK_THAT(refused.error().message, Catch::Contains(removed.directory()));
  removed.close();
  quorum.fill("d", 10);
  CHECK(quorum.await_leader().log().quorum().members.size() == 2);
  CHECK(change(quorum, RemoveMember{removed.id()}).index.error().code == Errc::kNotFound);
}

TEST_CASE("a member that was removed while it was away is told when it comes back") {
  Quorum quorum(3);
  auto& removed = quorum.follower(1);
  removed.close();
  REQUIRE(change(quorum, RemoveMember{removed.id()}).index.ok());
  quorum.fill("c", 10);
  removed.open();
  eventually("it is told", [&] { return !removed.fatal_errors().empty(); });
  CHECK(removed.fatal_errors()[0].code == Errc::kExpired);
  removed.close();
  CHECK(removed.try_open().error().code == Errc::kExpired);
  removed.close();
}

TEST_CASE("a leader may be removed: the others go on without it") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& removed = quorum.await_leader();
  eventually("it has removed itself, or lost its leadership while it did", [&] {
    const auto answer = removed.change(RemoveMember{removed.id()});
    return answer.index.ok() || answer.index.error().code == Errc::kNotLeader;
  });
  eventually("it is out", [&] { return !removed.fatal_errors().empty(); });
  removed.close();
  quorum.fill("d", 10);
  quorum.await_commands(20);
  CHECK(removed.try_open().error().code == Errc::kExpired);
  removed.close();
}

TEST_CASE("a cluster shrinks to one member, which then is alone") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& last = quorum.await_leader();
  for (std::size_t i = 0; i < 3; ++i) {
    auto& member = quorum.member(i);
    if (&member == &last) continue;
    REQUIRE(change(quorum, RemoveMember{member.id()}).index.ok());
    eventually("it is told", [&] { return !member.fatal_errors().empty(); });
    member.close();
  }
  CHECK(last.propose("alone").ok());
  CHECK(last.read().index.ok());
  CHECK(last.change(RemoveMember{last.id()}).index.error().code == Errc::kInvalidArgument);
  last.close();
  last.open();
  CHECK(last.leads());
}

TEST_CASE("a member that lost its disk is replaced by one under a new id") {
  Quorum quorum(3);
  quorum.fill("c", 100);
  auto& lost = quorum.follower(0);
  lost.close();
  auto& fresh = quorum.add();
  quorum.join(fresh, lost.id());
  quorum.await_voters(3);
  CHECK(find(quorum.await_leader().log().quorum(), lost.id()) == nullptr);
  quorum.fill("d", 10);
  quorum.await_commands(110);
}

TEST_CASE("changes that make no sense are refused, and nothing happens") {
  Quorum quorum(2);
  auto& leader = quorum.await_leader();
  const auto known = quorum.follower(0).id();
  const auto code = [&](const MembersChange& wish) {
    return change(quorum, wish).index.error().code;
  };
  CHECK(code(AddLearner{{known, "a"}, 0}) == Errc::kAlreadyExists);
  CHECK(code(AddLearner{{0, "a"}, 0}) == Errc::kInvalidArgument);
  CHECK(code(AddLearner{{7, "a"}, 4711}) == Errc::kNotFound);
  CHECK(code(PromoteLearner{known}) == Errc::kNotFound);
  CHECK(code(RemoveMember{4711}) == Errc::kNotFound);
  CHECK(code(ChangeAddress{{4711, "b"}}) == Errc::kNotFound);
  CHECK(code(ChangeAddress{{known, std::string(kAddressMaxBytes + 1, 'x')}}) ==
        Errc::kInvalidArgument);
  // A learner that nobody sees is no voter.
  REQUIRE(change(quorum, AddLearner{{7, "nowhere"}, 0}).index.ok());
  CHECK(code(PromoteLearner{7}) == Errc::kUnavailable);
  CHECK(leader.change(AddLearner{{8, "b"}, 0}).index.error().code == Errc::kBusy);
  REQUIRE(change(quorum, RemoveMember{7}).index.ok());
  CHECK(leader.log().quorum().members.size() == 2);
}

TEST_CASE("who is told of a change of members finds it made") {
  Quorum quorum(1);
  quorum.fill("c", 1);
  auto& log = quorum.await_leader().log();
  std::promise<bool> found;
  log.change_members(AddLearner{{7, "nowhere"}, 0}, [&](const ChangeAnswer& answer) {
    found.set_value(answer.index.ok() && find(log.quorum(), 7) != nullptr);
  });
  CHECK(found.get_future().get());
}

TEST_CASE("the others learn where a member is that has moved") {
  Quorum quorum(3);
  auto& moved = quorum.follower(0);
  moved.close();
  moved.options.address = "elsewhere:1";
  moved.open();
  for (std::size_t i = 0; i < 3; ++i) {
    eventually("member " + std::to_string(i) + " knows", [&] {
      const auto status = quorum.member(i).log().quorum();
      const auto* found = find(status, moved.id());
      return found != nullptr && found->member.address == "elsewhere:1";
    });
  }
}

TEST_CASE("a learner that restarts in the middle goes on") {
  Quorum quorum(1);
  quorum.fill("c", 2000, 500);
  auto& joiner = quorum.add();
  const auto since = quorum.admit(joiner);
  // It gets a part only.
  std::atomic<int> left{2};
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    return to != joiner.id() || bytes.size() < 1000 || left-- > 0;
  });
  joiner.open(since);
  eventually("it has some", [&] { return !joiner.state().commands().empty(); });
  joiner.close();
  quorum.network.set_filter({});
  joiner.open(since);
  quorum.await_voters(2);
  quorum.await_commands(2000);
}

TEST_CASE("a member whose disk went back in time is not counted on") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  quorum.await_commands(10);
  auto& back = quorum.follower(0);
  back.close();
  const auto copy = back.directory() + ".copy";
  std::filesystem::copy(back.directory(), copy);
  const auto commands = back.state().commands();
  back.open();
  quorum.fill("d", 10);
  quorum.await_commands(20);
  auto& leader = quorum.await_leader();
  back.close();
  REQUIRE(&quorum.await_leader() == &leader);
  put_back(back, copy, 10);
  back.open();
  eventually("it is told", [&] { return !back.fatal_errors().empty(); });
  back.close();
  eventually("it is no member", [&] { return leader.log().quorum().members.size() == 2; });
  quorum.fill("e", 10);
  // It never goes on, but knows whom to ask to be taken in under another id.
  CHECK(back.try_open().error().code == Errc::kCorrupt);
  const auto others = Log::others_known(back.directory()).value();
  REQUIRE(others.size() == 2);
  for (const auto& other : others) {
    CHECK(other.id != back.id());
    CHECK_FALSE(other.address.empty());
  }
  REQUIRE(Log::discard(back.directory()).ok());
  CHECK_FALSE(Log::exists(back.directory()).value());
  quorum.join(quorum.add());
  quorum.await_commands(30);
}

TEST_CASE("a member that was away since its disk went back is told that, not that it was removed") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  auto& back = quorum.follower(0);
  quorum.await_commands(10);
  back.close();
  const auto copy = back.directory() + ".copy";
  std::filesystem::copy(back.directory(), copy);
  back.open();
  quorum.fill("d", 10);
  quorum.await_commands(20);
  auto& leader = quorum.await_leader();
  back.close();
  REQUIRE(&quorum.await_leader() == &leader);
  put_back(back, copy, 10);
  // The verdict is lost the first time.
  std::atomic<int> verdicts{0};
  quorum.network.set_filter([&](MemberId, MemberId, const std::string& bytes) {
    return static_cast<std::uint8_t>(bytes.front()) != kRolledBack || ++verdicts > 1;
  });
  back.open();
  eventually("it is no member", [&] { return leader.log().quorum().members.size() == 2; });
  CHECK(back.fatal_errors().empty());
  quorum.network.disconnect(leader.id(), back.id());
  eventually("it is told", [&] { return !back.fatal_errors().empty(); });
  CHECK(back.fatal_errors().front().code == Errc::kCorrupt);
  back.close();
}

}  // namespace minidfs::consensus::test
