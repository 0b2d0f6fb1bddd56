// The datanode's actor against a namenode that the test answers for, under CAF's test scheduler.
#include "actors/datanode_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>
#include <deque>

#include "support/temporary_directory.hpp"
#include "unit/transfer/fake_block_store.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ClusterId kCluster{1, 2};

using AnswerAtom = caf::atom_constant<caf::atom("answer")>;

// What a namenode of a test was asked, and whether it answers by itself.
struct NamenodeScript {
  metadata::QuorumView quorum{1, 1, 1, {}};  // Leads.
  std::deque<RegisterNode> registrations;
  std::deque<Heartbeat> heartbeats;
  std::vector<AnnounceHttp> announced;
  bool takes_announcements = true;
  std::size_t chunks = 0;
  std::uint64_t leadership = 1;
  bool answers_heartbeats = true;
  std::vector<caf::typed_response_promise<HeartbeatReply>> unanswered;
  HeartbeatReply next_reply;  // Given once, with the leadership.
};

HeartbeatReply take_reply(NamenodeScript& script) {
  auto reply = std::exchange(script.next_reply, {});
  reply.epoch = {{7, 7}, script.leadership};
  reply.quorum = script.quorum;
  return reply;
}

caf::behavior fake_namenode(caf::event_based_actor* self, NamenodeScript* script) {
  return {
      [script](const RegisterNode& request) {
        script->registrations.push_back(request);
        Registered reply;
        reply.cluster = kCluster;
        reply.report = script->registrations.size();
        reply.epoch = {{7, 7}, script->leadership};
        reply.quorum = script->quorum;
        return reply;
      },
      [self, script](const Heartbeat& request) -> caf::result<HeartbeatReply> {
        script->heartbeats.push_back(request);
        if (script->answers_heartbeats) return take_reply(*script);
        auto promise = self->make_response_promise<HeartbeatReply>();
        script->unanswered.push_back(promise);
        return promise;
      },
      [script](const BlockReportPart&) {
        ++script->chunks;
        return Accepted{};
      },
      [](const Goodbye&) { return Accepted{}; },
      [script](const AnnounceHttp& where) -> caf::result<Accepted> {
        script->announced.push_back(where);
        if (!script->takes_announcements) return to_caf({Errc::kBusy, "full"});
        return Accepted{};
      },
      [script](AnswerAtom) {
        for (auto& promise : script->unanswered) promise.deliver(take_reply(*script));
        script->unanswered.clear();
      },
  };
}

// Takes orders and carries none out until it is told to.
struct OrdersTaken {
  std::vector<RemoveBatch> batches;
  std::vector<metadata::FenceOrders> fences;
};

OrderActor::behavior_type slow_orders(OrderActor::pointer, OrdersTaken* taken) {
  return {
      [taken](const RemoveBatch& batch) { taken->batches.push_back(batch); },
      [taken](const metadata::FenceOrders& fence) {
        taken->fences.push_back(fence);
        return true;
      },
      [](const metadata::KeepKnown&) {},
  };
}

CopyActor::behavior_type no_copies(CopyActor::pointer) {
  return {[](const FencedCopy&) { return CopyDone{}; }};
}

class DatanodeFixture {
 public:
  DatanodeFixture()
      : scheduler_(dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())) {
    boot_namenode();
    follower_ = system_.spawn(fake_namenode, &second);
    second.quorum.self = 2;
    auto parts = std::make_shared<DatanodeParts>();
    parts->namenodes = {{"namenode", 8020}};
    const DialFunction dial = [this](const DialWanted& wanted) -> Result<DialedNamenode> {
      const auto reached = [this](const caf::actor& namenode) {
        return DialedNamenode{caf::actor_cast<NamenodeActor>(namenode), kCluster, version};
      };
      if (wanted.namenode.host == "second") return reached(follower_);
      ++dials;
      if (!namenode_) return Error{Errc::kUnavailable, "refused"};
      return reached(namenode_);
    };
    parts->make_dialer = [this, dial] { return system_.spawn(dial_actor, dial); };
    parts->store = &store;
    parts->changes = &changes;
    parts->load = [] { return transfer::DataServerLoad{}; };
    parts->scrub = [] { return ScrubState{}; };
    parts->scrub_now = [](std::uint64_t) {};
    parts->gate = &gate;
    parts->orders = system_.spawn(slow_orders, &orders);
    parts->copiers = {system_.spawn(no_copies)};
    parts->on_refused = [](const Error&) {};
    stop_ = {caf::actor_cast<caf::actor>(parts->orders),
             caf::actor_cast<caf::actor>(parts->copiers[0])};
    datanode_ = system_.spawn(datanode_actor, parts);
    stop_.push_back(caf::actor_cast<caf::actor>(datanode_));
    scheduler_.run();
  }

  ~DatanodeFixture() {
    script.unanswered.clear();
    if (namenode_) kill_namenode();
    caf::anon_send_exit(follower_, caf::exit_reason::kill);
    follower_ = nullptr;
    for (const auto& actor : stop_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    scheduler_.run();
  }

  void boot_namenode() { namenode_ = system_.spawn(fake_namenode, &script); }
  void kill_namenode() {
    script.unanswered.clear();
    caf::anon_send_exit(namenode_, caf::exit_reason::kill);
    namenode_ = nullptr;
    scheduler_.run();
  }
  void advance(milliseconds time) {
    constexpr milliseconds kStep{100};
    for (; time.count() > 0; time -= kStep) {
      scheduler_.advance_time(kStep);
      scheduler_.run();
    }
  }
  std::size_t removals_taken() const {
    std::size_t count = 0;
    for (const auto& batch : orders.batches) count += batch.blocks.size();
    return count;
  }
  // HTTP is served for the datanode from now on.
  void serve_http() {
    AnnounceHttp where;
    where.http = {"node", 9864};
    caf::anon_send(datanode_, where);
    scheduler_.run();
  }
  // Answers the heartbeats that it owes.
  void answer_late() {
    caf::anon_send(namenode_, AnswerAtom::value);
    scheduler_.run();
  }

  // From now on the first namenode names the second one as well.
  void add_follower() {
    script.quorum.members = {{1, {"namenode", 8020}}, {2, {"second", 8020}}};
    second.quorum.members = script.quorum.members;
  }

  NamenodeScript script;
  NamenodeScript second;
  OrdersTaken orders;
  transfer::FakeBlockStore store{kCluster};
  ReplicaChanges changes;
  OrderGate gate{0};
  int dials = 0;
  InterfaceVersion version = own_versions().newest;  // Of namenodes that are dialed.

 private:
  struct Config : caf::actor_system_config {
    Config() {
      actors::add_message_types(*this);
      set("scheduler.policy", caf::atom("testing"));
    }
  };
  Config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& scheduler_;
  caf::actor namenode_;
  caf::actor follower_;
  DatanodeActor datanode_;
  std::vector<caf::actor> stop_;
};

}  // namespace

TEST_CASE("what an earlier namenode never answered does not end the connection to its successor") {
  DatanodeFixture node;
  node.advance(seconds(3));
  REQUIRE(node.script.registrations.size() == 1);
  REQUIRE(node.script.chunks == 1);
  node.script.answers_heartbeats = false;
  node.advance(milliseconds(1600));
  REQUIRE(node.script.unanswered.size() == 1);
  node.kill_namenode();
  node.script.answers_heartbeats = true;
  node.script.leadership = 2;
  node.boot_namenode();
  node.advance(seconds(20));
  CHECK(node.dials == 2);
  CHECK(node.script.registrations.size() == 2);
  CHECK(node.script.chunks == 2);
}

TEST_CASE("a namenode that is silent keeps its datanode, and gets the same news again") {
  DatanodeFixture node;
  node.advance(seconds(2));
  node.script.answers_heartbeats = false;
  node.changes.replica_stored({BlockId{5}, 1, 100, 100});
  node.advance(seconds(30));
  REQUIRE(node.script.unanswered.size() >= 2);
  for (std::size_t i = 0; i < node.script.unanswered.size(); ++i) {
    const auto& sent = node.script.heartbeats[node.script.heartbeats.size() - 1 - i];
    CHECK(sent.changes.added.size() == 1);
  }
  node.script.answers_heartbeats = true;
  node.answer_late();
  node.advance(seconds(3));
  CHECK(node.script.heartbeats.back().changes.empty());
  CHECK(node.dials == 1);
  CHECK(node.script.registrations.size() == 1);
  CHECK(node.script.chunks == 1);
}

TEST_CASE("a new leadership's report comes after a fence that stops what was ordered before") {
  DatanodeFixture node;
  node.advance(seconds(2));
  node.script.next_reply.remove = {{BlockId{1}, 1}, {BlockId{2}, 1}};
  node.advance(seconds(1));
  REQUIRE(node.orders.batches.size() == 1);
  CHECK(node.orders.batches[0].fence == node.gate);
  node.kill_namenode();
  node.script.leadership = 2;
  node.boot_namenode();
  node.advance(seconds(2));
  REQUIRE(node.orders.fences.size() == 2);
  CHECK(node.orders.fences[1].known.epoch.leadership == 2);
  CHECK(node.gate == node.orders.fences[1].fence);
  CHECK(node.orders.batches[0].fence < node.gate);
  CHECK(node.script.registrations.back().epoch.leadership == 1);
}

TEST_CASE("only so many removals wait at a datanode, the rest is left to be ordered again") {
  DatanodeFixture node;
  node.advance(seconds(2));
  for (std::uint64_t round = 0; round < 3; ++round) {
    for (std::uint64_t block = 1; block <= 2000; ++block) {
      node.script.next_reply.remove.push_back({BlockId{round * 2000 + block}, 1});
    }
    node.advance(seconds(1));
  }
  CHECK(node.removals_taken() == ReplicaChanges::kRemovalsMax);
}

TEST_CASE("a removal that is ordered again while it waits does not wait twice") {
  DatanodeFixture node;
  node.advance(seconds(2));
  for (int round = 0; round < 3; ++round) {
    node.script.next_reply.remove = {{BlockId{1}, 1}, {BlockId{2}, 1}};
    node.advance(seconds(1));
  }
  CHECK(node.removals_taken() == 2);
}

TEST_CASE("a replica stored after its block's removal was ordered stays, though the order waits") {
  DatanodeFixture node;
  node.advance(seconds(2));
  node.script.next_reply.remove = {{BlockId{1}, 1}, {BlockId{2}, 1}};
  node.advance(seconds(1));
  REQUIRE(node.orders.batches.size() == 1);
  node.changes.replica_stored({BlockId{1}, 1, 100, 100});
  CHECK_FALSE(node.changes.take_removal(BlockId{1}, node.gate).has_value());
  CHECK(node.changes.take_removal(BlockId{2}, node.gate).has_value());
}

TEST_CASE("the orders of a late answer leave alone what was stored since it was asked for") {
  DatanodeFixture node;
  node.advance(seconds(2));
  node.script.answers_heartbeats = false;
  node.advance(milliseconds(1600));
  REQUIRE(node.script.unanswered.size() == 1);
  // Stored, and told with the heartbeat that is sent when the first one has not been answered.
  node.changes.replica_stored({BlockId{1}, 1, 100, 100});
  node.advance(milliseconds(5500));
  REQUIRE(node.script.unanswered.size() == 2);
  REQUIRE(node.script.heartbeats.back().changes.added.size() == 1);
  node.script.next_reply.remove = {{BlockId{1}, 1}, {BlockId{2}, 1}};  // In the first answer.
  node.answer_late();
  REQUIRE(node.orders.batches.size() == 1);
  CHECK(node.orders.batches[0].blocks == std::vector{BlockId{2}});
  // An order of a namenode that has been told is obeyed.
  node.script.answers_heartbeats = true;
  node.script.next_reply.remove = {{BlockId{1}, 1}};
  node.advance(seconds(1));
  REQUIRE(node.orders.batches.size() == 2);
  CHECK(node.orders.batches[1].blocks == std::vector{BlockId{1}});
}

TEST_CASE("a namenode that follows another one is told the same, and gives no orders") {
  DatanodeFixture node;
  node.advance(seconds(2));
  CHECK(node.second.registrations.empty());
  node.add_follower();
  node.advance(seconds(2));
  REQUIRE(node.second.registrations.size() == 1);
  CHECK(node.second.chunks == 1);
  CHECK(node.orders.fences.size() == 1);  // The leader's.
  node.changes.replica_stored({BlockId{5}, 1, 100, 100});
  node.second.next_reply.remove = {{BlockId{1}, 1}};
  const auto of_leader = node.script.heartbeats.size();
  const auto of_follower = node.second.heartbeats.size();
  node.advance(seconds(1));
  REQUIRE(node.script.heartbeats.size() > of_leader);
  REQUIRE(node.second.heartbeats.size() > of_follower);
  CHECK(node.script.heartbeats[of_leader].changes.added.size() == 1);
  CHECK(node.second.heartbeats[of_follower].changes.added.size() == 1);
  CHECK(node.orders.batches.empty());
}

TEST_CASE(
    "a follower that comes to lead is registered with anew, and obeyed in place of the other") {
  DatanodeFixture node;
  node.add_follower();
  node.advance(seconds(3));
  REQUIRE(node.second.registrations.size() == 1);
  node.second.leadership = 2;
  node.second.quorum.term = 2;
  node.second.quorum.leader = 2;
  node.advance(seconds(3));
  CHECK(node.second.registrations.size() == 2);
  CHECK(node.second.chunks == 2);
  REQUIRE(node.orders.fences.size() == 2);
  CHECK(node.orders.fences[1].known.epoch.leadership == 2);
  // The one before has not heard of it yet.
  node.script.next_reply.remove = {{BlockId{1}, 1}};
  node.second.next_reply.remove = {{BlockId{2}, 1}};
  node.advance(seconds(2));
  REQUIRE(node.orders.batches.size() == 1);
  CHECK(node.orders.batches[0].blocks == std::vector{BlockId{2}});
  CHECK(node.orders.batches[0].fence == node.gate);
}

TEST_CASE("where HTTP is served is told to each namenode, after each registration") {
  DatanodeFixture node;
  node.add_follower();
  node.advance(seconds(3));
  REQUIRE(node.script.announced.empty());
  node.serve_http();
  node.advance(seconds(3));
  REQUIRE(node.script.announced.size() == 1);
  REQUIRE(node.second.announced.size() == 1);
  CHECK(node.script.announced[0].node == node.store.node_id());
  CHECK(node.script.announced[0].incarnation == node.script.registrations[0].incarnation);
  CHECK(node.script.announced[0].http == metadata::Endpoint{"node", 9864});
  node.script.next_reply.register_again = true;
  node.advance(seconds(3));
  REQUIRE(node.script.registrations.size() == 2);
  CHECK(node.script.announced.size() == 2);
  CHECK(node.second.announced.size() == 1);
}

TEST_CASE("a namenode that has not taken where HTTP is served is told again") {
  DatanodeFixture node;
  node.script.takes_announcements = false;
  node.serve_http();
  node.advance(seconds(3));
  const auto refused = node.script.announced.size();
  CHECK(refused > 1);
  node.script.takes_announcements = true;
  node.advance(seconds(3));
  CHECK(node.script.announced.size() == refused + 1);
}

TEST_CASE("a namenode of version 1 is not told where HTTP is served") {
  DatanodeFixture node;
  node.advance(seconds(2));
  node.version = 1;
  node.kill_namenode();
  node.boot_namenode();
  node.advance(seconds(20));
  node.serve_http();
  node.advance(seconds(3));
  CHECK(node.script.registrations.size() == 2);
  CHECK(node.script.announced.empty());
}

TEST_CASE("the order actor drops orders from before the last fence and keeps the epoch on disk") {
  minidfs::test::TemporaryDirectory directory;
  std::filesystem::create_directories(directory.file("d"));
  auto epoch = storage::DatanodeEpoch::open({directory.file("d")});
  REQUIRE(epoch.ok());
  transfer::FakeBlockStore store{kCluster};
  ReplicaChanges changes;
  changes.listen(1);
  caf::actor_system_config config;
  add_message_types(config);
  config.set("scheduler.policy", caf::atom("testing"));
  caf::actor_system system{config};
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  const auto orders = system.spawn(order_actor, OrderParts{&store, &changes, &*epoch, false});
  const auto order = [&](std::uint64_t fence, BlockId block) {
    changes.accept(1, std::vector{RemoveOrder{block, 1}}, {});
    caf::anon_send(orders, RemoveBatch{fence, {block}});
  };
  changes.fence_removals(1);
  order(1, BlockId{1});
  changes.fence_removals(2);
  caf::anon_send(orders, metadata::FenceOrders{2, {{{7, 7}, 9}, 50}});
  order(2, BlockId{2});
  scheduler.run();
  const auto report = changes.take(1);
  REQUIRE(report.removed.size() == 1);
  CHECK(report.removed[0].id == BlockId{2});
  const auto kept = storage::DatanodeEpoch::open({directory.file("d")});
  REQUIRE(kept.ok());
  CHECK(kept->known().epoch.leadership == 9);
  caf::anon_send_exit(orders, caf::exit_reason::user_shutdown);
  scheduler.run();
}

}  // namespace minidfs::actors::test
