// A datanode's membership: by table, and by random walks against a namenode that answers late,
// twice or never, over connections that break.
#include "metadata/membership.hpp"

#include <catch2/catch.hpp>
#include <deque>

#include "support/effects.hpp"

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = MembershipState;

const LifeId kLife{1, 2};
const LifeId kOtherLife{3, 4};

KnownEpoch leadership(std::uint64_t number, std::uint64_t change = 0) {
  return {{kLife, number}, change};
}

// Steps a membership and keeps the effects of the last step.
class Driver {
 public:
  explicit Driver(const KnownEpoch& known = {})
      : authority(known), membership(MembershipOptions{}, authority) {}

  void step(const MembershipEvent& event) { effects = membership.step(event, now); }
  void advance(milliseconds time) {
    std::vector<MembershipEffect> all;
    const auto end = now + time;
    for (auto wake = membership.next_wake(); wake && *wake <= end; wake = membership.next_wake()) {
      now = std::max(now, *wake);
      step(Woken{});
      all.insert(all.end(), effects.begin(), effects.end());
      if (membership.next_wake() == wake) break;
    }
    now = end;
    effects = all;
  }

  template <class Effect>
  std::vector<Effect> all() const {
    return test::effects_of<Effect>(effects);
  }
  template <class Effect>
  Effect only() const {
    return test::only_effect<Effect>(effects);
  }

  SendRegistration dial() {
    step(Woken{});
    const auto dialed = only<Dial>();
    step(Dialed{dialed.connection, {}});
    return only<SendRegistration>();
  }
  // A member that has reported in full.
  void join(const KnownEpoch& told, std::uint64_t report = 1) {
    const auto asked = dial();
    step(RegistrationAnswered{asked.connection, asked.request, report, told});
    step(Fenced{only<FenceOrders>().fence});
    const auto chunk = only<SendChunk>();
    step(ChunkAccepted{chunk.connection, chunk.request, true});
    REQUIRE(membership.state() == State::kServing);
  }
  SendHeartbeat beat() {
    advance(seconds(1));
    return only<SendHeartbeat>();
  }

  TimePoint now{seconds(1000)};
  OrderAuthority authority;
  Membership membership;
  std::vector<MembershipEffect> effects;
};

}  // namespace

TEST_CASE("a datanode registers, drops earlier orders, reports in full and serves") {
  Driver node;
  const auto asked = node.dial();
  CHECK(node.membership.state() == State::kRegistering);
  node.step(RegistrationAnswered{asked.connection, asked.request, 7, leadership(3, 90)});
  CHECK(node.membership.state() == State::kFencing);
  const auto fence = node.only<FenceOrders>();
  CHECK(fence.known == leadership(3, 90));
  CHECK(node.all<SendChunk>().empty());
  // It lives meanwhile, however long the disk takes.
  CHECK(node.beat().connection == asked.connection);
  node.step(Fenced{fence.fence});
  CHECK(node.membership.state() == State::kReporting);
  auto chunk = node.only<SendChunk>();
  CHECK(chunk.report == 7);
  CHECK(chunk.part == SendChunk::Part::kFirst);
  node.step(ChunkAccepted{chunk.connection, chunk.request, false});
  chunk = node.only<SendChunk>();
  CHECK(chunk.part == SendChunk::Part::kNext);
  node.step(ChunkAccepted{chunk.connection, chunk.request, true});
  CHECK(node.membership.state() == State::kServing);
}

TEST_CASE("no answer of an earlier connection changes anything") {
  Driver node;
  const auto asked = node.dial();
  node.step(RegistrationAnswered{asked.connection, asked.request, 1, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  const auto beat = node.beat();
  node.step(ConnectionClosed{asked.connection});
  CHECK(node.only<HangUp>().connection == asked.connection);
  node.advance(seconds(1));
  const auto dialed = node.only<Dial>();
  node.step(Dialed{dialed.connection, {}});
  const auto again = node.only<SendRegistration>();
  node.step(RegistrationAnswered{again.connection, again.request, 2, leadership(2)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  REQUIRE(node.membership.state() == State::kReporting);
  const std::vector<MembershipEvent> late{
      ConnectionClosed{asked.connection},
      Dialed{asked.connection, Error{Errc::kTimedOut, ""}},
      RegistrationAnswered{asked.connection, asked.request, 9, leadership(9)},
      HeartbeatAnswered{beat.connection, beat.request, true, false, 9, leadership(1)},
      ChunkAccepted{chunk.connection, chunk.request, true},
      RequestFailed{beat.connection, beat.request, Error{Errc::kTimedOut, ""}},
      RequestFailed{chunk.connection, chunk.request, Error{Errc::kStale, ""}},
      ListingFailed{chunk.connection, chunk.request},
      Fenced{1}};
  for (const auto& event : late) {
    CAPTURE(event.index());
    node.step(event);
    CHECK(node.effects.empty());
    CHECK(node.membership.state() == State::kReporting);
    CHECK(node.membership.known() == leadership(2));
  }
}

TEST_CASE("a silent request keeps the connection and is asked again, ever more rarely") {
  Driver node;
  node.join(leadership(1));
  const auto beat = node.beat();
  node.advance(seconds(40));
  CHECK(node.all<HangUp>().empty());
  const auto repeated = node.all<SendHeartbeat>();
  CHECK(repeated.size() >= 2);
  CHECK(repeated.size() <= 6);
  for (const auto& one : repeated) CHECK(one.connection == beat.connection);
  // Then the namenode goes on: the answers of all of them have orders in them.
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(1)});
  CHECK(node.all<ObeyOrders>().size() == 1);
  node.step(
      HeartbeatAnswered{beat.connection, repeated.back().request, false, false, 0, leadership(1)});
  CHECK(node.all<ObeyOrders>().size() == 1);
  CHECK(node.membership.state() == State::kServing);
  node.beat();
}

TEST_CASE("a chunk that is silent is asked again and its first answer is as good as its second") {
  Driver node;
  const auto asked = node.dial();
  node.step(RegistrationAnswered{asked.connection, asked.request, 1, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  node.advance(seconds(6));
  const auto again = node.only<SendChunk>();
  CHECK(again.part == SendChunk::Part::kAgain);
  node.step(ChunkAccepted{chunk.connection, chunk.request, false});
  const auto next = node.only<SendChunk>();
  CHECK(next.part == SendChunk::Part::kNext);
  // The namenode had the repeated one already.
  node.step(RequestFailed{again.connection, again.request, Error{Errc::kStale, "taken before"}});
  CHECK(node.effects.empty());
  node.step(ChunkAccepted{next.connection, next.request, true});
  CHECK(node.membership.state() == State::kServing);
}

TEST_CASE("when nothing is answered for long the namenode is dialed anew") {
  Driver node;
  node.join(leadership(1));
  node.beat();
  node.advance(seconds(90));
  REQUIRE(node.all<HangUp>().size() == 1);
  const auto dialed = node.only<Dial>();
  CHECK(dialed.replace);
  CHECK(node.membership.state() == State::kConnecting);
}

TEST_CASE("a datanode that was stopped itself does not blame the namenode") {
  Driver node;
  node.join(leadership(1));
  const auto beat = node.beat();
  node.now += seconds(300);
  node.step(Woken{});
  CHECK(node.effects.empty());
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(1)});
  CHECK(node.membership.state() == State::kServing);
  CHECK(node.all<ObeyOrders>().size() == 1);
}

TEST_CASE("a registration in the same epoch need not report again") {
  Driver node;
  node.join(leadership(1));
  node.step(ConnectionClosed{1});
  node.advance(seconds(1));
  node.step(Dialed{node.only<Dial>().connection, {}});
  const auto asked = node.only<SendRegistration>();
  node.step(RegistrationAnswered{asked.connection, asked.request, 0, leadership(1)});
  // Orders whose answers were lost with the connection may be given again.
  node.step(Fenced{node.only<FenceOrders>().fence});
  CHECK(node.effects.empty());
  CHECK(node.membership.state() == State::kServing);
}

TEST_CASE("a report that the namenode cannot take at once is sent when a heartbeat grants it") {
  Driver node;
  const auto asked = node.dial();
  node.step(RegistrationAnswered{asked.connection, asked.request, 0, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  CHECK(node.all<SendChunk>().empty());
  auto beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 5, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  CHECK(chunk.report == 5);
  CHECK(chunk.from == ReportPosition{});
  // It is told so with each answer until it is done.
  beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 5, leadership(1)});
  CHECK(node.all<FenceOrders>().empty());
  node.step(ChunkAccepted{chunk.connection, chunk.request, true});
  CHECK(node.membership.state() == State::kServing);
}

TEST_CASE("a report that a lost connection broke off goes on where the namenode has it") {
  Driver node;
  const auto asked = node.dial();
  node.step(RegistrationAnswered{asked.connection, asked.request, 5, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  node.step(ConnectionClosed{asked.connection});
  node.advance(seconds(1));
  node.step(Dialed{node.only<Dial>().connection, {}});
  const auto again = node.only<SendRegistration>();
  const ReportPosition from{7, BlockId{900}};
  node.step(RegistrationAnswered{again.connection, again.request, 5, leadership(1), from});
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  CHECK(chunk.part == SendChunk::Part::kFirst);
  CHECK(chunk.report == 5);
  CHECK(chunk.from == from);
}

TEST_CASE(
    "orders of an earlier leadership are refused, and those of another life before a "
    "registration") {
  Driver node;
  node.join(leadership(5, 100));
  auto beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(4, 99)});
  CHECK(node.all<ObeyOrders>().empty());
  auto asked = node.only<SendRegistration>();
  // It is told everything and obeyed in nothing.
  node.step(RegistrationAnswered{asked.connection, asked.request, 8, leadership(4, 99)});
  CHECK(node.membership.known() == leadership(5, 100));
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  node.step(ChunkAccepted{chunk.connection, chunk.request, true});
  beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(4, 99)});
  CHECK(node.effects.empty());
  // The operator's word: another life, with numbers of its own.
  const KnownEpoch reborn{{kOtherLife, 1}, 99};
  beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, reborn});
  CHECK(node.all<ObeyOrders>().empty());
  asked = node.only<SendRegistration>();
  CHECK(node.membership.known() == leadership(5, 100));
  node.step(RegistrationAnswered{asked.connection, asked.request, 9, reborn});
  CHECK(node.membership.known() == reborn);
  CHECK(node.only<FenceOrders>().known == reborn);
}

TEST_CASE(
    "a namenode that is behind is told everything and obeyed in nothing, and takes no knowledge") {
  // The same leadership of the same life, and yet not the one that this node obeyed.
  Driver node(leadership(5, 100));
  const auto behind = leadership(5, 60);
  const auto asked = node.dial();
  node.step(RegistrationAnswered{asked.connection, asked.request, 8, behind, {}, true});
  CHECK(node.only<FenceOrders>().known == leadership(5, 100));
  node.step(Fenced{node.only<FenceOrders>().fence});
  const auto chunk = node.only<SendChunk>();
  node.step(ChunkAccepted{chunk.connection, chunk.request, true});
  for (int i = 0; i < 3; ++i) {
    const auto beat = node.beat();
    node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, behind});
    CHECK(node.effects.empty());
  }
  CHECK(node.membership.known() == leadership(5, 100));
  // The operator's word.
  const KnownEpoch reborn{{kOtherLife, 6}, 61};
  const auto beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, reborn});
  const auto again = node.only<SendRegistration>();
  node.step(RegistrationAnswered{again.connection, again.request, 9, reborn});
  CHECK(node.membership.known() == reborn);
}

TEST_CASE("a node that leaves keeps the newest change that it knows") {
  Driver node;
  node.join(leadership(1, 10));
  const auto beat = node.beat();
  node.step(HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(1, 11)});
  node.step(LeaveWanted{});
  CHECK(node.only<KeepKnown>().known == leadership(1, 11));
}

TEST_CASE("a new change number is kept on disk now and then, a leadership at once") {
  Driver node;
  node.join(leadership(1, 10));
  std::size_t kept = 0;
  for (std::uint64_t change = 11; change < 41; ++change) {
    const auto beat = node.beat();
    node.step(
        HeartbeatAnswered{beat.connection, beat.request, false, false, 0, leadership(1, change)});
    kept += node.all<KeepKnown>().size();
  }
  CHECK(kept >= 2);
  CHECK(kept <= 4);
  CHECK(node.membership.known() == leadership(1, 40));
}

TEST_CASE("a busy namenode is asked the same again, and one that refuses a chunk is joined anew") {
  Driver node;
  const auto asked = node.dial();
  node.step(RequestFailed{asked.connection, asked.request, Error{Errc::kUnavailable, "busy"}});
  CHECK(node.effects.empty());
  node.advance(seconds(1));
  const auto again = node.only<SendRegistration>();
  CHECK(again.connection == asked.connection);
  node.step(RegistrationAnswered{again.connection, again.request, 1, leadership(1)});
  node.step(Fenced{node.only<FenceOrders>().fence});
  auto chunk = node.only<SendChunk>();
  node.step(RequestFailed{chunk.connection, chunk.request, Error{Errc::kUnavailable, "busy"}});
  node.advance(milliseconds(900));
  chunk = node.only<SendChunk>();
  CHECK(chunk.part == SendChunk::Part::kAgain);
  node.step(RequestFailed{chunk.connection, chunk.request, Error{Errc::kStale, "no report owed"}});
  node.advance(milliseconds(900));
  CHECK(node.only<SendRegistration>().connection == asked.connection);
  CHECK(node.all<HangUp>().empty());
}

TEST_CASE("a datanode of another cluster is refused for good") {
  Driver node;
  const auto asked = node.dial();
  node.step(RequestFailed{asked.connection, asked.request, Error{Errc::kWrongCluster, "other"}});
  CHECK(node.only<Refused>().error.code == Errc::kWrongCluster);
  CHECK(node.membership.state() == State::kLeft);
  CHECK_FALSE(node.membership.next_wake().has_value());
}

namespace {

// A namenode that answers in order, after any time, and is killed or stopped now and then; checks
// what it is sent.
class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed), membership_(options(seed), authority_) {}

  void run(int events) {
    for (int i = 0; i < events; ++i) turn(true);
    // Left in peace the node becomes a member that serves.
    healed_ = true;
    if (!alive_) start();
    const auto done = [&] {
      return membership_.state() == State::kServing && reported_in_ == leadership_;
    };
    for (int i = 0; i < 3000 && !done(); ++i) turn(false);
    REQUIRE(membership_.state() == State::kServing);
    REQUIRE(membership_.known().epoch == Epoch{kLife, leadership_});
    REQUIRE(reported_in_ == leadership_);
  }

  int late_answers = 0;
  int fences_with_orders = 0;

 private:
  struct Answer {
    MembershipEvent event;
    std::uint64_t leadership = 0;
  };

  static MembershipOptions options(std::uint64_t seed) {
    MembershipOptions result;
    result.seed = seed;
    return result;
  }

  bool chance(std::uint64_t percent) { return random_below(random_, 100) < percent; }

  void start() {
    ++leadership_;
    report_ = 0;
    next_part_ = 0;
    alive_ = true;
    registered_ = false;
  }

  void turn(bool faults) {
    now_ += milliseconds(random_below(random_, faults ? 3000 : 200));
    if (faults && chance(4)) {  // Killed: what was sent to it or by it may still arrive.
      alive_ = false;
      for (auto& answer : answers_) late_.push_back(answer);
      answers_.clear();
      step(ConnectionClosed{connection_});
    }
    if (faults && !alive_ && chance(40)) start();
    if (!late_.empty() && chance(50)) {
      ++late_answers;
      const auto answer = late_.front();
      late_.pop_front();
      step(answer.event);
    }
    if (!answers_.empty() && (healed_ || chance(60))) {
      const auto answer = answers_.front();
      answers_.pop_front();
      orders_of_ = answer.leadership;
      step(answer.event);
    }
    if (pending_fence_ != 0 && (healed_ || chance(50))) {
      step(Fenced{std::exchange(pending_fence_, 0)});
    }
    const auto wake = membership_.next_wake();
    if (wake && *wake <= now_) step(Woken{});
  }

  void step(const MembershipEvent& event) {
    for (const auto& effect : membership_.step(event, now_)) {
      std::visit([this](const auto& e) { perform(e); }, effect);
    }
  }

  void perform(const Dial& dial) {
    connection_ = dial.connection;
    answers_.clear();
    registered_ = false;
    if (!alive_) {
      answers_.push_back({Dialed{dial.connection, Error{Errc::kUnavailable, "refused"}}, 0});
    } else {
      answers_.push_back({Dialed{dial.connection, {}}, leadership_});
    }
  }
  void perform(const HangUp& hang_up) { REQUIRE(hang_up.connection == connection_); }
  void perform(const SendRegistration& sent) {
    REQUIRE(sent.connection == connection_);
    if (!alive_) return;
    registered_ = true;
    // It takes the report at once, or later, or goes on with it, or has it.
    if (report_ == 0 && chance(60)) report_ = ++reports_;
    const bool owed = reported_in_ != leadership_;
    answers_.push_back({RegistrationAnswered{sent.connection, sent.request, owed ? report_ : 0,
                                             leadership(leadership_), position()},
                        leadership_});
  }
  ReportPosition position() const {
    return {static_cast<std::uint32_t>(next_part_),
            BlockId{static_cast<std::uint64_t>(next_part_)}};
  }
  void perform(const SendHeartbeat& sent) {
    REQUIRE(sent.connection == connection_);
    if (!alive_) return;
    if (registered_ && report_ == 0 && chance(30)) report_ = ++reports_;
    const bool owed = registered_ && reported_in_ != leadership_;
    answers_.push_back({HeartbeatAnswered{sent.connection, sent.request, !registered_, chance(20),
                                          owed ? report_ : 0, leadership(leadership_), position()},
                        leadership_});
  }
  void perform(const SendChunk& sent) {
    REQUIRE(sent.connection == connection_);
    if (sent.part == SendChunk::Part::kFirst) {
      // The rule of the fence: no order of another leadership is left when the listing begins.
      REQUIRE(pending_fence_ == 0);
      for (const auto by : undone_) REQUIRE(Epoch{kLife, by} == membership_.known().epoch);
    }
    if (!alive_) return;
    if (sent.report != report_) {
      answers_.push_back(
          {RequestFailed{sent.connection, sent.request, Error{Errc::kStale, "old report"}}, 0});
      return;
    }
    if (sent.part == SendChunk::Part::kFirst) {
      REQUIRE(sent.from.sequence <= position().sequence);
      next_part_ = static_cast<int>(sent.from.sequence);
    }
    const bool ends = ++next_part_ >= 3;
    if (ends) reported_in_ = leadership_;
    answers_.push_back({ChunkAccepted{sent.connection, sent.request, ends}, leadership_});
  }
  void perform(const FenceOrders& fence) {
    REQUIRE(fence.fence > fence_);
    fence_ = fence.fence;
    if (!undone_.empty()) ++fences_with_orders;
    undone_.clear();
    pending_fence_ = fence.fence;
  }
  void perform(const ObeyOrders& obey) {
    REQUIRE(obey.fence == fence_);
    // Never an order of another leadership than the one that is obeyed.
    REQUIRE(Epoch{kLife, orders_of_} == membership_.known().epoch);
    undone_.push_back(orders_of_);
    if (chance(30)) undone_.clear();  // Carried out.
  }
  void perform(const KeepKnown& keep) { REQUIRE(keep.known == membership_.known()); }
  void perform(const Refused&) { FAIL("refused"); }

  Random random_;
  OrderAuthority authority_{{}};
  Membership membership_;
  TimePoint now_{seconds(1000)};
  std::deque<Answer> answers_;
  std::deque<Answer> late_;
  std::uint64_t connection_ = 0;
  std::uint64_t leadership_ = 0;
  std::uint64_t report_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t reported_in_ = 0;
  std::uint64_t orders_of_ = 0;
  std::uint64_t fence_ = 0;
  std::uint64_t pending_fence_ = 0;
  std::vector<std::uint64_t> undone_;  // Orders, by the leadership that gave them.
  int next_part_ = 0;
  bool alive_ = false;
  bool registered_ = false;
  bool healed_ = false;
};

}  // namespace

TEST_CASE(
    "random walks: whatever comes late, the node serves in the end and obeys one leadership") {
  int late_answers = 0;
  int fences_with_orders = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    walk.run(400);
    late_answers += walk.late_answers;
    fences_with_orders += walk.fences_with_orders;
  }
  CHECK(late_answers > 1000);
  CHECK(fences_with_orders > 100);
}

}  // namespace minidfs::metadata
