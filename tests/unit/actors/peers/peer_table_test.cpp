#include "actors/peers/peer_table.hpp"

#include <catch2/catch.hpp>

using namespace minidfs;
using namespace minidfs::actors;
using namespace std::chrono_literals;

namespace {

constexpr consensus::MemberId kSmall = 5;
constexpr consensus::MemberId kSelf = 10;
constexpr consensus::MemberId kLarge = 20;
constexpr ProcessId kOne{1, 1};
constexpr ProcessId kTwo{2, 2};

using What = PeerTable::Due::What;

struct Table : PeerTable {
  Table() : PeerTable(kSelf, {}) { reach_all(); }
  void reach_all() { reach({{kSmall, "small:1"}, {kLarge, "large:1"}}, now); }

  Caller caller(MemberId member, ProcessId process) const { return {member, kSelf, process}; }
  Open come(MemberId member, ProcessId process) {
    REQUIRE(claim(caller(member, process), now).ok());
    const auto open = greeted(process, now);
    REQUIRE(open);
    return *open;
  }
  Open dial(MemberId member, ProcessId process) {
    REQUIRE(confirm(member, process, now));
    const auto open = dialled(member, process, now);
    REQUIRE(open);
    return *open;
  }

  TimePoint now{1h};
};

Errc code_of(const Status& status) { return status.ok() ? Errc{} : status.error().code; }

}  // namespace

TEST_CASE("the one with the smaller id dials at once, the other after a silence") {
  const Table table;
  CHECK(table.due(kLarge).what == What::kDial);
  CHECK(table.due(kLarge).at <= table.now);
  CHECK(table.due(kSmall).what == What::kDial);
  CHECK(table.due(kSmall).at == table.now + 1s);
}

TEST_CASE("who has no address, or is not wanted, is not dialled") {
  Table table;
  table.reach({{kLarge, ""}}, table.now);
  CHECK(table.due(kLarge).what == What::kNothing);
  CHECK(table.due(kSmall).what == What::kNothing);
  CHECK(table.due(99).what == What::kNothing);
}

TEST_CASE("tries come less and less often, until there was a connection that lasted") {
  Table table;
  auto pause = 0ms;
  for (int i = 0; i < 8; ++i) {
    table.failed(kLarge, table.now);
    const auto next =
        std::chrono::duration_cast<std::chrono::milliseconds>(table.due(kLarge).at - table.now);
    CHECK(next >= pause);
    pause = next;
  }
  CHECK(pause == 1s);
  const auto brief = table.dial(kLarge, kOne);
  CHECK(table.ended(brief, table.now));
  CHECK(table.due(kLarge).at > table.now);
  table.now += 1s;
  const auto open = table.dial(kLarge, kOne);
  table.now += 10s;
  CHECK(table.ended(open, table.now));
  CHECK(table.due(kLarge).at <= table.now);
}

TEST_CASE("a connection that came or was dialled is numbered, heard and ended") {
  Table table;
  const auto first = table.come(kSmall, kOne);
  CHECK(first.member == kSmall);
  const auto second = table.dial(kLarge, kTwo);
  CHECK(second.epoch > first.epoch);
  CHECK(table.epoch(kLarge) == second.epoch);
  REQUIRE(table.heard(kOne, table.now));
  CHECK(table.heard(kOne, table.now)->epoch == first.epoch);
  CHECK(table.ended(first, table.now));
  CHECK_FALSE(table.epoch(kSmall));
  CHECK_FALSE(table.heard(kOne, table.now));
  CHECK_FALSE(table.ended(first, table.now));
}

TEST_CASE("of two that dial each other the smaller one's connection stands") {
  SECTION("this one has the smaller id") {
    Table table;
    REQUIRE(table.confirm(kLarge, kOne, table.now));
    CHECK(code_of(table.judge(table.caller(kLarge, kOne), table.now)) == Errc::kBusy);
    CHECK(table.dialled(kLarge, kOne, table.now));
  }
  SECTION("the other one has") {
    Table table;
    REQUIRE(table.confirm(kSmall, kOne, table.now));
    REQUIRE(table.claim(table.caller(kSmall, kOne), table.now).ok());
    CHECK_FALSE(table.dialled(kSmall, kOne, table.now));
    CHECK(table.greeted(kOne, table.now));
  }
}

TEST_CASE("what is coming keeps this one from dialling, but not for ever") {
  Table table;
  REQUIRE(table.claim(table.caller(kLarge, kOne), table.now).ok());
  CHECK_FALSE(table.confirm(kLarge, kOne, table.now));
  CHECK(table.due(kLarge).at == table.now + 2s);
  table.now += 2s;
  CHECK(table.confirm(kLarge, kOne, table.now));
}

TEST_CASE("a process that connects again takes the place of its own connection") {
  Table table;
  const auto first = table.come(kLarge, kOne);
  const auto replaced = table.claim(table.caller(kLarge, kOne), table.now);
  REQUIRE(replaced.ok());
  CHECK_FALSE(*replaced);  // The listener cuts what the same two processes had.
  CHECK(table.ended(first, table.now));
  const auto second = table.greeted(kOne, table.now);
  REQUIRE(second);
  CHECK(second->epoch > first.epoch);
}

TEST_CASE("another process under an id is refused while the first one lives") {
  Table table;
  table.come(kLarge, kOne);
  table.now += 1900ms;
  CHECK(code_of(table.judge(table.caller(kLarge, kTwo), table.now)) == Errc::kInUse);
  REQUIRE(table.heard(kOne, table.now));
  table.now += 1900ms;
  CHECK(code_of(table.judge(table.caller(kLarge, kTwo), table.now)) == Errc::kInUse);
  table.now += 100ms;
  const auto replaced = table.claim(table.caller(kLarge, kTwo), table.now);
  REQUIRE(replaced.ok());
  CHECK(*replaced == kOne);
}

TEST_CASE("the end of a connection that another one has followed is no news") {
  Table table;
  const auto first = table.come(kLarge, kOne);
  table.now += 3s;
  const auto second = table.come(kLarge, kTwo);
  CHECK_FALSE(table.ended(first, table.now));
  CHECK(table.epoch(kLarge) == second.epoch);
}

TEST_CASE("who looks for another member, or has this one's id, is refused") {
  const Table table;
  CHECK(code_of(table.judge({kSmall, kLarge, kOne}, table.now)) == Errc::kNotFound);
  CHECK(code_of(table.judge({kSelf, kSelf, kOne}, table.now)) == Errc::kInUse);
  CHECK(table.judge({77, kSelf, kOne}, table.now).ok());  // Whom the log may not know yet.
}

TEST_CASE("members that are wanted no more are cut") {
  Table table;
  table.come(kSmall, kOne);
  table.dial(kLarge, kTwo);
  CHECK(table.reach({{kSmall, "small:1"}}, table.now) == std::vector{kTwo});
  CHECK_FALSE(table.is_wanted(kLarge));
  CHECK(table.due(kLarge).what == What::kNothing);
}

TEST_CASE("an open connection is reminded of") {
  Table table;
  table.dial(kLarge, kOne);
  CHECK(table.due(kLarge).what == What::kRemind);
  CHECK(table.due(kLarge).at == table.now + 500ms);
  table.now += 500ms;
  table.reminded(kLarge, table.now);
  CHECK(table.due(kLarge).at == table.now + 500ms);
}

// --- Two processes under one id, each with another member around it -----------------------------

namespace {

constexpr consensus::MemberId kTwins = 30;

// Two members that are connected to each other, and tell each other whom they see.
struct TwoTables {
  explicit TwoTables(consensus::MemberId one, consensus::MemberId other)
      : a(one, {}), b(other, {}) {
    for (auto* table : {&a, &b}) {
      table->reach({{a.self(), "a:1"}, {b.self(), "b:1"}, {kTwins, "t:1"}}, now);
    }
  }

  static void come(PeerTable& table, consensus::MemberId member, ProcessId process,
                   PeerTable::TimePoint now) {
    REQUIRE(table.claim({member, table.self(), process}, now).ok());
    REQUIRE(table.greeted(process, now));
  }
  void meet() {
    come(a, b.self(), {8, 8}, now);
    come(b, a.self(), {9, 9}, now);
  }
  // One hears of the other, and cuts.
  std::size_t tell(PeerTable& teller, PeerTable& told) {
    std::size_t count = 0;
    for (const auto& twin : told.told(teller.self(), teller.sights_for(told.self(), now), now)) {
      CHECK(twin.member == kTwins);
      CHECK(told.ended({kTwins, *told.epoch(kTwins)}, now));
      ++count;
    }
    return count;
  }

  PeerTable a;
  PeerTable b;
  PeerTable::TimePoint now{1h};
};

}  // namespace

TEST_CASE("whom another member sees by another process is refused") {
  TwoTables two(kSmall, kLarge);
  two.meet();
  two.come(two.a, kTwins, kOne, two.now);
  CHECK(two.b.judge({kTwins, two.b.self(), kTwo}, two.now).ok());
  CHECK(two.a.due(two.b.self()).at <= two.now);  // It is told at once.
  two.tell(two.a, two.b);
  CHECK(code_of(two.b.judge({kTwins, two.b.self(), kTwo}, two.now)) == Errc::kInUse);
  CHECK_FALSE(two.b.confirm(kTwins, kTwo, two.now));
  CHECK(two.b.due(kTwins).at > two.now);
  CHECK(two.b.judge({kTwins, two.b.self(), kOne}, two.now).ok());
  SECTION("until that member does not see it any more") {
    REQUIRE(two.a.ended({kTwins, *two.a.epoch(kTwins)}, two.now));
    CHECK(two.a.due(two.b.self()).at <= two.now);
    two.tell(two.a, two.b);
  }
  SECTION("or has not heard it for long") {
    two.now += 2s;
    two.tell(two.a, two.b);
  }
  SECTION("or says nothing for long") { two.now += 2s; }
  SECTION("or is gone") {
    REQUIRE(two.b.ended({two.a.self(), *two.b.epoch(two.a.self())}, two.now));
  }
  SECTION("or is a member no more") {
    two.b.reach({{kTwins, "t:1"}}, two.now);
    REQUIRE(two.b.ended({two.a.self(), *two.b.epoch(two.a.self())}, two.now));
  }
  CHECK(two.b.judge({kTwins, two.b.self(), kTwo}, two.now).ok());
}

TEST_CASE("of two processes that two members have let in the one stays that came first") {
  const bool ascending = GENERATE(true, false);
  const auto later = GENERATE(0ms, 1ms, 5000ms);
  TwoTables two(ascending ? kSmall : kLarge, ascending ? kLarge : kSmall);
  two.come(two.a, kTwins, kOne, two.now);
  two.now += later;
  two.come(two.b, kTwins, kTwo, two.now);
  two.now += 100ms;
  two.a.heard(kOne, two.now);
  two.meet();
  // What each says first is on its way when the other one's arrives.
  const auto said = two.a.sights_for(two.b.self(), two.now);
  std::size_t cut_at_a = two.tell(two.b, two.a);
  std::size_t cut_at_b = 0;
  for (const auto& twin : two.b.told(two.a.self(), said, two.now)) {
    CHECK(two.b.ended({twin.member, *two.b.epoch(twin.member)}, two.now));
    ++cut_at_b;
  }
  for (int i = 0; i < 3; ++i) {
    cut_at_b += two.tell(two.a, two.b);
    cut_at_a += two.tell(two.b, two.a);
  }
  CHECK(cut_at_a + cut_at_b == 1);
  if (later > 0ms) CHECK(cut_at_b == 1);
  auto& without = cut_at_b == 1 ? two.b : two.a;
  const auto refused = cut_at_b == 1 ? kTwo : kOne;
  CHECK(code_of(without.judge({kTwins, without.self(), refused}, two.now)) == Errc::kInUse);
}

TEST_CASE("who is no member says nothing of others") {
  TwoTables two(kSmall, kLarge);
  two.come(two.b, 77, {7, 7}, two.now);
  CHECK(two.b.told(77, {{kTwins, kOne, 1000, {}}}, two.now).empty());
  CHECK(two.b.judge({kTwins, two.b.self(), kTwo}, two.now).ok());
}
