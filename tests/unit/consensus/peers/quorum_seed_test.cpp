#include <atomic>
#include <thread>

#include "consensus/directory_notes.hpp"
#include "consensus/members_format.hpp"
#include "consensus/peers/peer_messages.hpp"
#include "peers/quorum_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// The log is dropped as soon as it may be, so that who lacks anything lacks too much.
void keep_little(LogOptions& options) {
  options.segment_bytes = 64 << 10;
  options.kept_bytes_max = 0;
  options.checkpoint_entries = 50;
}

constexpr std::uint8_t kSeedBegin = 33;
constexpr std::uint8_t kSeedPiece = 34;
constexpr std::uint8_t kSeedEnd = 35;
constexpr std::uint8_t kCommitted = 43;

std::uint64_t piece_number(const std::string& bytes) {
  return std::get<SeedPiece>(decode_peer_message(bytes, "").value()).number;
}

// Members that do not get the first entries any more.
void fill_much(Quorum& quorum, const std::string& prefix) {
  quorum.fill(prefix, 300, 1000);
  quorum.fill(prefix + "+", 300, 1000);
}

}  // namespace

TEST_CASE("a member that joins is given a copy of the state when the log does not go back so far") {
  Quorum quorum(1, keep_little);
  auto& first = quorum.member(0);
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  quorum.join(joiner);
  quorum.await_commands(600);
  CHECK(joiner.state().installs() == 1);
  CHECK(first.state().installs() == 0);
  quorum.fill("d", 20);
  quorum.await_commands(620);
  // What it was given, it has for ever.
  joiner.close();
  joiner.open();
  quorum.fill("e", 20);
  quorum.await_commands(640);
  CHECK(joiner.state().installs() == 1);
}

TEST_CASE("a member that is given a copy takes itself for new only when it has the copy") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  std::atomic<int> answers{0};
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    if (to == joiner.id() && static_cast<std::uint8_t>(bytes.front()) == kCommitted) ++answers;
    return true;
  });
  const auto since =
      quorum.member(0).change(AddLearner{{joiner.id(), joiner.options.address}, 0}).index.value();
  joiner.state().hold_intake(true);
  const std::unique_ptr<Member, void (*)(Member*)> released(
      &joiner, [](Member* member) { member->state().hold_intake(false); });
  joiner.open(since);
  eventually("it was told what is committed", [&] { return answers > 0; });
  CHECK_FALSE(joiner.log().staleness().has_value());
  joiner.state().hold_intake(false);
  eventually("it knows", [&] { return joiner.log().staleness().has_value(); });
  CHECK(joiner.state().commands().size() >= 600);
}

TEST_CASE("a member that was away for too long is given a copy of the state") {
  Quorum quorum(3, keep_little);
  quorum.fill("c", 10);
  auto& away = quorum.follower(0);
  away.close();
  fill_much(quorum, "d");
  away.open();
  quorum.await_commands(610);
  CHECK(away.state().installs() == 1);
  quorum.await_leader();
}

TEST_CASE("a seed that is cut begins again") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& first = quorum.member(0);
  auto& joiner = quorum.add();
  std::atomic<int> pieces{0};
  const auto how = GENERATE(0, 1, 2);
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    if (to != joiner.id() || static_cast<std::uint8_t>(bytes.front()) != kSeedPiece) return true;
    return ++pieces != 20 || how == 2;  // Lost, in two of three.
  });
  joiner.open(quorum.admit(joiner));
  eventually("it has some pieces", [&] { return pieces > 20; });
  if (how == 1) quorum.network.disconnect(first.id(), joiner.id());
  if (how == 2) {
    joiner.close();
    joiner.open();
  }
  quorum.await_commands(600);
  quorum.await_voters(2);
  CHECK(joiner.state().installs() == 1);
}

TEST_CASE("a seed whose connection ends goes on over the next one") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  const bool ended = GENERATE(false, true);  // Only the last word is missing.
  std::atomic<int> begun{0};
  std::atomic<int> lost{0};
  std::atomic<bool> cut{true};
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    const auto kind = static_cast<std::uint8_t>(bytes.front());
    if (to != joiner.id()) return true;
    if (kind == kSeedBegin) ++begun;
    const bool loses = ended ? kind == kSeedEnd : kind == kSeedPiece && piece_number(bytes) >= 20;
    if (!cut || !loses) return true;
    ++lost;
    return false;
  });
  joiner.open(quorum.admit(joiner));
  // As much as is sent before an answer.
  eventually("something was lost", [&] { return lost == (ended ? 1 : 8); });
  cut = false;
  quorum.network.disconnect(quorum.member(0).id(), joiner.id());
  quorum.await_voters(2);
  quorum.await_commands(600);
  CHECK(joiner.state().installs() == 1);
  CHECK(begun == 1);
}

TEST_CASE("a leader that goes in the middle of a seed is followed by one who gives it") {
  Quorum quorum(3, keep_little);
  quorum.fill("c", 10);
  auto& away = quorum.follower(0);
  away.close();
  fill_much(quorum, "d");
  auto& leader = quorum.await_leader();
  std::atomic<int> pieces{0};
  std::atomic<bool> cut{true};
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    const bool piece = static_cast<std::uint8_t>(bytes.front()) == kSeedPiece;
    return to != away.id() || !piece || ++pieces < 20 || !cut;
  });
  away.open();
  eventually("it has some pieces", [&] { return pieces >= 20; });
  cut = false;  // What was lost stays lost.
  leader.close();
  eventually("it has all", [&] { return away.state().commands().size() == 610; });
  quorum.await_leader();
  leader.open();
  quorum.await_commands(610);
}

TEST_CASE("a crash between the state and the log of a seed is finished by the next start") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& first = quorum.member(0);
  auto& joiner = quorum.add();
  const auto since = quorum.admit(joiner);
  const bool installed = GENERATE(false, true);
  quorum.network.isolate(joiner.id());
  joiner.open(since);
  joiner.close();
  // As it stands behind the note, before or after the state was replaced.
  auto copy = first.state().begin_copy().value();
  REQUIRE(joiner.state().begin_intake().ok());
  for (auto piece = copy->next(1000).value(); !piece.empty(); piece = copy->next(1000).value()) {
    REQUIRE(joiner.state().take_in(piece).ok());
  }
  REQUIRE(joiner.state().finish_intake().ok());
  const SeedNote note{{1, copy->number()}, encode_members(Roster(MemberSet({first.id()}, {})))};
  REQUIRE(write_seed_note(joiner.directory(), note).ok());
  if (installed) REQUIRE(joiner.state().install().ok());
  quorum.network.heal();
  joiner.open();
  CHECK_FALSE(find_seed_note(joiner.directory()).value());
  quorum.await_voters(2);
  quorum.await_commands(600);
  CHECK(joiner.state().installs() == 1);
}

TEST_CASE("a state that cannot be replaced stops the member, which then is given another copy") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  const auto since = quorum.admit(joiner);
  joiner.state().fail_install(true);
  joiner.open(since);
  eventually("it stops", [&] { return !joiner.fatal_errors().empty(); });
  joiner.close();
  joiner.state().fail_install(false);
  joiner.open();
  quorum.await_voters(2);
  quorum.await_commands(600);
}

TEST_CASE(
    "a learner is silent while it is not heard, but not while it is given a copy of the state") {
  Quorum quorum(1, keep_little);
  fill_much(quorum, "c");
  auto& first = quorum.member(0);
  auto& joiner = quorum.add();
  // Of what it says only the words about the copy arrive.
  std::atomic<bool> begun{false};
  quorum.network.set_filter([&](MemberId from, MemberId, const std::string& bytes) {
    const auto kind = static_cast<std::uint8_t>(bytes.front());
    if (kind == kSeedBegin) begun = true;
    return !begun || from != joiner.id() || kind >= kSeedBegin;
  });
  const auto status_of_joiner = [&] {
    for (auto& each : first.log().quorum().members) {
      if (each.member.id == joiner.id()) return each;
    }
    return MemberStatus{};
  };
  const auto is_silent = [&] { return status_of_joiner().silent >= std::chrono::seconds(1); };
  const auto since = quorum.admit(joiner);
  eventually("it is missed", is_silent);
  joiner.state().hold_intake(true);
  const std::unique_ptr<Member, void (*)(Member*)> released(
      &joiner, [](Member* member) { member->state().hold_intake(false); });
  joiner.open(since);
  eventually("it is not heard while it is given a copy, and not called silent", [&] {
    const auto status = status_of_joiner();
    return status.state == MemberState::kUnreachable && status.silent.count() == 0;
  });
  const auto told = std::chrono::steady_clock::now();
  joiner.state().hold_intake(false);
  eventually("it has the copy, and is missed again",
             [&] { return status_of_joiner().silent > std::chrono::milliseconds(0); });
  CHECK(status_of_joiner().silent <= std::chrono::steady_clock::now() - told);
  quorum.network.set_filter({});
  quorum.await_voters(2);
}

TEST_CASE("changes go on while a copy is given, and reach the one who gets it") {
  Quorum quorum(1, [](LogOptions& options) {
    keep_little(options);
    options.seed_bytes_per_second = 400'000;  // For 600 kB.
  });
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  joiner.options.seed_bytes_per_second = 0;
  joiner.open(quorum.admit(joiner));
  std::size_t count = 600;
  while (joiner.state().installs() == 0) {
    quorum.fill("more" + std::to_string(count) + "-", 20, 1000);
    count += 20;
  }
  quorum.await_voters(2);
  quorum.await_commands(count);
  CHECK(joiner.state().installs() == 1);
}

TEST_CASE(
    "a copy is given by another voter than the leader, and by the leader if that one cannot") {
  const bool able = GENERATE(true, false);
  Quorum quorum(2, keep_little);
  fill_much(quorum, "c");
  auto& leader = quorum.await_leader();
  auto& follower = quorum.follower(0);
  eventually("the other one holds everything",
             [&] { return follower.state().commands().size() == 600; });
  std::atomic<int> by_leader{0};
  std::atomic<int> by_follower{0};
  quorum.network.set_filter([&](MemberId from, MemberId, const std::string& bytes) {
    if (static_cast<std::uint8_t>(bytes.front()) != kSeedPiece) return true;
    if (from == leader.id()) ++by_leader;
    return from != follower.id() || ++by_follower != 10 || able;
  });
  auto& joiner = quorum.add();
  quorum.join(joiner);
  quorum.fill("d", 10);
  quorum.await_commands(610);
  CHECK(joiner.state().installs() == 1);
  CHECK(by_follower >= 10);
  CHECK((by_leader > 0) == !able);
}

TEST_CASE("a copy that makes the log grow too much is sent once more, as fast as it goes") {
  Quorum quorum(1, [](LogOptions& options) {
    keep_little(options);
    options.seed_bytes_per_second = 100'000;  // For 600 kB.
    options.seed_kept_bytes_max = 200'000;
  });
  fill_much(quorum, "c");
  auto& joiner = quorum.add();
  std::atomic<int> begun{0};
  quorum.network.set_filter([&](MemberId, MemberId, const std::string& bytes) {
    if (static_cast<std::uint8_t>(bytes.front()) == kSeedBegin) ++begun;
    return true;
  });
  joiner.open(quorum.admit(joiner));
  eventually("it is given a copy", [&] { return begun == 1; });
  std::size_t count = 600;
  for (; begun == 1 && count < 20'000; count += 20) {
    quorum.fill("more" + std::to_string(count) + "-", 20, 1000);
  }
  CHECK(count >= 800);
  CHECK(joiner.state().installs() == 0);
  quorum.await_voters(2);
  quorum.await_commands(count);
  CHECK(begun == 2);
}

TEST_CASE("changes wait for a copy that nothing else helps to its end") {
  Quorum quorum(1, [](LogOptions& options) {
    keep_little(options);
    options.seed_kept_bytes_max = 200'000;
  });
  fill_much(quorum, "c");
  auto& first = quorum.member(0);
  auto& joiner = quorum.add();
  std::atomic<int> begun{0};
  quorum.network.set_filter([&](MemberId, MemberId to, const std::string& bytes) {
    const auto kind = static_cast<std::uint8_t>(bytes.front());
    if (to == joiner.id() && kind == kSeedBegin) ++begun;
    return true;
  });
  const auto since = quorum.admit(joiner);
  joiner.state().hold_intake(true);
  const std::unique_ptr<Member, void (*)(Member*)> released(
      &joiner, [](Member* member) { member->state().hold_intake(false); });
  joiner.open(since);
  Proposer proposer(first.log());
  std::size_t proposed = 0;
  const auto propose = [&](std::size_t more) {
    for (std::size_t i = 0; i < more; ++i, ++proposed) {
      proposer.propose("more" + std::to_string(proposed) + std::string(1000, '.'));
    }
  };
  while (begun < 2) {
    propose(1);
    proposer.wait_for(proposed);
  }
  // The second one is under way, and keeps as much as it may.
  const auto before = proposed;
  while (first.log().silent_for() < std::chrono::milliseconds(500)) {
    const auto answered = proposer.answers().size();
    if (answered == proposed) propose(50);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    REQUIRE(proposed < before + 5'000);
  }
  CHECK(proposer.answers().size() < proposed);
  CHECK(first.leads());
  joiner.state().hold_intake(false);
  proposer.wait_for(proposed);
  for (const auto& answer : proposer.answers()) CHECK(answer.reply.ok());
  quorum.await_voters(2);
  quorum.await_commands(600 + proposed);
  CHECK(begun == 2);
}

}  // namespace minidfs::consensus::test
