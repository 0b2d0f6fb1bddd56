// A namenode whose datanodes know a later state of the cluster.
#include <algorithm>
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"
#include "metadata/block_identity.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::seconds;

const metadata::Epoch kLostEpoch{metadata::LifeId{9, 9}, 3};

// One that obeyed a namenode of a life which this one has never heard of.
RegisterNode wiser_node(const NamenodeFixture& namenode, std::uint64_t number) {
  auto request = namenode.node(number);
  request.epoch = kLostEpoch;
  request.change = 77;
  request.marks = {123};
  return request;
}

Result<metadata::ChangeReply> make_directory(NamenodeFixture& namenode, const std::string& path,
                                             metadata::RequestId request = {}) {
  metadata::MakeDirectory change;
  change.path = path;
  change.request = request;
  return namenode.ask<metadata::ChangeReply>(change);
}

void report(NamenodeFixture& namenode, std::uint64_t number, std::uint64_t report,
            std::vector<metadata::Block> replicas) {
  std::sort(replicas.begin(), replicas.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  BlockReportPart part;
  part.node = namenode.node(number).node;
  part.incarnation = number;
  part.chunk = metadata::encode_report_chunk(
      metadata::next_report_chunk(report, nullptr, std::move(replicas)));
  REQUIRE(namenode.ask<Accepted>(part).ok());
}

}  // namespace

TEST_CASE("a namenode behind its datanodes is read, refuses changes and removes nothing") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  const auto block = namenode.put("/a");
  const metadata::RequestId request{ClientId{1, 1}, 1, 0};
  REQUIRE(make_directory(namenode, "/d", request).ok());
  const metadata::Block unknown{metadata::first_of(123), 1, 10};

  const auto registered = namenode.ask<Registered>(wiser_node(namenode, 3));
  REQUIRE(registered.ok());
  CHECK(registered->later);
  // Refused from then on; how many blocks are unknown is told with the next tick.
  CHECK(make_directory(namenode, "/e").error().code == Errc::kBehind);
  report(namenode, 3, registered->report, {block, unknown});
  namenode.advance(std::chrono::milliseconds(250));

  CHECK(namenode.ask<LocatedFile>(LocateRequest{"/a", ""}).ok());
  const auto refused = make_directory(namenode, "/e");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kBehind);
  CHECK_THAT(refused.error().message,
             Catch::Contains("up to change 77") && Catch::Contains("1 blocks that this namespace"));
  // What was done before is answered as then.
  CHECK(make_directory(namenode, "/d", request).ok());
  AllocateBlocks allocate;
  allocate.files = {{"/b", false}};
  allocate.block_size = 1 << 20;
  allocate.replication = 1;
  CHECK(namenode.ask<WriteGrant>(allocate).error().code == Errc::kBehind);
  const auto status = namenode.status();
  CHECK(status.behind);
  CHECK(status.safe_mode_reason == refused.error().message);
  CHECK(namenode.ask<SafeModeReply>(SafeModeRequest{"leave"}).error().code == Errc::kBehind);

  // Neither the third copy of /a nor the unknown block goes, however long it takes.
  for (int i = 0; i < 400; ++i) {
    namenode.advance(seconds(1));
    for (const std::uint64_t number : {1, 2, 3}) {
      REQUIRE(namenode.beat(number).remove.empty());
    }
  }
}

TEST_CASE("a namenode that was killed is not behind the datanode that is back first") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.put("/a");
  const auto told = namenode.beat(1);
  REQUIRE(told.change > 0);

  namenode.restart(false);
  auto request = namenode.node(1);
  request.epoch = told.epoch;
  request.change = told.change;
  auto asked = namenode.begin<Registered>(request);
  const auto registered = namenode.end<Registered>(asked);
  REQUIRE(registered.ok());
  CHECK_FALSE(registered->later);
  CHECK_FALSE(namenode.status().behind);
}

TEST_CASE("an operator's word begins another life, in which what was given up counts no more") {
  NamenodeFixture namenode;
  namenode.join(1);
  namenode.join(2);
  namenode.put("/a");
  REQUIRE(namenode.ask<Registered>(wiser_node(namenode, 3))->later);
  const auto mode = namenode.ask<SafeModeReply>(SafeModeRequest{"accept"});
  REQUIRE(mode.ok());
  CHECK_FALSE(mode->on);
  CHECK(make_directory(namenode, "/e").ok());
  CHECK(namenode.status().blocks_missing == 0);

  // Told to those that live, and believed to be known by those that were away.
  const auto told = namenode.beat(1);
  CHECK(told.epoch.life != metadata::LifeId{5, 6});
  CHECK(told.epoch.leadership == 2);
  const auto again = namenode.ask<Registered>(wiser_node(namenode, 3));
  REQUIRE(again.ok());
  CHECK_FALSE(again->later);
  CHECK(again->epoch == told.epoch);
  auto away = wiser_node(namenode, 4);
  away.change = 1000;
  away.marks = {123, 124};
  CHECK_FALSE(namenode.ask<Registered>(away)->later);
  CHECK_FALSE(namenode.status().behind);
  namenode.put("/b");
  // Said twice it is the same as once.
  CHECK_FALSE(namenode.ask<SafeModeReply>(SafeModeRequest{"accept"})->on);
  CHECK(namenode.beat(1).epoch == told.epoch);
}

namespace {

// With a leadership in the log, as the process begins one.
class LeadingNamenode : public NamenodeFixture {
 public:
  explicit LeadingNamenode(metadata::BlockMark mark) : NamenodeFixture(default_options(), mark) {
    const auto options = default_options();
    const metadata::BeginLeadership change{1, options.epoch.life, options.epoch.leadership, mark};
    log().propose(log().add_channel([](const auto&) {}), 1, metadata::encode_change(change));
    settle();
  }
  metadata::BlockMark granted_mark() {
    AllocateBlocks allocate;
    allocate.client = {3, 4};
    allocate.files = {{"/b", false}};
    allocate.block_size = 1 << 20;
    allocate.replication = 1;
    const auto grant = ask<WriteGrant>(allocate);
    INFO((grant.ok() ? "" : grant.error().message));
    REQUIRE(grant.ok());
    return metadata::mark_of(grant->pipelines.at(0).blocks.at(0));
  }
};

}  // namespace

TEST_CASE("a mark that blocks turn out to have is not granted from") {
  LeadingNamenode namenode(55);
  auto node = namenode.node(1);
  node.marks = {12, 55, 90};
  node.epoch.life = NamenodeFixture::default_options().epoch.life;
  const auto registered = namenode.ask<Registered>(node);
  REQUIRE(registered.ok());
  CHECK_FALSE(registered->later);
  const auto mark = namenode.granted_mark();
  CHECK(mark != 12);
  CHECK(mark != 55);
  CHECK(mark != 90);
}

TEST_CASE("a leadership keeps its mark when its own blocks are told of") {
  LeadingNamenode namenode(55);
  auto node = namenode.node(1);
  node.marks = {0, 12};
  node.epoch.life = NamenodeFixture::default_options().epoch.life;
  REQUIRE(namenode.ask<Registered>(node).ok());
  CHECK(namenode.granted_mark() == 55);
  node.marks = {0, 12, 55};
  REQUIRE(namenode.ask<Registered>(node).ok());
  CHECK(namenode.granted_mark() == 55);
}

}  // namespace minidfs::actors::test
