#include <algorithm>
#include <atomic>

#include "peers/quorum_fixture.hpp"
#include "support/file_recorder.hpp"

namespace minidfs::consensus::test {

using minidfs::test::FileRecorder;

TEST_CASE("three members agree on a leader and hold the same commands") {
  Quorum quorum(3);
  quorum.fill("c", 500);
  quorum.await_commands(500);
  auto& leader = quorum.await_leader();
  const auto status = leader.log().quorum();
  REQUIRE(status.members.size() == 3);
  for (const auto& each : status.members) {
    CHECK(each.role == MemberRole::kVoter);
    CHECK((each.state == MemberState::kLeader) == (each.member.id == leader.id()));
    CHECK_FALSE(each.member.address.empty());
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const auto roles = quorum.member(i).roles();
    CHECK(std::is_sorted(roles.begin(), roles.end(),
                         [](const auto& a, const auto& b) { return a.term < b.term; }));
    CHECK(quorum.member(i).leading().leader.address == leader.options.address);
  }
}

TEST_CASE("the death of a leader costs nothing that was answered") {
  Quorum quorum(3);
  for (std::size_t round = 0; round < 3; ++round) {
    quorum.fill("r" + std::to_string(round) + "-", 100);
    auto& dead = quorum.await_leader();
    dead.close();
    quorum.fill("s" + std::to_string(round) + "-", 100);
    quorum.await_commands(200 * (round + 1));
    dead.open();
    quorum.await_commands(200 * (round + 1));
  }
}

TEST_CASE("all members go on with what they had after all were closed") {
  Quorum quorum(3);
  quorum.fill("a", 50);
  quorum.await_commands(50);
  for (std::size_t i = 0; i < 3; ++i) quorum.member(i).close();
  for (std::size_t i = 0; i < 3; ++i) quorum.member(i).open();
  quorum.fill("b", 50);
  quorum.await_commands(100);
}

TEST_CASE("two of three members go on, and one does not") {
  Quorum quorum(3);
  quorum.member(2).close();
  quorum.fill("two", 20);
  quorum.member(1).close();
  auto& last = quorum.member(0);
  eventually("it leads no more", [&] { return last.leading().standing == Standing::kNobody; });
  const auto reply = last.propose("alone");
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kNotLeader);
  const auto read = last.read();
  REQUIRE_FALSE(read.index.ok());
  CHECK(read.index.error().code == Errc::kNotLeader);
  CHECK(read.leader.id == 0);
}

TEST_CASE("a leader that is cut off answers nothing, and what it took is told as open") {
  Quorum quorum(3);
  quorum.fill("before", 20);
  auto& deposed = quorum.await_leader();
  quorum.network.isolate(deposed.id());
  Proposer proposer(deposed.log());
  proposer.propose("lost");
  auto& leader = quorum.await_leader(&deposed);
  REQUIRE(leader.propose("new").ok());
  const auto read = deposed.read();
  REQUIRE_FALSE(read.index.ok());
  CHECK(read.index.error().code == Errc::kNotLeader);
  proposer.wait_for(1);
  CHECK(proposer.answers()[0].reply.error().code == Errc::kNotLeader);
  quorum.network.heal();
  quorum.await_leader();
  quorum.await_commands(21);
  CHECK(deposed.state().commands().back() == "new");
}

TEST_CASE("a leader that stood still learns that another one leads before it answers a read") {
  Quorum quorum(3);
  quorum.fill("before", 20);
  auto& paused = quorum.await_leader();
  quorum.network.pause(paused.id());
  auto& leader = quorum.await_leader(&paused);
  REQUIRE(leader.propose("new").ok());
  std::mutex mutex;
  std::optional<ReadAnswer> answer;
  paused.log().read_index([&](ReadAnswer given) {
    const std::lock_guard lock(mutex);
    answer = std::move(given);
  });
  quorum.network.resume(paused.id());
  eventually("the read is answered", [&] {
    const std::lock_guard lock(mutex);
    return answer.has_value();
  });
  // Whoever answers has seen the new command.
  if (answer->index.ok()) CHECK(paused.state().commands().back() == "new");
  quorum.await_commands(21);
}

TEST_CASE("a leader whose messages get out, but to whom nobody answers, gives up") {
  Quorum quorum(3);
  auto& leader = quorum.await_leader();
  for (std::size_t i = 0; i < 3; ++i) {
    if (&quorum.member(i) != &leader) quorum.network.cut(quorum.member(i).id(), leader.id());
  }
  eventually("it leads no more", [&] { return !leader.leads(); });
  quorum.await_leader(&leader);
  quorum.network.heal();
  quorum.fill("after", 10);
  quorum.await_commands(10);
}

TEST_CASE("a read of one that is alone is answered within the call, of several by a majority") {
  Quorum quorum(1);
  auto& first = quorum.member(0);
  quorum.fill("c", 10);
  eventually("what is logged is applied", [&] {
    std::optional<Index> index;
    first.log().read_index([&](ReadAnswer answer) { index = *answer.index; });
    return index == first.log().applied();
  });
  quorum.join(quorum.add());
  auto& leader = quorum.await_leader();
  const auto answer = leader.read();
  REQUIRE(answer.index.ok());
  CHECK(leader.log().applied() >= *answer.index);
  auto& follower = quorum.follower(0);
  quorum.network.isolate(follower.id());
  std::atomic<int> answered{0};
  std::atomic<bool> confirmed{false};
  leader.log().read_index([&](ReadAnswer given) {
    confirmed = given.index.ok();
    ++answered;
  });
  eventually("it is answered", [&] { return answered == 1; });
  CHECK_FALSE(confirmed);
}

TEST_CASE("a follower names the leader to those who ask it") {
  Quorum quorum(3);
  auto& leader = quorum.await_leader();
  auto& follower = quorum.follower(0);
  Proposer proposer(follower.log());
  proposer.propose("x");
  proposer.wait_for(1);
  const auto answers = proposer.answers();
  CHECK(answers[0].reply.error().code == Errc::kNotLeader);
  CHECK(answers[0].leader == MemberAddress{leader.id(), leader.options.address});
  const auto read = follower.read();
  CHECK(read.index.error().code == Errc::kNotLeader);
  CHECK(read.leader.id == leader.id());
  const auto change = follower.change(RemoveMember{leader.id()});
  CHECK(change.index.error().code == Errc::kNotLeader);
  CHECK(change.leader.id == leader.id());
  CHECK(follower.transfer(0).error().code == Errc::kNotLeader);
}

TEST_CASE("leadership is handed over; who proposes meanwhile waits, and is told who leads") {
  Quorum quorum(3);
  auto& before = quorum.await_leader();
  auto& chosen = quorum.follower(1);
  Proposer proposer(before.log());
  for (int i = 0; i < 100; ++i) proposer.propose("a" + std::to_string(i));
  proposer.wait_for(100);
  // The successor gets nothing for a while, so that there is a time in between.
  std::atomic<bool> held{true};
  quorum.network.set_filter(
      [&](MemberId, MemberId to, const std::string&) { return to != chosen.id() || !held; });
  std::atomic<bool> done{false};
  before.log().transfer(chosen.id(), [&](const Status& status) { done = status.ok(); });
  for (int i = 0; i < 100; ++i) proposer.propose("b" + std::to_string(i));
  held = false;
  proposer.wait_for(200);
  eventually("it is known to be handed over", [&] { return done.load(); });
  CHECK(&quorum.await_leader() == &chosen);
  std::size_t taken = 0;
  for (const auto& answer : proposer.answers()) {
    if (answer.reply.ok()) {
      ++taken;
      continue;
    }
    CHECK(answer.reply.error().code == Errc::kNotLeader);
    CHECK(answer.leader.id == chosen.id());
  }
  CHECK(taken >= 100);
  quorum.await_commands(taken);
}

TEST_CASE("what is proposed while leadership is not taken over is held, and then logged") {
  Quorum quorum(2);
  auto& leader = quorum.await_leader();
  auto& follower = quorum.follower(0);
  // It answers, and never begins an election: TimeoutNow is lost.
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    return to != follower.id() || bytes.front() != 7;
  });
  Proposer proposer(leader.log());
  std::atomic<int> failed{0};
  leader.log().transfer(follower.id(), [&](const Status& status) {
    failed = status.ok() ? 0 : static_cast<int>(status.error().code);
  });
  proposer.propose("held");
  proposer.wait_for(1);
  CHECK(proposer.answers()[0].reply.ok());
  CHECK(failed == static_cast<int>(Errc::kTimedOut));
  CHECK(leader.transfer(4711).error().code == Errc::kNotFound);
}

TEST_CASE("a leader that stops in order hands over, so that nobody waits for its silence") {
  Quorum quorum(3);
  quorum.fill("c", 10);
  std::atomic<int> asked{0};
  quorum.network.set_filter([&](MemberId, MemberId, const std::string& bytes) {
    if (bytes.front() == 1) ++asked;  // Would I be elected, now that the leader is silent?
    return true;
  });
  quorum.await_leader().close();
  quorum.await_leader();
  CHECK(asked == 0);
}

TEST_CASE("proposals beyond the bound are refused, and the others are not") {
  Quorum quorum(2, [](LogOptions& options) { options.proposals_bytes_max = 3'000'000; });
  auto& leader = quorum.await_leader();
  quorum.network.isolate(quorum.follower(0).id());
  Proposer proposer(leader.log());
  for (int i = 0; i < 40; ++i) proposer.propose(std::string(1'000'000, 'x'));
  eventually("one is refused", [&] {
    const auto answers = proposer.answers();
    return std::any_of(answers.begin(), answers.end(), [](const auto& answer) {
      return !answer.reply.ok() && answer.reply.error().code == Errc::kBusy;
    });
  });
  leader.close();  // Which answers the others.
  CHECK(proposer.answers().size() == 40);
}

TEST_CASE("a member whose disk fails says nothing more, and another one leads") {
  Quorum quorum(3);
  quorum.fill("before", 10);
  auto& failed = quorum.await_leader();
  std::atomic<std::size_t> said_by_dead{0};
  std::atomic<bool> is_dead{false};
  quorum.network.set_filter([&](MemberId from, MemberId, const std::string&) {
    if (is_dead && from == failed.id()) ++said_by_dead;
    return true;
  });
  {
    FileRecorder recorder(failed.directory());
    recorder.fail_from(0);
    Proposer proposer(failed.log());
    proposer.propose("x");
    eventually("it is known to have failed", [&] { return !failed.fatal_errors().empty(); });
    is_dead = true;
    proposer.wait_for(1);
    CHECK(proposer.answers()[0].reply.error().code == Errc::kUnavailable);
    quorum.await_leader(&failed);
    CHECK(failed.leading().standing == Standing::kNobody);
    CHECK(failed.read().index.error().code == Errc::kUnavailable);
    CHECK(said_by_dead == 0);
    failed.close();
  }
  quorum.fill("after", 10);
  failed.open();
  quorum.await_leader();
  const auto count = quorum.await_leader().state().commands().size();
  CHECK(count >= 20);  // "x" may have come through.
  quorum.await_commands(count);
}

TEST_CASE("a member whose database fails says nothing more, and another one leads") {
  Quorum quorum(3);
  auto& failed = quorum.await_leader();
  failed.state().fail_apply();
  const auto reply = failed.propose("x");
  CHECK(reply.error().code == Errc::kUnavailable);
  auto& leader = quorum.await_leader(&failed);
  CHECK(leader.propose("y").ok());
  CHECK(failed.leading().standing == Standing::kNobody);
  CHECK_FALSE(failed.leads());
}

TEST_CASE("all members know how old what they show may be") {
  using std::chrono::milliseconds;
  Quorum quorum(3);
  auto& leader = quorum.await_leader();
  const auto age = [](Member& member) {
    return member.log().staleness().value_or(std::chrono::hours(1));
  };
  for (std::size_t i = 0; i < 3; ++i) {
    eventually("it is known", [&] { return age(quorum.member(i)) < milliseconds(2000); });
  }
  // Neither one that hears nothing takes itself for new, nor a leader that was deposed.
  quorum.network.isolate(leader.id());
  const auto begin = std::chrono::steady_clock::now();
  const auto since = [&] {
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  };
  auto& next = quorum.await_leader(&leader);
  REQUIRE(next.propose("unseen").ok());
  const auto hidden_for = since();
  eventually("time passes", [&] { return since() > hidden_for + milliseconds(700); });
  const auto at_least = since();
  CHECK(age(leader) >= at_least - hidden_for);
  CHECK(leader.state().commands().empty());
  quorum.network.heal();
  eventually("it is new again", [&] { return age(leader) < milliseconds(600); });
  CHECK(leader.state().commands().size() == 1);
}

}  // namespace minidfs::consensus::test
