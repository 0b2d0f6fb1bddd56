#include "metadata/takeover.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Answer = LeadershipAnswered::Answer;

const LifeId kLife{1, 2};

Epoch leadership(std::uint64_t number) { return {kLife, number}; }

class Driver {
 public:
  void step(const TakeoverEvent& event) { effects = takeover.step(event, now); }
  template <class Effect>
  std::optional<Effect> find() const {
    for (const auto& effect : effects) {
      if (const auto* one = std::get_if<Effect>(&effect)) return *one;
    }
    return std::nullopt;
  }
  template <class Effect>
  Effect get() const {
    const auto found = find<Effect>();
    REQUIRE(found.has_value());
    return *found;
  }
  // Up to the question for the log, when the namespace has this leadership as its last one.
  LogLeadership propose(std::uint64_t term, std::uint64_t last) {
    step(RoleTold{term, true});
    step(StateConfirmed{get<ConfirmState>().attempt, true});
    step(NamespaceRead{get<ReadNamespace>().attempt, leadership(last)});
    return get<LogLeadership>();
  }
  void take_office(std::uint64_t term, std::uint64_t last) {
    const auto asked = propose(term, last);
    step(LeadershipAnswered{asked.attempt, Answer::kLogged});
    step(NamespaceRead{get<ReadNamespace>().attempt, leadership(asked.number)});
    REQUIRE(find<TakeOffice>().has_value());
    REQUIRE(takeover.in_office());
  }

  TimePoint now{seconds(1000)};
  Takeover takeover{1};
  std::vector<TakeoverEffect> effects;
};

}  // namespace

TEST_CASE("a leader logs its leadership when its namespace is whole, and then takes office") {
  Driver namenode;
  const auto number = namenode.propose(7, 5).number;
  CHECK(number >= 7);
  CHECK(number < 7 + Takeover::kGapMax);
  CHECK_FALSE(namenode.takeover.in_office());
  namenode.step(LeadershipAnswered{namenode.get<LogLeadership>().attempt, Answer::kLogged});
  CHECK_FALSE(namenode.takeover.in_office());
  namenode.step(NamespaceRead{namenode.get<ReadNamespace>().attempt, leadership(number)});
  CHECK(namenode.find<TakeOffice>().has_value());
  CHECK(namenode.takeover.in_office());
}

TEST_CASE("leaderships from before numbers were terms are gone beyond") {
  Driver namenode;
  CHECK(namenode.propose(3, 4'000'000).number > 4'000'000);
}

TEST_CASE("two that go on from the same namespace do not number their leaderships alike") {
  Driver real;
  Driver restored;
  restored.takeover = Takeover(2);
  CHECK(real.propose(3, 5).number != restored.propose(3, 5).number);
}

TEST_CASE("a mark that was used is followed by another one, under the same number") {
  Driver namenode;
  const auto first = namenode.propose(7, 5);
  namenode.step(LeadershipAnswered{first.attempt, Answer::kMarkUsed});
  const auto second = namenode.get<LogLeadership>();
  CHECK(second.number == first.number);
  CHECK(second.attempt != first.attempt);
  // The answer to the first one comes again.
  namenode.step(LeadershipAnswered{first.attempt, Answer::kLogged});
  CHECK(namenode.effects.empty());
}

TEST_CASE("what fails is begun again from the start, after a rest") {
  for (int failing = 0; failing < 4; ++failing) {
    CAPTURE(failing);
    Driver namenode;
    namenode.step(RoleTold{7, true});
    namenode.step(StateConfirmed{namenode.get<ConfirmState>().attempt, failing != 0});
    if (failing > 0) {
      const auto read = namenode.get<ReadNamespace>();
      namenode.step(
          NamespaceRead{read.attempt, failing == 1 ? std::nullopt : std::optional(leadership(5))});
    }
    if (failing > 1) {
      const auto asked = namenode.get<LogLeadership>();
      namenode.step(
          LeadershipAnswered{asked.attempt, failing == 2 ? Answer::kFailed : Answer::kLogged});
    }
    if (failing > 2) {  // Another one was logged in between.
      namenode.step(NamespaceRead{namenode.get<ReadNamespace>().attempt, leadership(8)});
    }
    CHECK(namenode.effects.empty());
    const auto wake = namenode.takeover.next_wake();
    REQUIRE(wake.has_value());
    CHECK(*wake - namenode.now == Takeover::kRetryAfter);
    namenode.step(TakeoverWoken{});
    CHECK(namenode.effects.empty());
    namenode.now = *wake;
    namenode.step(TakeoverWoken{});
    CHECK(namenode.find<ConfirmState>().has_value());
  }
}

TEST_CASE("one that leads no more leaves its office, and what was under way is void") {
  Driver namenode;
  namenode.take_office(7, 5);
  namenode.step(RoleTold{8, false});
  CHECK(namenode.find<LeaveOffice>().has_value());
  CHECK_FALSE(namenode.takeover.in_office());
  const auto asked = namenode.propose(9, 8);
  namenode.step(RoleTold{10, false});
  CHECK(namenode.effects.empty());
  namenode.step(LeadershipAnswered{asked.attempt, Answer::kLogged});
  CHECK(namenode.effects.empty());
  CHECK_FALSE(namenode.takeover.next_wake().has_value());
}

TEST_CASE("a leadership of another term is another one, though nobody led in between") {
  Driver namenode;
  namenode.take_office(7, 5);
  namenode.step(RoleTold{7, true});
  CHECK(namenode.effects.empty());
  namenode.step(RoleTold{9, true});
  CHECK(namenode.find<LeaveOffice>().has_value());
  CHECK(namenode.find<ConfirmState>().has_value());
  // What the log said before comes late.
  namenode.step(RoleTold{7, true});
  CHECK(namenode.effects.empty());
}

}  // namespace minidfs::metadata
