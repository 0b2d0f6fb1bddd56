#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::size_t locations(NamenodeFixture& namenode, const std::string& path) {
  const auto file = namenode.ask<LocatedFile>(LocateRequest{path, ""});
  REQUIRE(file.ok());
  return file->blocks.at(0).locations.size();
}

}  // namespace

TEST_CASE("a file can be located as soon as its commit is answered, before any report") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  CHECK(locations(namenode, "/a") == 2);
  CHECK(namenode.status().blocks_under_replicated == 0);
}

TEST_CASE("a silent datanode is stale, then dead, and its replicas are offered no more") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  for (int second = 0; second < 11; ++second) {
    namenode.advance(seconds(1));
    namenode.beat(1);
    if (second == 4) CHECK(namenode.status().nodes.at(1).state == "stale");
  }
  const auto status = namenode.status();
  CHECK(status.nodes.at(0).state == "live");
  CHECK(status.nodes.at(1).state == "dead");
  CHECK(status.blocks_under_replicated == 1);
  CHECK(locations(namenode, "/a") == 1);
  CHECK(namenode.beat(2).register_again);
}

TEST_CASE("a block that lost a copy is copied to another datanode, once") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  namenode.join(3);
  REQUIRE(namenode.ask<Accepted>(Goodbye{namenode.node(2).node, 2}).ok());
  std::vector<CopyOrder> orders;
  for (int second = 0; second < 11; ++second) {
    namenode.advance(seconds(1));
    namenode.beat(3);
    orders = namenode.beat(1).copy;
    if (second < 9) CHECK(orders.empty());  // It may be back soon.
    if (!orders.empty()) break;
  }
  REQUIRE(orders.size() == 1);
  CHECK(orders.at(0).block.id == block.id);
  REQUIRE(orders.at(0).targets.size() == 1);
  CHECK(orders.at(0).targets.at(0) == namenode.node(3).data);
  CHECK(namenode.status().pending_copies == 1);
  namenode.advance(seconds(1));
  CHECK(namenode.beat(1).copy.empty());
  metadata::IncrementalReport stored;
  stored.added = {block};
  namenode.beat(3, stored);
  namenode.advance(seconds(1));
  CHECK(namenode.status().pending_copies == 0);
  CHECK(namenode.status().blocks_under_replicated == 0);
  CHECK(locations(namenode, "/a") == 2);
}

TEST_CASE("a decommission ends when every block of the node has its copies elsewhere") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  namenode.join(3);
  DecideNode change;
  change.node = namenode.node(2).node;
  change.action = metadata::NodeAction::kDecommission;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  namenode.advance(seconds(1));
  CHECK(namenode.status().nodes.at(1).admin == "decommissioning");
  CHECK(namenode.status().nodes.at(1).draining_left == 1);
  const auto from_one = namenode.beat(1).copy;
  const auto from_two = namenode.beat(2).copy;
  REQUIRE(from_one.size() + from_two.size() == 1);
  const auto& order = from_one.empty() ? from_two.at(0) : from_one.at(0);
  CHECK(order.targets.at(0) == namenode.node(3).data);
  metadata::IncrementalReport stored;
  stored.added = {block};
  namenode.beat(3, stored);
  namenode.advance(seconds(1));
  CHECK(namenode.status().nodes.at(1).admin == "decommissioned");
  // The old copy stays where it is; new blocks go elsewhere.
  CHECK(locations(namenode, "/a") == 3);
  const auto other = namenode.put("/b");
  CHECK(namenode.status().nodes.at(1).blocks == 1);

  // What was decided outlives the namenode's process, and can be taken back.
  namenode.restart();
  namenode.join(1, {block, other});
  namenode.join(2, {block});
  namenode.join(3, {block, other});
  namenode.advance(seconds(1));
  CHECK(namenode.status().nodes.at(1).admin != "in service");
  change.action = metadata::NodeAction::kRecommission;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  CHECK(namenode.status().nodes.at(1).admin == "in service");
}

TEST_CASE("the blocks of a node in maintenance are not copied while it is away") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  namenode.join(3);
  DecideNode change;
  change.node = namenode.node(2).node;
  change.action = metadata::NodeAction::kMaintenance;
  change.for_ms = 3'600'000;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  REQUIRE(namenode.ask<Accepted>(Goodbye{namenode.node(2).node, 2}).ok());
  for (int second = 0; second < 20; ++second) {
    namenode.advance(seconds(1));
    CHECK(namenode.beat(1).copy.empty());
    namenode.beat(3);
  }
  CHECK(locations(namenode, "/a") == 1);
  // Taken back into service while it is dead it is missed at once.
  change.action = metadata::NodeAction::kRecommission;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  namenode.advance(seconds(1));
  CHECK(namenode.beat(1).copy.size() == 1);
}

TEST_CASE("what is wrong with blocks is told with the files that own them") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  const auto bad = namenode.put("/b");
  CHECK(namenode.ask<CheckBlocksReply>(CheckBlocksRequest{})->problems.empty());
  metadata::IncrementalReport corrupt;
  corrupt.corrupt = {bad};
  namenode.beat(1, corrupt);
  auto reply = namenode.ask<CheckBlocksReply>(CheckBlocksRequest{});
  REQUIRE(reply.ok());
  REQUIRE(reply->problems.size() == 1);
  CHECK(reply->problems[0].path == "/b");
  CHECK(reply->problems[0].corrupt == 1);
  CHECK(reply->problems[0].readable == 1);
  CHECK(reply->next == BlockId{});

  // After a restart the block map has heard of nothing, but the namespace knows what there is.
  namenode.restart();
  reply = namenode.ask<CheckBlocksReply>(CheckBlocksRequest{});
  REQUIRE(reply.ok());
  REQUIRE(reply->problems.size() == 2);
  CHECK(reply->problems[0].path == "/a");
  CHECK(reply->problems[0].readable == 0);
}

TEST_CASE("goodbye makes a datanode dead at once") {
  NamenodeFixture namenode;
  namenode.join(1);
  REQUIRE(namenode.ask<Accepted>(Goodbye{namenode.node(1).node, 1}).ok());
  CHECK(namenode.status().nodes.at(0).state == "dead");
}

TEST_CASE("a datanode that is back soon after its goodbye has nothing copied away or taken") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  namenode.join(3);
  REQUIRE(namenode.ask<Accepted>(Goodbye{namenode.node(2).node, 2}).ok());
  CHECK(locations(namenode, "/a") == 1);
  for (int second = 0; second < 5; ++second) {
    namenode.advance(seconds(1));
    CHECK(namenode.beat(1).copy.empty());
    CHECK(namenode.beat(3).copy.empty());
  }
  namenode.join(2, {block});
  namenode.advance(seconds(1));
  CHECK(locations(namenode, "/a") == 2);
  CHECK(namenode.beat(2).remove.empty());
  CHECK(namenode.status().blocks_under_replicated == 0);
}

TEST_CASE("a datanode of another cluster is refused") {
  NamenodeFixture namenode;
  auto stranger = namenode.node(1);
  stranger.cluster = {9, 9};
  const auto registered = namenode.ask<Registered>(stranger);
  REQUIRE_FALSE(registered.ok());
  CHECK(registered.error().code == Errc::kWrongCluster);
}

TEST_CASE("after a restart changes wait in safe mode until the blocks are reported") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  namenode.restart();
  CHECK(namenode.status().safe_mode);
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/a"}).ok());
  metadata::MakeDirectory change;
  change.path = "/d";
  const auto refused = namenode.ask<metadata::ChangeReply>(change);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kSafeMode);
  namenode.join(1, {block});
  namenode.advance(milliseconds(250));
  CHECK_FALSE(namenode.status().safe_mode);
  CHECK(namenode.ask<metadata::ChangeReply>(change).ok());
  CHECK(locations(namenode, "/a") == 1);
}

TEST_CASE(
    "a scrub is ordered with each heartbeat of a live datanode until it says that it is done") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  CHECK(namenode.beat(1).scrub_now == 0);
  CHECK(namenode.ask<ScrubReply>(ScrubRequest{false})->request == 0);
  const auto asked = namenode.ask<ScrubReply>(ScrubRequest{true});
  REQUIRE(asked.ok());
  REQUIRE(asked->request != 0);
  CHECK(asked->nodes.size() == 2);
  CHECK(namenode.beat(1).scrub_now == asked->request);
  // Half-way it is told again: its process may have been started anew meanwhile.
  CHECK(namenode.beat(1, {}, {5, 10, 0, 0, 0}).scrub_now == asked->request);
  CHECK(namenode.beat(1, {}, {10, 10, 2, 99, asked->request}).scrub_now == 0);
  CHECK(namenode.beat(2).scrub_now == asked->request);
  const auto reply = namenode.ask<ScrubReply>(ScrubRequest{false});
  CHECK(reply->request == asked->request);
  for (const auto& node : reply->nodes) {
    const bool done = node.scrub.last_requested == asked->request;
    CHECK(node.scrub.bad == (done ? 2U : 0U));
  }
  // Asked again at once, it is another round.
  CHECK(namenode.ask<ScrubReply>(ScrubRequest{true})->request > asked->request);
  CHECK(namenode.beat(1, {}, {10, 10, 2, 99, asked->request}).scrub_now > asked->request);
}

TEST_CASE("the blocks of a removed file are removed by the next heartbeats") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  metadata::Remove change;
  change.path = "/a";
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  namenode.advance(milliseconds(250));
  for (const std::uint64_t number : {1, 2}) {
    const auto reply = namenode.beat(number);
    REQUIRE(reply.remove.size() == 1);
    CHECK(reply.remove.at(0).block == block.id);
    metadata::IncrementalReport gone;
    gone.removed = {block};
    CHECK(namenode.beat(number, gone).remove.empty());
  }
  CHECK(namenode.status().nodes.at(0).blocks == 0);
}

TEST_CASE("the blocks of removed subtrees are freed in steps") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/d/a");
  namenode.put("/d/e/b");
  metadata::Remove change;
  change.path = "/d";
  change.recursive = true;
  REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
  namenode.advance(milliseconds(250));
  CHECK(namenode.beat(1).remove.size() == 2);
  CHECK(namenode.status().blocks_total == 0);
}

TEST_CASE("a removed or replaced file of very many blocks is freed to its end, whatever failed") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/big", 3000);
  REQUIRE(namenode.status().blocks_total == 3000);
  metadata::Remove change;
  change.path = "/big";
  SECTION("at once") { REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok()); }
  SECTION("after the disk was full for a while") {
    namenode.log().refuse_purges(2);
    REQUIRE(namenode.ask<metadata::ChangeReply>(change).ok());
    CHECK(namenode.status().blocks_total > 0);
    namenode.advance(std::chrono::seconds(1));
  }
  CHECK(namenode.status().blocks_total == 0);
  namenode.advance(std::chrono::seconds(1));  // The blocks are retired.
  // Nothing is proposed when nothing is left.
  const auto proposed = namenode.log().proposed();
  namenode.advance(std::chrono::seconds(5));
  CHECK(namenode.log().proposed() == proposed);
}

TEST_CASE("blocks nobody owns go after the grace period, but not while their writer renews") {
  auto options = NamenodeFixture::default_options();
  options.orphans.grace = seconds(5);
  options.sessions.grace = seconds(5);
  NamenodeFixture namenode(options);
  namenode.join(1);
  AllocateBlocks allocate;
  allocate.client = {3, 4};
  allocate.block_size = 1 << 20;
  allocate.replication = 1;
  const auto grant = namenode.ask<WriteGrant>(allocate);
  REQUIRE(grant.ok());
  const metadata::Block block{grant->pipelines.at(0).blocks.at(0), 1, 1000};
  metadata::IncrementalReport stored;
  stored.added = {block};
  std::size_t removed = namenode.beat(1, stored).remove.size();
  for (int second = 0; second < 20; ++second) {
    namenode.advance(seconds(1));
    REQUIRE(namenode.ask<Accepted>(RenewSession{{3, 4}, grant->session, {{block.id, 1}}}).ok());
    removed += namenode.beat(1).remove.size();
  }
  CHECK(removed == 0);
  for (int second = 0; second < 20; ++second) {
    namenode.advance(seconds(1));
    removed += namenode.beat(1).remove.size();
  }
  CHECK(removed == 1);
}

TEST_CASE("abandoned blocks are removed at once, committed ones are not") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto committed = namenode.put("/a");
  AllocateBlocks allocate;
  allocate.client = {3, 4};
  allocate.block_size = 1 << 20;
  allocate.replication = 2;
  const auto grant = namenode.ask<WriteGrant>(allocate);
  REQUIRE(grant.ok());
  const metadata::Block block{grant->pipelines.at(0).blocks.at(0), 1, 1000};
  metadata::IncrementalReport stored;
  stored.added = {block};
  namenode.beat(1, stored);
  REQUIRE(
      namenode.ask<Accepted>(EndSession{{3, 4}, grant->session, {{block.id, 1}, {committed.id, 1}}})
          .ok());
  namenode.advance(milliseconds(250));
  const auto reply = namenode.beat(1);
  REQUIRE(reply.remove.size() == 1);
  CHECK(reply.remove.at(0).block == block.id);
  CHECK(locations(namenode, "/a") == 2);
  // The other datanode tells of its replica only now.
  auto late = namenode.beat(2, stored).remove.size();
  namenode.advance(milliseconds(250));
  CHECK(late + namenode.beat(2).remove.size() == 1);
}

TEST_CASE("a commit that does not say where its blocks are is refused") {
  NamenodeFixture namenode;
  namenode.join(1);
  CommitWrite commit;
  metadata::CommittedFile file;
  file.path = "/a";
  file.block_size = 1 << 20;
  file.replication = 1;
  file.blocks = {{BlockId{1}, 1, 1000}};
  commit.change.files = {file};
  const auto reply = namenode.ask<metadata::ChangeReply>(commit);
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kInvalidArgument);
}

TEST_CASE("without datanodes an allocation says so") {
  NamenodeFixture namenode;
  AllocateBlocks allocate;
  allocate.client = {3, 4};
  allocate.block_size = 1;
  allocate.replication = 3;
  const auto grant = namenode.ask<WriteGrant>(allocate);
  REQUIRE_FALSE(grant.ok());
  CHECK(grant.error().code == Errc::kNoDatanode);
}

TEST_CASE("a change that is asked twice is done once and answered alike") {
  NamenodeFixture namenode;
  metadata::MakeDirectory change;
  change.request = {{5, 6}, 1, 0};
  change.path = "/d";
  const auto first = namenode.ask<metadata::ChangeReply>(change);
  const auto second = namenode.ask<metadata::ChangeReply>(change);
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  CHECK(first->outcomes.at(0).ok());
  CHECK(second->outcomes.at(0).ok());
  change.request.sequence = 2;
  CHECK_FALSE(namenode.ask<metadata::ChangeReply>(change)->outcomes.at(0).ok());
}

}  // namespace minidfs::actors::test
