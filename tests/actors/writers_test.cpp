// Writers that are silent, come back, end what is not theirs or say what was not granted.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::seconds;

AllocateBlocks allocation(std::uint64_t session = 0) {
  AllocateBlocks request;
  request.client = kClient;
  request.session = session;
  request.block_size = 1 << 20;
  request.replication = 1;
  return request;
}

// The first of those granted, as it is written.
metadata::Block block_of(const WriteGrant& grant) {
  return {grant.pipelines.at(0).blocks.at(0), 1, 1000};
}

CommitWrite commit_of(const WriteGrant& grant, const metadata::Block& block,
                      const std::string& path) {
  CommitWrite commit;
  commit.session = grant.session;
  metadata::CommittedFile file;
  file.path = path;
  file.block_size = 1 << 20;
  file.replication = 1;
  file.compression = "none";
  file.blocks = {block};
  commit.change.files = {file};
  commit.written = {{block.id, {grant.pipelines.at(0).targets.at(0).node}}};
  return commit;
}

metadata::IncrementalReport stored(const metadata::Block& block) {
  metadata::IncrementalReport report;
  report.added = {block};
  return report;
}

metadata::IncrementalReport removed(const metadata::Block& block) {
  metadata::IncrementalReport report;
  report.removed = {block};
  return report;
}

void beat_for(NamenodeFixture& namenode, int count) {
  for (int second = 0; second < count; ++second) {
    namenode.advance(seconds(1));
    namenode.beat(1);
  }
}

}  // namespace

TEST_CASE("a writer that was silent beyond the grace neither revives its session nor commits") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.beat(1, stored(block));
  beat_for(namenode, 12);
  namenode.beat(1, removed(block));  // Gone everywhere, and forgotten by the block map.
  const auto renewed =
      namenode.ask<Accepted>(RenewSession{kClient, grant->session, {{block.id, 1}}});
  REQUIRE_FALSE(renewed.ok());
  CHECK(renewed.error().code == Errc::kExpired);
  const auto again = namenode.ask<WriteGrant>(allocation(grant->session));
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == Errc::kExpired);
  const auto reply = namenode.ask<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kExpired);
  CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/a"}).ok());
}

TEST_CASE("a restart of the namenode does not make a given-up block a file's") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.beat(1, stored(block));
  std::size_t orders = 0;
  for (int second = 0; second < 12; ++second) {
    namenode.advance(seconds(1));
    orders += namenode.beat(1).remove.size();
  }
  CHECK(orders == 1);
  namenode.restart();
  namenode.join(1, {block});  // The order was not carried out before the end of that leadership.
  // The new one knows nothing of the session; the namespace knows of the block.
  CHECK(namenode.ask<Accepted>(RenewSession{kClient, grant->session, {{block.id, 1}}}).ok());
  const auto reply = namenode.ask<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
  REQUIRE(reply.ok());
  CHECK(reply->outcomes.at(0).code == static_cast<std::uint8_t>(Errc::kExpired));
  CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/a"}).ok());
}

TEST_CASE("a disk that hangs is named in the status, and where no node can take a block") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.advance(seconds(2));
  Heartbeat beat;  // With no byte free.
  beat.node = namenode.node(1).node;
  beat.incarnation = 1;
  beat.disks = {{"/srv/d1", DiskHealth::kHangs, 5}, {"/srv/d2", DiskHealth::kWorks, 0}};
  REQUIRE(namenode.ask<HeartbeatReply>(beat).ok());
  const auto status = namenode.status();
  REQUIRE(status.nodes.size() == 1);
  REQUIRE(status.nodes[0].bad_disks.size() == 1);
  CHECK(status.nodes[0].bad_disks[0].directory == "/srv/d1");
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE_FALSE(grant.ok());
  CHECK(grant.error().code == Errc::kNoSpace);
  CHECK(grant.error().message.find("the disk of /srv/d1 hangs") != std::string::npos);
  namenode.beat(1);
  CHECK(namenode.status().nodes[0].bad_disks.empty());
}

TEST_CASE("a leadership that has just begun orders nothing removed") {
  auto options = NamenodeFixture::default_options();
  options.deletes_after = seconds(5);
  NamenodeFixture namenode(options);
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  metadata::Remove remove;
  remove.path = "/a";
  REQUIRE(namenode.ask<metadata::ChangeReply>(remove).ok());
  namenode.advance(seconds(4));
  CHECK(namenode.beat(1).remove.empty());
  namenode.advance(seconds(2));
  CHECK(namenode.beat(1).remove.size() == 1);
}

TEST_CASE("nobody ends another client's session or gives up its blocks") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.beat(1, stored(block));
  auto foreign = allocation();
  foreign.client = {9, 9};
  const auto other = namenode.ask<WriteGrant>(foreign);
  REQUIRE(other.ok());
  const auto theirs = namenode.ask<Accepted>(EndSession{{9, 9}, grant->session, {{block.id, 1}}});
  REQUIRE_FALSE(theirs.ok());
  CHECK(theirs.error().code == Errc::kPermissionDenied);
  REQUIRE(namenode.ask<Accepted>(EndSession{{9, 9}, other->session, {{block.id, 1}}}).ok());
  CHECK(namenode.beat(1).remove.empty());
  const auto reply = namenode.ask<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
  REQUIRE(reply.ok());
  CHECK(reply->outcomes.at(0).ok());
}

TEST_CASE("allocations that get no datanode leave no session behind") {
  auto options = NamenodeFixture::default_options();
  options.sessions.sessions_max = 1;
  NamenodeFixture namenode(options);
  for (int i = 0; i < 3; ++i) {
    const auto grant = namenode.ask<WriteGrant>(allocation());
    REQUIRE_FALSE(grant.ok());
    CHECK(grant.error().code == Errc::kNoDatanode);
  }
  namenode.join(1);
  CHECK(namenode.ask<WriteGrant>(allocation()).ok());
}

TEST_CASE("a commit of what was not granted is refused and harms nobody") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto id = grant->pipelines.at(0).blocks.at(0);
  for (const metadata::Block& block :
       {metadata::Block{id, 1ULL << 50, 1000}, metadata::Block{id, 2, 1000},
        metadata::Block{id, 1, (1 << 20) + 1}}) {
    const auto reply = namenode.ask<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
    REQUIRE_FALSE(reply.ok());
    CHECK(reply.error().code == Errc::kInvalidArgument);
  }
  CHECK(namenode.status().nodes.size() == 1);
}

TEST_CASE("a namenode that has started accepts a commit once its block is reported as it is") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.beat(1, stored(block));
  namenode.restart();
  namenode.join(1, {block});
  metadata::Block longer = block;
  longer.length = 2000;
  auto wrong = namenode.begin<metadata::ChangeReply>(commit_of(*grant, longer, "/b"));
  const auto reply = namenode.ask<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
  REQUIRE(reply.ok());
  CHECK(reply->outcomes.at(0).ok());
  namenode.advance(seconds(4));
  const auto refused = namenode.end<metadata::ChangeReply>(wrong);
  REQUIRE(refused.ok());  // Proposed, as a file owns the block by now, and refused by the rules.
  CHECK_FALSE(refused->outcomes.at(0).ok());
}

TEST_CASE("a commit whose block exists nowhere waits for three heartbeats and is then refused") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.restart();
  namenode.join(1);
  auto asked = namenode.begin<metadata::ChangeReply>(commit_of(*grant, block, "/a"));
  namenode.advance(seconds(4));
  const auto reply = namenode.end<metadata::ChangeReply>(asked);
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kExpired);
  CHECK(namenode.status().files == 0);
}

TEST_CASE("a commit that is answered late makes no block owned that was freed before") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  const auto second = namenode.ask<WriteGrant>(allocation());
  REQUIRE(second.ok());
  const auto newer = block_of(*second);
  // Both in one batch: the effects of both come before the answer of the first.
  auto commit = namenode.begin<metadata::ChangeReply>(commit_of(*grant, block, "/a"), false);
  auto overwriting = commit_of(*second, newer, "/a");
  overwriting.change.files.at(0).overwrite = true;
  auto overwrite = namenode.begin<metadata::ChangeReply>(overwriting, false);
  namenode.settle();
  CHECK(namenode.end<metadata::ChangeReply>(commit).ok());
  CHECK(namenode.end<metadata::ChangeReply>(overwrite).ok());
  CHECK(namenode.status().blocks_total == 1);
  CHECK(namenode.status().nodes.at(0).blocks == 1);
  CHECK(namenode.beat(1, stored(block)).remove.empty());  // Its grace has only begun.
  namenode.beat(1, removed(block));
  CHECK(namenode.status().blocks_missing == 0);
  CHECK(namenode.ask<CheckBlocksReply>(CheckBlocksRequest{})->problems.empty());
}

TEST_CASE("a node that lost a replica while its commit was in the log is not believed to have it") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  auto commit = namenode.begin<metadata::ChangeReply>(commit_of(*grant, block, "/a"), false);
  namenode.run_actors();
  auto registration = namenode.begin<Registered>(namenode.node(1), false);
  namenode.settle();
  CHECK(namenode.end<metadata::ChangeReply>(commit).ok());
  CHECK(namenode.end<Registered>(registration).ok());
  CHECK(namenode.status().blocks_missing == 1);
}

TEST_CASE("a commit that is asked again is not refused while its first try is in the log") {
  NamenodeFixture namenode(NamenodeFixture::short_grace());
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  namenode.beat(1, stored(block));
  for (int second = 0; second < 20; ++second) {
    namenode.advance(seconds(1));
    if (!namenode.beat(1).remove.empty()) break;
  }
  const auto commit = commit_of(*grant, block, "/a");
  auto first = namenode.begin<metadata::ChangeReply>(commit, false);
  namenode.run_actors();
  // Gone everywhere, and forgotten by the block map.
  Heartbeat news;
  news.node = namenode.node(1).node;
  news.incarnation = 1;
  news.capacity_bytes = news.free_bytes = 1ULL << 40;
  news.changes = removed(block);
  auto beat = namenode.begin<HeartbeatReply>(news, false);
  namenode.run_actors();
  auto again = namenode.begin<metadata::ChangeReply>(commit, false);
  namenode.settle();
  CHECK(namenode.end<HeartbeatReply>(beat).ok());
  const auto refused = namenode.end<metadata::ChangeReply>(again);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kBusy);
  const auto decided = namenode.end<metadata::ChangeReply>(first);
  REQUIRE(decided.ok());
  CHECK(decided->outcomes.at(0).code == static_cast<std::uint8_t>(Errc::kExpired));
  // And now that it is decided it is given up.
  CHECK(namenode.ask<metadata::ChangeReply>(commit).error().code == Errc::kExpired);
}

TEST_CASE("a commit that is asked again brings back no replica that was removed since") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto grant = namenode.ask<WriteGrant>(allocation());
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  auto commit = commit_of(*grant, block, "/a");
  commit.change.request = {kClient, 1, 0};
  REQUIRE(namenode.ask<metadata::ChangeReply>(commit).ok());
  CHECK(namenode.status().blocks_missing == 0);
  namenode.beat(1, removed(block));
  CHECK(namenode.status().blocks_missing == 1);
  REQUIRE(namenode.ask<metadata::ChangeReply>(commit).ok());
  CHECK(namenode.status().blocks_missing == 1);
}

TEST_CASE("a writer from before this leadership is not believed where its blocks are") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  auto request = allocation();
  request.replication = 2;
  const auto grant = namenode.ask<WriteGrant>(request);
  REQUIRE(grant.ok());
  const auto block = block_of(*grant);
  auto commit = commit_of(*grant, block, "/a");
  commit.change.files[0].replication = 2;
  commit.written = {{block.id, {namenode.node(1).node, namenode.node(2).node}}};
  namenode.restart();
  namenode.join(1, {block});
  namenode.join(2);  // Which has lost it.
  REQUIRE(namenode.ask<metadata::ChangeReply>(commit).ok());
  CHECK(namenode.status().blocks_missing == 0);
  CHECK(namenode.status().blocks_under_replicated == 1);
}

TEST_CASE("the lists of an allocation are bounded") {
  NamenodeFixture namenode;
  namenode.join(1);
  auto request = allocation();
  request.files.resize(5000);
  CHECK(namenode.ask<WriteGrant>(request).error().code == Errc::kTooLarge);
  request = allocation();
  request.excluded.resize(5000);
  CHECK(namenode.ask<WriteGrant>(request).error().code == Errc::kTooLarge);
}

}  // namespace minidfs::actors::test
