// What operators decide and ask: nodes that are absent or forgotten, copies of a file, a balance.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors {
namespace {

using metadata::NodeAction;
using std::chrono::seconds;
using test::NamenodeFixture;

Status decide(NamenodeFixture& namenode, std::uint64_t number, NodeAction action,
              std::int64_t for_ms = 0) {
  DecideNode decision;
  decision.node = namenode.node(number).node;
  decision.action = action;
  decision.for_ms = for_ms;
  const auto reply = namenode.ask<metadata::ChangeReply>(decision);
  return reply.ok() ? Status() : Status(reply.error());
}

const NodeReport* report_of(const StatusReply& status, NodeId node) {
  for (const auto& report : status.nodes) {
    if (report.node == node) return &report;
  }
  return nullptr;
}

TEST_CASE("what was decided about a node that has not registered is shown, and can be taken back") {
  NamenodeFixture namenode;
  for (const std::uint64_t number : {1, 2, 3}) namenode.join(number);
  REQUIRE(decide(namenode, 2, NodeAction::kDecommission).ok());
  REQUIRE(decide(namenode, 3, NodeAction::kMaintenance, 3'600'000).ok());
  namenode.restart();
  namenode.join(1);
  namenode.advance(seconds(1));
  auto status = namenode.status();
  REQUIRE(status.nodes.size() == 3);
  const auto* two = report_of(status, namenode.node(2).node);
  REQUIRE(two != nullptr);
  CHECK(two->state == "absent");
  CHECK(two->admin == "decommissioning");
  CHECK(two->data.host.empty());
  const auto* three = report_of(status, namenode.node(3).node);
  REQUIRE(three != nullptr);
  CHECK(three->admin == "maintenance");
  CHECK(three->maintenance_left_ms > 3'000'000);

  REQUIRE(decide(namenode, 2, NodeAction::kRecommission).ok());
  CHECK(report_of(namenode.status(), namenode.node(2).node) == nullptr);
  REQUIRE(decide(namenode, 3, NodeAction::kForget).ok());
  CHECK(namenode.status().nodes.size() == 1);
  namenode.restart();
  namenode.join(1);
  namenode.advance(seconds(1));
  CHECK(namenode.status().nodes.size() == 1);
  namenode.join(2);
  CHECK(report_of(namenode.status(), namenode.node(2).node)->admin == "in service");
}

TEST_CASE("a dead node is forgotten until it registers again, one that lives is not") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.advance(seconds(1));
  const auto refused = decide(namenode, 2, NodeAction::kForget);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kInUse);
  CHECK_FALSE(decide(namenode, 9, NodeAction::kForget).ok());
  REQUIRE(decide(namenode, 2, NodeAction::kDecommission).ok());
  REQUIRE(namenode.ask<Accepted>(Goodbye{namenode.node(2).node, 2}).ok());
  CHECK(namenode.status().nodes.size() == 2);
  REQUIRE(decide(namenode, 2, NodeAction::kForget).ok());
  CHECK(namenode.status().nodes.size() == 1);
  namenode.join(2);
  const auto status = namenode.status();
  const auto* two = report_of(status, namenode.node(2).node);
  REQUIRE(two != nullptr);
  CHECK(two->state == "live");
  CHECK(two->admin == "in service");
}

TEST_CASE("maintenance for no time or for ever is refused") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.advance(seconds(1));
  for (const std::int64_t for_ms : {std::int64_t{0}, std::int64_t{-5}, INT64_MAX}) {
    const auto refused = decide(namenode, 1, NodeAction::kMaintenance, for_ms);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::kInvalidArgument);
  }
  REQUIRE(decide(namenode, 1, NodeAction::kMaintenance, 1000).ok());
  CHECK(namenode.status().nodes.at(0).admin == "maintenance");
  namenode.beat(1);
  namenode.advance(seconds(2));
  CHECK(namenode.status().nodes.at(0).admin == "in service");
}

TEST_CASE("the namenode judges whether a file has its copies, and says what keeps it from them") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  const auto copies = [&] {
    auto reply = namenode.ask<CopiesReply>(CopiesRequest{"/a"});
    REQUIRE(reply.ok());
    return *reply;
  };
  CHECK(copies().blocks == 1);
  CHECK(copies().lacking + copies().surplus == 0);
  // A replica on a node that goes out of service is no copy.
  REQUIRE(decide(namenode, 2, NodeAction::kDecommission).ok());
  CHECK(copies().lacking == 1);
  CHECK(copies().waits_for == "2 copies are wanted, and 1 datanode is in service");
  namenode.join(3);
  CHECK(copies().lacking == 1);
  CHECK(copies().waits_for.empty());
  metadata::IncrementalReport stored;
  stored.added = {block};
  namenode.beat(3, stored);
  CHECK(copies().lacking == 0);
  // Back in service there are three, one of which must be deleted, not only be doomed.
  REQUIRE(decide(namenode, 2, NodeAction::kRecommission).ok());
  CHECK(copies().surplus == 1);
  for (int second = 0; second < 10; ++second) {
    namenode.advance(seconds(1));
    for (const std::uint64_t number : {1, 2, 3}) {
      metadata::IncrementalReport changes;
      for (const auto& order : namenode.beat(number).remove) {
        CHECK(copies().surplus == 1);
        changes.removed.push_back({order.block, order.generation});
      }
      namenode.beat(number, changes);
    }
  }
  CHECK(copies().surplus == 0);
  CHECK_FALSE(namenode.ask<CopiesReply>(CopiesRequest{"/none"}).ok());
}

TEST_CASE(
    "of a block without a good replica the corrupt ones are named only where they are asked for") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  const auto places = [&](bool corrupt_ones) {
    const auto file = namenode.ask<LocatedFile>(LocateRequest{"/a", "", 0, corrupt_ones});
    REQUIRE(file.ok());
    return file->blocks.at(0).locations.size();
  };
  metadata::IncrementalReport corrupt;
  corrupt.corrupt = {block};
  namenode.beat(1, corrupt);
  CHECK(places(false) == 1);
  CHECK(places(true) == 1);
  namenode.beat(2, corrupt);
  CHECK(places(false) == 0);
  CHECK(places(true) == 2);
}

TEST_CASE("a balance has a number, a state and an end, and is stopped at once") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.advance(seconds(1));
  const auto ask = [&](BalanceRequest::Action action, double threshold = 0.05) {
    return namenode.ask<BalanceReply>(BalanceRequest{action, threshold});
  };
  CHECK(ask(BalanceRequest::Action::kStatus)->state == BalanceReply::State::kNone);
  CHECK_FALSE(ask(BalanceRequest::Action::kBegin, 0).ok());
  const auto first = ask(BalanceRequest::Action::kBegin);
  CHECK(first->state == BalanceReply::State::kRunning);
  CHECK(ask(BalanceRequest::Action::kBegin)->number != first->number);
  CHECK(ask(BalanceRequest::Action::kStop)->state == BalanceReply::State::kStopped);
  REQUIRE(ask(BalanceRequest::Action::kBegin).ok());
  // Not before the nodes have told what they hold.
  namenode.advance(seconds(1));
  CHECK(ask(BalanceRequest::Action::kStatus)->state == BalanceReply::State::kRunning);
  for (int beat = 0; beat < 2; ++beat) {
    namenode.beat(1);
    namenode.beat(2);
  }
  namenode.advance(seconds(1));
  CHECK(ask(BalanceRequest::Action::kStatus)->state == BalanceReply::State::kReached);
}

}  // namespace
}  // namespace minidfs::actors
