// A namenode that follows another one, takes over from it, and loses the leadership again.
#include <catch2/catch.hpp>

#include "actors/namenode_fixture.hpp"

namespace minidfs::actors::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr metadata::BlockMark kOthersMark = 77;

metadata::Block block(std::uint64_t number) {
  return {BlockId{metadata::first_of(kOthersMark).value + number}, 1, 1000};
}

// One that follows, with what its leader has logged.
class Follower : public NamenodeFixture {
 public:
  explicit Follower(BlockManagerOptions options = default_options())
      : NamenodeFixture(Follows{}, std::move(options)) {
    log().apply_others(metadata::BeginLeadership{1, {9, 9}, 5, kOthersMark});
    settle();
  }

  // By the other one; with one block.
  void put_others(const std::string& path, std::uint64_t number) {
    metadata::CommittedFile file;
    file.path = path;
    file.block_size = 1 << 20;
    file.replication = 1;
    file.compression = "none";
    file.blocks = {block(number)};
    metadata::CommitFiles commit;
    commit.files = {file};
    log().apply_others(commit);
    settle();
  }
  void remove_others(const std::string& path) {
    metadata::Remove remove;
    remove.path = path;
    log().apply_others(remove);
    log().apply_others(metadata::PurgeRemoved{100});
    settle();
  }
  void lead(consensus::Term term) {
    log().set_leader(term, MemoryLog::kSelf);
    settle();
  }
  void follow(consensus::Term term) {
    log().set_leader(term, MemoryLog::kOther);
    settle();
  }
};

}  // namespace

TEST_CASE("a namenode that follows refuses, and names the one that leads") {
  Follower namenode;
  const auto view = namenode.ask<metadata::QuorumView>(WhoLeads{});
  REQUIRE(view.ok());
  CHECK(view->self == MemoryLog::kSelf);
  CHECK(view->leader == MemoryLog::kOther);
  CHECK(view->term == 5);
  REQUIRE(view->members.size() == 2);
  CHECK(view->members[1].address == metadata::Endpoint{"h2", 8020});

  auto asked = namenode.begin<metadata::FileStatus>(StatRequest{"/"});
  std::optional<metadata::QuorumView> told;
  asked.receive([](const metadata::FileStatus&) { FAIL("answered"); },
                [&](const caf::error& error) { told = told_leader(error); });
  REQUIRE(told.has_value());
  CHECK(*told == *view);
  CHECK(namenode.ask<metadata::ChangeReply>(metadata::MakeDirectory{}).error().code ==
        Errc::kNotLeader);
  CHECK(namenode.ask<StatusReply>(StatusRequest{}).error().code == Errc::kNotLeader);
  CHECK(namenode.ask<Accepted>(RenewSession{}).error().code == Errc::kNotLeader);
}

TEST_CASE("datanodes are served by one that follows, and ordered nothing") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1), block(2)});
  namenode.remove_others("/a");
  for (int i = 0; i < 400; ++i) {  // Longer than the graces.
    namenode.advance(seconds(1));
    const auto reply = namenode.beat(1);
    CHECK_FALSE(reply.quorum.leads());
    CHECK(reply.remove.empty());
    CHECK(reply.copy.empty());
  }
  CHECK(namenode.log().proposed() == 0);
}

TEST_CASE("one that takes over leads under a higher number, with what it was told before") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1)});
  namenode.lead(7);
  CHECK(namenode.log().last_room() == consensus::Room::kReserved);
  CHECK(namenode.ask<metadata::QuorumView>(WhoLeads{})->leads());
  const auto reply = namenode.beat(1);
  CHECK(reply.quorum.leads());
  CHECK(reply.epoch.life == metadata::LifeId{9, 9});
  CHECK(reply.epoch.leadership >= 7);
  // Nothing has been reported to the new leadership yet.
  const auto located = namenode.ask<LocatedFile>(LocateRequest{"/a", "", 0, false});
  REQUIRE(located.ok());
  REQUIRE(located->blocks.size() == 1);
  CHECK(located->blocks[0].locations.size() == 1);
  namenode.join(2);
  namenode.advance(milliseconds(500));
  const auto granted = namenode.put("/b");
  CHECK(metadata::mark_of(granted.id) != kOthersMark);
}

TEST_CASE("a new leader removes nothing before every live datanode has reported to it") {
  auto options = NamenodeFixture::short_grace();
  Follower namenode(std::move(options));
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1)});
  namenode.join(2);
  namenode.remove_others("/a");
  namenode.lead(7);
  namenode.join(1, {block(1)});
  const auto beat_for = [&](seconds time) {
    std::size_t removes = 0;
    for (; time.count() > 0; time -= seconds(1)) {
      namenode.advance(seconds(1));
      removes += namenode.beat(1).remove.size();
      namenode.beat(2);
    }
    return removes;
  };
  CHECK(beat_for(seconds(20)) == 0);
  namenode.join(2);
  CHECK(beat_for(seconds(20)) == 1);
}

TEST_CASE(
    "what an earlier leadership had retired does not count for what a later one wants retired") {
  Follower namenode(NamenodeFixture::short_grace());
  namenode.put_others("/a", 1);
  namenode.put_others("/b", 2);
  namenode.join(1, {block(1), block(2)});
  namenode.lead(7);
  namenode.join(1, {block(1), block(2)});
  namenode.advance(seconds(1));
  // The entry of the first leadership takes long.
  namenode.log().hold_proposals(true);
  namenode.remove_others("/a");
  namenode.advance(seconds(1));
  REQUIRE(namenode.log().held() > 0);
  const auto of_first = namenode.log().held();
  namenode.log().hold_proposals(false);
  namenode.follow(8);
  namenode.lead(9);
  namenode.join(1, {block(1), block(2)});
  // So does that of the second one, which is about another block as well.
  namenode.log().hold_proposals(true);
  namenode.remove_others("/b");
  namenode.advance(seconds(1));
  REQUIRE(namenode.log().held() > of_first);
  for (std::size_t i = 0; i < of_first; ++i) namenode.log().release_first();
  for (int i = 0; i < 3; ++i) {
    namenode.advance(seconds(1));
    CHECK(namenode.beat(1).remove.empty());
  }
  while (namenode.log().held() > 0) {
    namenode.log().release_first();
    namenode.settle();
  }
  namenode.log().hold_proposals(false);
  std::size_t removes = 0;
  for (int i = 0; i < 3; ++i) {
    namenode.advance(seconds(1));
    removes += namenode.beat(1).remove.size();
  }
  CHECK(removes == 2);
}

TEST_CASE("one that leads no more tells those who wait, and who leads") {
  Follower namenode;
  namenode.join(1);
  namenode.lead(7);
  namenode.join(1);
  namenode.put("/a");
  // A commit that waits for reports, a change in the log, a read that is not confirmed.
  CommitWrite commit;
  commit.session = 5;
  metadata::CommittedFile file;
  file.path = "/b";
  file.block_size = 1 << 20;
  file.replication = 1;
  file.compression = "none";
  file.blocks = {block(50)};
  commit.change.files = {file};
  commit.written = {WrittenBlock{block(50).id, {namenode.node(1).node}}};
  auto unproven = namenode.begin<metadata::ChangeReply>(commit);
  namenode.log().hold_reads(true);
  auto read = namenode.begin<metadata::FileStatus>(StatRequest{"/a"});
  metadata::MakeDirectory directory;
  directory.path = "/d";
  auto change = namenode.begin<metadata::ChangeReply>(directory, false);
  namenode.run_actors();
  namenode.follow(8);
  CHECK(namenode.end<metadata::ChangeReply>(unproven).error().code == Errc::kNotLeader);
  CHECK(namenode.end<metadata::FileStatus>(read).error().code == Errc::kNotLeader);
  CHECK(namenode.end<metadata::ChangeReply>(change).error().code == Errc::kNotLeader);
  // What the log answers now is for nobody.
  namenode.log().hold_reads(false);
  namenode.settle();
  const auto reply = namenode.beat(1);
  CHECK_FALSE(reply.quorum.leads());
  CHECK(reply.quorum.leader == MemoryLog::kOther);
  // Its turn comes again.
  namenode.lead(9);
  CHECK(namenode.beat(1).epoch.leadership >= 9);
  namenode.join(1);
  namenode.put("/e");
}

TEST_CASE("one that is elected once more leads only when it has taken over anew") {
  Follower namenode;
  namenode.join(1);
  namenode.lead(7);
  REQUIRE(namenode.beat(1).quorum.leads());
  namenode.log().hold_reads(true);  // So that it cannot confirm its state.
  namenode.lead(9);
  CHECK_FALSE(namenode.ask<metadata::QuorumView>(WhoLeads{})->leads());
  CHECK_FALSE(namenode.beat(1).quorum.leads());
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).error().code == Errc::kNotLeader);
  namenode.log().hold_reads(false);
  namenode.settle();
  CHECK(namenode.ask<metadata::QuorumView>(WhoLeads{})->leads());
  CHECK(namenode.beat(1).epoch.leadership >= 9);
}

TEST_CASE("a read is answered when a question that was asked after it is, and one serves many") {
  Follower namenode;
  namenode.lead(7);
  namenode.log().hold_reads(true);
  const auto before = namenode.log().reads_asked();
  auto first = namenode.begin<metadata::FileStatus>(StatRequest{"/"});
  std::vector<decltype(first)> others;
  for (int i = 0; i < 5; ++i)
    others.push_back(namenode.begin<metadata::FileStatus>(StatRequest{"/"}));
  CHECK(namenode.log().reads_asked() == before + 1);
  namenode.log().hold_reads(false);
  namenode.settle();
  CHECK(namenode.log().reads_asked() == before + 2);
  CHECK(namenode.end<metadata::FileStatus>(first).ok());
  for (auto& other : others) CHECK(namenode.end<metadata::FileStatus>(other).ok());
}

TEST_CASE("reads that came together are one question, where that has to be asked of others") {
  Follower namenode;
  namenode.lead(7);
  namenode.log().hold_reads(true);
  auto first = namenode.begin<metadata::FileStatus>(StatRequest{"/"});
  const auto before = namenode.log().reads_asked();
  namenode.log().hold_reads(false);
  namenode.log().hold_reads(true);
  std::vector<decltype(first)> others;
  for (int i = 0; i < 5; ++i)
    others.push_back(namenode.begin<metadata::FileStatus>(StatRequest{"/"}, false));
  namenode.settle();
  namenode.log().hold_reads(false);
  namenode.settle();
  CHECK(namenode.log().reads_asked() == before + 1);
  CHECK(namenode.end<metadata::FileStatus>(first).ok());
  for (auto& other : others) CHECK(namenode.end<metadata::FileStatus>(other).ok());
}

TEST_CASE("a leader that is not confirmed answers nothing, though it does not know yet") {
  NamenodeFixture namenode;
  namenode.log().set_leader(8, MemoryLog::kOther);  // Its actors have not heard of it.
  CHECK(namenode.ask<metadata::FileStatus>(StatRequest{"/"}).error().code == Errc::kNotLeader);
  CHECK(namenode.ask<LocatedFile>(LocateRequest{"/", "", 0, false}).error().code ==
        Errc::kNotLeader);
  CHECK(namenode.ask<StatusReply>(StatusRequest{}).error().code == Errc::kNotLeader);
}

TEST_CASE("what nobody has told a new leader yet is not lost before all have reported") {
  Follower namenode;
  namenode.join(1, {});
  namenode.advance(milliseconds(500));  // Safe mode is left.
  namenode.put_others("/a", 1);
  namenode.lead(7);
  const auto locate = [&] { return namenode.ask<LocatedFile>(LocateRequest{"/a", "", 0, false}); };
  CHECK(locate().error().code == Errc::kUnavailable);
  CHECK(namenode.ask<LocateDirectoryReply>(LocateDirectoryRequest{"/", "", 0, ""}).error().code ==
        Errc::kUnavailable);
  SECTION("it is there") {
    namenode.join(1, {block(1)});
    REQUIRE(locate().ok());
    CHECK(locate()->blocks.at(0).locations.size() == 1);
  }
  SECTION("it is lost") {
    namenode.join(1, {});
    REQUIRE(locate().ok());
    CHECK(locate()->blocks.at(0).locations.empty());
  }
  SECTION("the datanode that has it is not heard of") {
    namenode.advance(seconds(11));
    CHECK(locate().ok());
  }
}

TEST_CASE("a new leader says whose reports are outstanding when it is asked for lost blocks") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.put_others("/b", 2);
  namenode.join(1, {block(1)});
  namenode.join(2);
  namenode.lead(7);
  const auto check = [&] { return namenode.ask<CheckBlocksReply>(CheckBlocksRequest{}).value(); };
  CHECK_THAT(check().outstanding, Catch::StartsWith("2 of 2 live datanodes"));
  CHECK(check().problems.size() == 1);  // The second may be told of yet.
  namenode.join(1, {block(1)});
  CHECK_THAT(check().outstanding, Catch::StartsWith("1 of 2 live datanodes"));
  SECTION("all have reported") {
    namenode.join(2, {block(2)});
    namenode.advance(milliseconds(500));
    CHECK(check().outstanding.empty());
    CHECK(check().problems.empty());
  }
  SECTION("one that has fallen silent is not waited for") {
    for (int i = 0; i < 20; ++i) {
      namenode.advance(seconds(1));
      namenode.beat(1);
    }
    CHECK(check().outstanding.empty());
    CHECK(check().problems.size() == 1);
  }
}

TEST_CASE("one that follows answers reads that may be as old as its state is, and no others") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1)});
  const auto within = [](std::uint32_t ms) {
    Patience patience;
    patience.stale_ms = ms;
    return patience;
  };
  const auto stat = [&](std::uint32_t ms) {
    return namenode.ask_within<metadata::FileStatus>(within(ms), StatRequest{"/a"});
  };
  CHECK(stat(5000).error().code == Errc::kNotLeader);  // It is not known how old it is.
  namenode.log().set_staleness(milliseconds(700));
  CHECK(stat(699).error().code == Errc::kNotLeader);
  CHECK(stat(0).error().code == Errc::kNotLeader);
  CHECK(stat(700)->length == 1000);
  const auto located =
      namenode.ask_within<LocatedFile>(within(700), LocateRequest{"/a", "", 0, false});
  REQUIRE(located.ok());
  REQUIRE(located->blocks.size() == 1);
  CHECK(located->blocks[0].locations.size() == 1);
  CHECK(namenode.ask_within<StatusReply>(within(700), StatusRequest{}).ok());
  CHECK(namenode.ask_within<metadata::ChangeReply>(within(700), metadata::MakeDirectory{})
            .error()
            .code == Errc::kNotLeader);
  CHECK(namenode.ask_within<WriteGrant>(within(700), AllocateBlocks{}).error().code ==
        Errc::kNotLeader);
}

TEST_CASE("when its namespace is replaced a namenode knows no block until it is reported anew") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1)});
  CHECK(namenode.beat(1).report == 0);
  namenode.replace_namespace();
  CHECK(namenode.beat(1).report != 0);
  namenode.lead(7);
  const auto places = [&] {
    const auto located = namenode.ask<LocatedFile>(LocateRequest{"/a", "", 0, false});
    REQUIRE(located.ok());
    return located->blocks.at(0).locations.size();
  };
  CHECK(places() == 0);
  namenode.join(1, {block(1)});
  CHECK(places() == 1);
}

TEST_CASE("a namespace that is replaced under one that still takes itself for leading") {
  Follower namenode;
  namenode.put_others("/a", 1);
  namenode.join(1, {block(1)});
  namenode.lead(7);
  namenode.replace_namespace();
  CHECK(
      namenode.ask<LocatedFile>(LocateRequest{"/a", "", 0, false})->blocks.at(0).locations.size() ==
      1);
  namenode.follow(8);
  CHECK(namenode.beat(1).report != 0);
}

TEST_CASE("a leader that cannot confirm itself still answers what may be old") {
  NamenodeFixture namenode;
  namenode.log().hold_reads(true);
  namenode.log().set_staleness(milliseconds(700));
  Patience patience;
  patience.stale_ms = 1000;
  CHECK(namenode.ask_within<metadata::FileStatus>(patience, StatRequest{"/"}).ok());
}

}  // namespace minidfs::actors::test
