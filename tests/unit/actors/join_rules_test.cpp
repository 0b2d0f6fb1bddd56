#include "actors/join_rules.hpp"

#include <catch2/catch.hpp>

using namespace minidfs;
using namespace minidfs::actors;
using consensus::AddLearner;
using consensus::MemberRole;
using consensus::MemberState;
using consensus::MemberStatus;
using consensus::QuorumStatus;

namespace {

MemberStatus member(consensus::MemberId id, const std::string& address,
                    MemberState state = MemberState::kFollower,
                    MemberRole role = MemberRole::kVoter) {
  MemberStatus status;
  status.member = {id, address};
  status.role = role;
  status.state = state;
  return status;
}

// As member 1, which leads, sees it.
QuorumStatus cluster(std::vector<MemberStatus> others = {}, const std::string& own = "h1:8020") {
  QuorumStatus status;
  status.self = 1;
  status.changed_at = 77;
  status.members = {member(1, own, MemberState::kLeader)};
  status.members.insert(status.members.end(), others.begin(), others.end());
  return status;
}

AddLearner added(const QuorumStatus& status, const consensus::MemberAddress& joiner) {
  const auto decision = decide_join(status, joiner);
  INFO((decision.ok() ? "" : decision.error().message));
  REQUIRE(decision.ok());
  REQUIRE(std::holds_alternative<AddLearner>(*decision));
  return std::get<AddLearner>(*decision);
}

Errc refusal(const QuorumStatus& status, const consensus::MemberAddress& joiner) {
  const auto decision = decide_join(status, joiner);
  return decision.ok() ? Errc{} : decision.error().code;
}

}  // namespace

TEST_CASE("who comes from anywhere becomes a learner") {
  const auto add = added(cluster(), {9, "h2:8020"});
  CHECK(add.member.id == 9);
  CHECK(add.member.address == "h2:8020");
  CHECK(add.replaces == 0);
}

TEST_CASE("who asks again is told the same") {
  const auto decision = decide_join(cluster({member(9, "h2:8020")}), {9, "h2:8020"});
  REQUIRE(decision.ok());
  REQUIRE(std::holds_alternative<JoinedBefore>(*decision));
  CHECK(std::get<JoinedBefore>(*decision).since == 77);
}

TEST_CASE("one joins at a time") {
  const auto learner = member(5, "h3:8020", MemberState::kFollower, MemberRole::kLearner);
  CHECK(refusal(cluster({learner}), {9, "h2:8020"}) == Errc::kBusy);
}

TEST_CASE("who lost its disk takes its own place, when it is gone") {
  const auto gone = member(5, "h2:8020", MemberState::kUnreachable);
  CHECK(added(cluster({gone}), {9, "h2:8020"}).replaces == 5);
  CHECK(refusal(cluster({member(5, "h2:8020")}), {9, "h2:8020"}) == Errc::kInUse);
  CHECK(refusal(cluster(), {9, "h1:8020"}) == Errc::kInUse);
}

TEST_CASE("a learner that never came to be is dropped for its next try") {
  const auto learner = member(5, "h2:8020", MemberState::kUnreachable, MemberRole::kLearner);
  const auto decision = decide_join(cluster({learner}), {9, "h2:8020"});
  REQUIRE(decision.ok());
  REQUIRE(std::holds_alternative<DropLearner>(*decision));
  CHECK(std::get<DropLearner>(*decision).member == 5);
}

TEST_CASE("a learner that is silent for long makes room, unless there is none for who comes") {
  auto learner = member(5, "h3:8020", MemberState::kUnreachable, MemberRole::kLearner);
  learner.silent = kLearnerSilentMax - std::chrono::milliseconds(1);
  CHECK(refusal(cluster({learner}), {9, "h2:8020"}) == Errc::kBusy);
  learner.silent = kLearnerSilentMax;
  const auto decision = decide_join(cluster({learner}), {9, "h2:8020"});
  REQUIRE(decision.ok());
  REQUIRE(std::holds_alternative<DropLearner>(*decision));
  CHECK(std::get<DropLearner>(*decision).member == 5);
  std::vector<MemberStatus> others{learner};
  for (consensus::MemberId id = 11; id <= 14; ++id) {
    others.push_back(member(id, "v" + std::to_string(id) + ":8020"));
  }
  CHECK(refusal(cluster(others), {9, "h2:8020"}) == Errc::kInvalidArgument);
}

TEST_CASE("members of one machine and of several do not mix") {
  CHECK(refusal(cluster({}, "127.0.0.1:8020"), {9, "h2:8020"}) == Errc::kInvalidArgument);
  CHECK(refusal(cluster({}, "localhost:8020"), {9, "h2:8020"}) == Errc::kInvalidArgument);
  CHECK(refusal(cluster({}, "0.0.0.0:8020"), {9, "h2:8020"}) == Errc::kInvalidArgument);
  CHECK(refusal(cluster(), {9, "127.0.0.1:8021"}) == Errc::kInvalidArgument);
  CHECK(added(cluster({}, "127.0.0.1:8020"), {9, "127.0.0.1:8021"}).member.id == 9);
}

TEST_CASE("addresses of one machine are known") {
  for (const auto* address :
       {"127.0.0.1:1", "127.9.0.1:1", "localhost:1", "[::1]:1", "0.0.0.0:1"}) {
    CHECK(is_of_one_machine(address));
  }
  for (const auto* address : {"127.example:1", "10.0.0.1:1", "h1:1", "[fe80::1]:1"}) {
    CHECK_FALSE(is_of_one_machine(address));
  }
}

TEST_CASE("a name that leads everybody to itself is an address of one machine") {
  CHECK(is_of_one_machine("mirror:1", {"mirror"}));
  CHECK_FALSE(is_of_one_machine("h1:1", {"mirror"}));
  const auto code = [](const QuorumStatus& status, const std::string& address) {
    const auto decision = decide_join(status, {9, address}, {"mirror"});
    return decision.ok() ? Errc{} : decision.error().code;
  };
  CHECK(code(cluster({}, "mirror:8020"), "h2:8020") == Errc::kInvalidArgument);
  CHECK(code(cluster(), "mirror:8020") == Errc::kInvalidArgument);
  CHECK(code(cluster({}, "mirror:8020"), "127.0.0.1:8021") == Errc{});
}

TEST_CASE("there are five voters at most, and who takes a place is none more") {
  std::vector<MemberStatus> others;
  for (consensus::MemberId id = 2; id <= 5; ++id) {
    others.push_back(member(id, "h" + std::to_string(id) + ":8020",
                            id == 5 ? MemberState::kUnreachable : MemberState::kFollower));
  }
  CHECK(refusal(cluster(others), {9, "h6:8020"}) == Errc::kInvalidArgument);
  CHECK(added(cluster(others), {9, "h5:8020"}).replaces == 5);
}

TEST_CASE("a member whose address is not known yet is waited for") {
  CHECK(refusal(cluster({}, ""), {9, "h2:8020"}) == Errc::kBusy);
}

TEST_CASE("who has no id or no address is refused") {
  CHECK(refusal(cluster(), {0, "h2:8020"}) == Errc::kInvalidArgument);
  CHECK(refusal(cluster(), {9, ""}) == Errc::kInvalidArgument);
  CHECK(refusal(cluster(), {9, "h2"}) == Errc::kInvalidArgument);
}
