// How the namenode treats those who wait for it: what is old, what is too much, and who reports
// when.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

BlockManagerOptions one_report_at_a_time() {
  auto options = NamenodeFixture::default_options();
  options.reports = {1, seconds(5)};
  return options;
}

// As a process registers that has obeyed this leadership.
RegisterNode again(const NamenodeFixture& namenode, std::uint64_t number) {
  auto request = namenode.node(number);
  request.epoch = NamenodeFixture::default_options().epoch;
  return request;
}

Result<Accepted> report_part(NamenodeFixture& namenode, std::uint64_t number,
                             const metadata::ReportChunk& chunk) {
  BlockReportPart part;
  part.node = namenode.node(number).node;
  part.incarnation = number;
  part.chunk = metadata::encode_report_chunk(chunk);
  return namenode.ask<Accepted>(part);
}

metadata::ReportChunk last_chunk(std::uint64_t report, const metadata::ReportPosition& from,
                                 std::vector<metadata::Block> replicas) {
  return metadata::report_chunk_at(report, from, std::move(replicas));
}

// Of a client that waits for so long, and sent this just now.
Patience patience(const NamenodeFixture& namenode, seconds left) {
  return {namenode.now() + left, namenode.now(),
          static_cast<std::uint32_t>(milliseconds(left).count())};
}

std::vector<std::string> states(NamenodeFixture& namenode) {
  std::vector<std::string> found;
  for (const auto& node : namenode.status().nodes) found.push_back(node.state);
  return found;
}

}  // namespace

TEST_CASE("a namenode that stood still judges nobody by that time") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  AllocateBlocks allocate;
  allocate.client = {3, 4};
  allocate.files = {{"/a", false}};
  allocate.block_size = 1 << 20;
  allocate.replication = 2;
  const auto grant = namenode.ask<WriteGrant>(allocate);
  REQUIRE(grant.ok());
  for (int i = 0; i < 3; ++i) {
    namenode.stand_still(seconds(300));
    namenode.settle();
    CHECK(states(namenode) == std::vector<std::string>{"live", "live"});
  }
  RenewSession renew{allocate.client, grant->session, {}};
  CHECK(namenode.ask<Accepted>(renew).ok());
  // The time counts again when it runs.
  namenode.advance(seconds(11));
  CHECK(states(namenode) == std::vector<std::string>{"dead", "dead"});
}

TEST_CASE("a request whose client has given up is not carried out") {
  NamenodeFixture namenode;
  metadata::MakeDirectory change;
  change.request = {{1, 2}, 1, 1};
  change.path = "/late";
  auto late =
      namenode.begin_within<metadata::ChangeReply>(patience(namenode, seconds(1)), change, false);
  namenode.stand_still(seconds(1));
  namenode.settle();
  const auto reply = namenode.end<metadata::ChangeReply>(late);
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kTimedOut);
  CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/late"}).ok());
  CHECK(namenode.lanes().names->waiting() == 0);
}

TEST_CASE("a request whose connection has gone is not carried out") {
  NamenodeFixture namenode;
  metadata::MakeDirectory change;
  change.request = {{1, 2}, 1, 1};
  change.path = "/gone";
  namenode.ask_and_go(change);
  CHECK_FALSE(namenode.ask<metadata::FileStatus>(StatRequest{"/gone"}).ok());
  CHECK(namenode.ask<metadata::ChangeReply>(change).ok());
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/gone"}).ok());
}

TEST_CASE("what arrives just after a standstill may be as old as that, and is to be asked again") {
  NamenodeFixture namenode;
  namenode.stand_still(seconds(8));
  namenode.settle();
  const auto stat = [&](seconds left) {
    auto asked = namenode.begin_within<metadata::FileStatus>(patience(namenode, left),
                                                             StatRequest{"/"}, true);
    const auto status = namenode.end<metadata::FileStatus>(asked);
    return status.ok() ? std::optional<Errc>() : status.error().code;
  };
  CHECK(stat(seconds(5)) == Errc::kBusy);
  CHECK(stat(seconds(10)) == std::nullopt);
  namenode.advance(milliseconds(500));
  CHECK(stat(seconds(5)) == std::nullopt);
}

TEST_CASE("while the namenode's disk hangs its status says so, with what was known before") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  CHECK(namenode.status().files == 1);
  CHECK(namenode.status().directory_silent_ms == 0);
  namenode.hang_database(true);
  auto asked = namenode.begin<StatusReply>(StatusRequest{});
  namenode.advance(seconds(2));
  const auto status = namenode.end<StatusReply>(asked);
  REQUIRE(status.ok());
  CHECK(status->files == 1);
  CHECK(status->directory == "/names");
  CHECK(status->directory_silent_ms >= 1000);
  CHECK(status->nodes.size() == 2);
  // From now on there is nothing to wait for.
  CHECK(namenode.status().directory_silent_ms >= 1000);
  CHECK_FALSE(namenode.beat(1).register_again);
  namenode.hang_database(false);
  CHECK(namenode.status().directory_silent_ms == 0);
  // Changes wait, and reads do not.
  namenode.log().say_silent_for(seconds(7));
  CHECK(namenode.status().directory_silent_ms == 7000);
}

TEST_CASE("a full lane is answered busy, and holds up no other one") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto lane = namenode.lanes().names;
  std::size_t entered = 0;
  while (lane->enter()) ++entered;
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).error().code == Errc::kBusy);
  CHECK_FALSE(namenode.beat(1).register_again);
  CHECK(namenode.status().nodes.size() == 1);
  for (; entered > 0; --entered) lane->leave();
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).ok());
}

TEST_CASE("a heartbeat passes ten thousand clients that wait before it") {
  NamenodeFixture namenode;
  namenode.join(1);
  const auto lane = namenode.lanes().blocks;
  using Renewal = decltype(namenode.begin<Accepted>(RenewSession{}, false));
  std::vector<Renewal> clients;
  for (int i = 0; i < 10'000; ++i) {
    clients.push_back(namenode.begin<Accepted>(RenewSession{{3, 4}, 5, {}}, false));
  }
  REQUIRE(lane->waiting() == clients.size());
  Heartbeat beat;
  beat.node = namenode.node(1).node;
  beat.incarnation = 1;
  auto beaten = namenode.begin<HeartbeatReply>(beat, false);
  REQUIRE(namenode.lanes().beats->waiting() == 1);
  while (namenode.lanes().beats->waiting() > 0) REQUIRE(namenode.run_once());
  CHECK(lane->waiting() >= clients.size() - 10);
  // It is answered like any other request.
  const auto reply = namenode.end<HeartbeatReply>(beaten);
  REQUIRE(reply.ok());
  CHECK_FALSE(reply->register_again);
  namenode.settle();
  CHECK(lane->waiting() == 0);
  std::size_t served = 0;
  for (auto& client : clients) served += namenode.end<Accepted>(client).ok() ? 1 : 0;
  CHECK(served == clients.size());
}

TEST_CASE("an answer to nothing that was asked takes no place in a lane") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.send_answer(Heartbeat{});
  CHECK(namenode.lanes().beats->waiting() == 0);
  CHECK_FALSE(namenode.beat(1).register_again);
}

TEST_CASE("messages that are none of the interface are refused before they reach an actor") {
  NamenodeFixture namenode;
  CHECK_FALSE(namenode.ask_raw(std::string("hello")));
  CHECK_FALSE(namenode.ask_raw(Patience{}));
  namenode.send_exit();
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).ok());
}

TEST_CASE("what only datanodes may say is refused from others, and takes no place in a lane") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.take_senders_for_clients(true);
  const auto refused = [](const auto& answer) {
    return !answer.ok() && answer.error().code == Errc::kPermissionDenied;
  };
  Heartbeat heartbeat;
  heartbeat.node = namenode.node(1).node;
  heartbeat.incarnation = 1;
  Goodbye goodbye;
  goodbye.node = namenode.node(1).node;
  CHECK(refused(namenode.ask<Registered>(namenode.node(2))));
  CHECK(refused(namenode.ask<HeartbeatReply>(heartbeat)));
  CHECK(refused(namenode.ask<Accepted>(goodbye)));
  CHECK(refused(report_part(namenode, 1, last_chunk(1, {}, {}))));
  CHECK(namenode.lanes().beats->waiting() == 0);
  CHECK(namenode.lanes().reports->waiting() == 0);
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).ok());
  namenode.take_senders_for_clients(false);
  CHECK_FALSE(namenode.beat(1).register_again);
  CHECK(states(namenode) == std::vector<std::string>{"live"});
}

TEST_CASE("a datanode's process that registers again in the same leadership need not report") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  const auto locations = [&] {
    return namenode.ask<LocatedFile>(LocateRequest{"/a", ""})->blocks.at(0).locations.size();
  };
  const auto registered = namenode.ask<Registered>(again(namenode, 1));
  REQUIRE(registered.ok());
  CHECK(registered->report == 0);
  CHECK(namenode.beat(1).report == 0);
  CHECK(locations() == 2);

  SECTION("but another process of it does") {
    auto restarted = again(namenode, 1);
    restarted.incarnation = 99;
    CHECK(namenode.ask<Registered>(restarted)->report != 0);
  }
  SECTION("and one that has obeyed another leadership") {
    CHECK(namenode.ask<Registered>(namenode.node(1))->report != 0);
  }
  SECTION("and one that was called dead") {
    namenode.advance(seconds(11));
    CHECK(namenode.ask<Registered>(again(namenode, 1))->report != 0);
  }
}

TEST_CASE("a report goes on where it was when its connection was lost") {
  NamenodeFixture namenode;
  const auto registered = namenode.ask<Registered>(namenode.node(1));
  REQUIRE(registered.ok());
  metadata::ReportChunk first{registered->report, 0, BlockId{0}, BlockId{99}, {}};
  REQUIRE(report_part(namenode, 1, first).ok());
  REQUIRE(report_part(namenode, 1, first).ok());  // Asked again.
  const auto resumed = namenode.ask<Registered>(again(namenode, 1));
  REQUIRE(resumed.ok());
  CHECK(resumed->report == registered->report);
  CHECK(resumed->from == metadata::ReportPosition{1, BlockId{100}});
  REQUIRE(report_part(namenode, 1, last_chunk(resumed->report, resumed->from, {})).ok());
  CHECK(namenode.ask<Registered>(again(namenode, 1))->report == 0);
}

TEST_CASE("so many datanodes report at a time; the others are told with a heartbeat") {
  NamenodeFixture namenode(one_report_at_a_time());
  const auto first = namenode.ask<Registered>(namenode.node(1));
  REQUIRE(first.ok());
  CHECK(first->report != 0);
  CHECK(namenode.ask<Registered>(namenode.node(2))->report == 0);
  CHECK(namenode.beat(2).report == 0);
  REQUIRE(report_part(namenode, 1, last_chunk(first->report, {}, {})).ok());
  const auto granted = namenode.beat(2);
  CHECK(granted.report != 0);
  REQUIRE(report_part(namenode, 2, last_chunk(granted.report, granted.from, {})).ok());
  CHECK(namenode.beat(2).report == 0);
}

TEST_CASE("a datanode that does not send its report makes room, and has its turn again") {
  NamenodeFixture namenode(one_report_at_a_time());
  const auto silent = namenode.ask<Registered>(namenode.node(1));
  REQUIRE(silent.ok());
  REQUIRE(namenode.ask<Registered>(namenode.node(2)).ok());
  namenode.advance(seconds(5));
  const auto granted = namenode.beat(2);
  CHECK(granted.report != 0);
  // It is not asked to begin, but what it sends is taken.
  CHECK(namenode.beat(1).report == 0);
  CHECK(report_part(namenode, 1, last_chunk(silent->report, {}, {})).ok());
}

}  // namespace minidfs::actors::test
