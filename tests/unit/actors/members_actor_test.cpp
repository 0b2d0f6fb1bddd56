#include "actors/members_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "actors/system_config.hpp"
#include "base/codec.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using consensus::AddLearner;
using consensus::MemberId;
using consensus::MemberRole;
using consensus::MemberState;
using consensus::RemoveMember;
using consensus::Standing;

namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr ClusterId kCluster{0xC1, 0xC2};
constexpr MemberId kSelf = 1;
constexpr MemberId kOther = 2;

// A log that knows two voters, answers at once, and notes what it was asked.
class ScriptedLog final : public consensus::Log {
 public:
  ScriptedLog() {
    status.self = kSelf;
    status.changed_at = 5;
    status.members.resize(2);
    status.members[0].member = {kSelf, "h1:8020"};
    status.members[0].state = MemberState::kLeader;
    status.members[1].member = {kOther, "h2:8020"};
    status.members[1].state = MemberState::kFollower;
    lead(kSelf);
  }
  void lead(MemberId leader) {
    status.leading = {leader == kSelf ? Standing::kLeader : Standing::kFollower,
                      3,
                      {leader, leader == kSelf ? "h1:8020" : "h2:8020"}};
  }

  consensus::ChannelId add_channel(consensus::CompletionSink sink) override {
    completed = std::move(sink);
    return 0;
  }
  using Log::propose;
  void propose(consensus::ChannelId, std::uint64_t token, std::string command,
               consensus::Room) override {
    proposed = std::move(command);
    completed({{token, encode(metadata::ChangeReply{{metadata::Outcome{}}}), {}}});
  }
  MemberId self() const override { return kSelf; }
  bool is_leader() const override { return true; }
  void add_role_sink(consensus::RoleSink sink) override { sink(status.leading); }
  void read_index(consensus::ReadSink sink) override { sink({consensus::Index{1}, {}}); }
  std::optional<std::chrono::milliseconds> staleness() const override { return std::nullopt; }
  consensus::Index applied() const override { return 1; }
  consensus::QuorumStatus quorum() const override { return status; }
  InterfaceVersion known_by_all() const override { return known; }
  void change_members(consensus::MembersChange change, consensus::ChangeSink sink) override {
    if (const auto* add = std::get_if<AddLearner>(&change)) added.push_back(*add);
    if (const auto* remove = std::get_if<RemoveMember>(&change)) {
      removed.push_back(remove->member);
      std::erase_if(status.members,
                    [&](const auto& each) { return each.member.id == remove->member; });
    }
    sink({change_answer, {}});
  }
  void transfer(MemberId to, consensus::TransferSink sink) override {
    transferred = to;
    sink(transfer_answer);
  }

  // The tests wait for the actor's answer before they look.
  consensus::QuorumStatus status;
  InterfaceVersion known = 1;
  consensus::CompletionSink completed;
  std::string proposed;
  std::vector<AddLearner> added;
  std::vector<MemberId> removed;
  Result<consensus::Index> change_answer = consensus::Index{9};
  MemberId transferred = 0;
  Status transfer_answer;
};

struct SystemConfig : ControlSystemConfig {
  SystemConfig() { actors::add_message_types(*this); }
};

struct Fixture {
  explicit Fixture(bool is_namenode = true) {
    MembersParts parts;
    parts.log = &log;
    parts.digests = &digests;
    parts.cluster = kCluster;
    parts.lane = lane;
    parts.find_local_hosts = [this](const auto& addresses, auto done) {
      looked_up = addresses;
      if (resolver_answers) done({"mirror"});
    };
    parts.is_namenode = [is_namenode](const caf::node_id&) { return is_namenode; };
    actor = system.spawn(members_actor, std::move(parts));
  }
  ~Fixture() {
    caf::scoped_actor self{system};
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
  }

  template <class Reply, class Request>
  Result<Reply> ask(Request request) {
    caf::scoped_actor self{system};
    Result<Reply> result = Error{Errc::kInternal, "no answer"};
    REQUIRE(lane->enter());
    self->request(actor, kPatience, Patience{}, std::move(request))
        .receive([&](Reply& reply) { result = std::move(reply); },
                 [&](const caf::error& error) {
                   view = told_leader(error);
                   result = from_caf(error);
                 });
    CHECK(lane->waiting() == 0);
    return result;
  }

  ScriptedLog log;
  std::vector<std::string> looked_up;
  bool resolver_answers = true;
  NamespaceDigests digests{"/none/namespace.db"};
  RequestLanePtr lane = std::make_shared<RequestLane>(10);
  std::optional<metadata::QuorumView> view;  // That came with the last refusal.
  SystemConfig config;
  caf::actor_system system{config};
  MembersActor actor;
};

}  // namespace

TEST_CASE("who joins is in the log before it is told so") {
  Fixture fixture;
  const auto joined = fixture.ask<Joined>(JoinCluster{7, "h3:8020"});
  REQUIRE(joined.ok());
  CHECK(joined->cluster == kCluster);
  CHECK(joined->since == 9);
  REQUIRE(fixture.log.added.size() == 1);
  CHECK(fixture.log.added[0].member.id == 7);
}

TEST_CASE("only namenodes join") {
  Fixture fixture(false);
  const auto joined = fixture.ask<Joined>(JoinCluster{7, "h3:8020"});
  REQUIRE_FALSE(joined.ok());
  CHECK(joined.error().code == Errc::kPermissionDenied);
  CHECK(fixture.log.added.empty());
}

TEST_CASE("who does not know what the log may hold does not join, and is told both versions") {
  Fixture fixture;
  fixture.log.known = 3;
  const auto joined = fixture.ask<Joined>(JoinCluster{7, "h3:8020", 2});
  REQUIRE_FALSE(joined.ok());
  CHECK(joined.error().code == Errc::kUnsupported);
  CHECK_THAT(joined.error().message,
             Catch::Contains("version 3 of") && Catch::Contains("speaks version 2"));
  CHECK(fixture.log.added.empty());
  CHECK(fixture.ask<Joined>(JoinCluster{7, "h3:8020", 3}).ok());
}

TEST_CASE("a follower names the leader to whoever would change or see the members") {
  Fixture fixture;
  fixture.log.lead(kOther);
  const auto refused = [&](const auto& result) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::kNotLeader);
    REQUIRE(fixture.view);
    CHECK(fixture.view->leader == kOther);
  };
  refused(fixture.ask<Joined>(JoinCluster{7, "h3:8020"}));
  refused(fixture.ask<QuorumReply>(QuorumRequest{}));
  refused(fixture.ask<Accepted>(TransferLeadership{0}));
  refused(fixture.ask<Accepted>(RemoveNamenode{kSelf}));
}

TEST_CASE("a follower tells what it knows itself when that is asked for") {
  Fixture fixture;
  fixture.log.status.leading = {Standing::kNobody, 4, {}};
  fixture.log.status.members[0].state = MemberState::kFollower;
  fixture.log.status.members[1].state = MemberState::kUnknown;
  CHECK_FALSE(fixture.ask<QuorumReply>(QuorumRequest{}).ok());
  const auto view = fixture.ask<QuorumReply>(QuorumRequest{true});
  REQUIRE(view.ok());
  CHECK(view->self == kSelf);
  CHECK(view->leader == 0);
  CHECK(view->term == 4);
  REQUIRE(view->members.size() == 2);
  CHECK(view->members[0].state == "follower");
  CHECK(view->members[1].address == "h2:8020");
}

TEST_CASE("a learner that did not get to join makes room for its next try") {
  Fixture fixture;
  auto& learner = fixture.log.status.members.emplace_back();
  learner.member = {6, "h3:8020"};
  learner.role = MemberRole::kLearner;
  learner.state = MemberState::kUnreachable;
  REQUIRE(fixture.ask<Joined>(JoinCluster{7, "h3:8020"}).ok());
  CHECK(fixture.log.removed == std::vector<MemberId>{6});
  REQUIRE(fixture.log.added.size() == 1);
  CHECK(fixture.log.added[0].replaces == 0);
}

TEST_CASE("a learner that never comes makes room for whoever asks next") {
  Fixture fixture;
  auto& learner = fixture.log.status.members.emplace_back();
  learner.member = {6, "h3:8020"};
  learner.role = MemberRole::kLearner;
  learner.state = MemberState::kUnreachable;
  const auto waits = fixture.ask<Joined>(JoinCluster{7, "h4:8020"});
  REQUIRE_FALSE(waits.ok());
  CHECK(waits.error().code == Errc::kBusy);
  fixture.log.status.members.back().silent = std::chrono::minutes(1);
  REQUIRE(fixture.ask<Joined>(JoinCluster{7, "h4:8020"}).ok());
  CHECK(fixture.log.removed == std::vector<MemberId>{6});
  REQUIRE(fixture.log.added.size() == 1);
  CHECK(fixture.log.added[0].member.id == 7);
}

TEST_CASE("whose name leads everybody to itself does not join those of other machines") {
  Fixture fixture;
  const auto joined = fixture.ask<Joined>(JoinCluster{7, "mirror:8020"});
  REQUIRE_FALSE(joined.ok());
  CHECK(joined.error().code == Errc::kInvalidArgument);
  CHECK(fixture.looked_up == std::vector<std::string>{"mirror:8020", "h1:8020", "h2:8020"});
  CHECK(fixture.log.added.empty());
}

TEST_CASE("a resolver that says nothing holds nobody up") {
  Fixture fixture;
  fixture.resolver_answers = false;
  CHECK(fixture.ask<Joined>(JoinCluster{7, "mirror:8020"}).ok());
  CHECK(fixture.log.added.size() == 1);
}

TEST_CASE("what the log says to a change is what is answered") {
  Fixture fixture;
  fixture.log.change_answer = Error{Errc::kBusy, "another change of members is under way"};
  const auto joined = fixture.ask<Joined>(JoinCluster{7, "h3:8020"});
  REQUIRE_FALSE(joined.ok());
  CHECK(joined.error().code == Errc::kBusy);
  const auto removed = fixture.ask<Accepted>(RemoveNamenode{kOther});
  REQUIRE_FALSE(removed.ok());
  CHECK(removed.error().code == Errc::kBusy);
}

TEST_CASE("leadership is handed to a voter that there is") {
  Fixture fixture;
  CHECK(fixture.ask<Accepted>(TransferLeadership{kOther}).ok());
  CHECK(fixture.log.transferred == kOther);
  CHECK(fixture.ask<Accepted>(TransferLeadership{kSelf}).ok());  // It leads already.
  const auto unknown = fixture.ask<Accepted>(TransferLeadership{99});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == Errc::kNotFound);
  fixture.log.transfer_answer = Error{Errc::kTimedOut, "nobody took it"};
  const auto kept = fixture.ask<Accepted>(TransferLeadership{kOther});
  REQUIRE_FALSE(kept.ok());
  CHECK(kept.error().code == Errc::kTimedOut);
}

TEST_CASE("the members are told as the leader sees them") {
  Fixture fixture;
  const auto reply = fixture.ask<QuorumReply>(QuorumRequest{});
  REQUIRE(reply.ok());
  CHECK(reply->leader == kSelf);
  CHECK(reply->term == 3);
  REQUIRE(reply->members.size() == 2);
  CHECK(reply->members[0].state == "leader");
  CHECK(reply->members[1].address == "h2:8020");
}

TEST_CASE("a mark is logged, and what was never marked is not known") {
  Fixture fixture;
  const auto marked = fixture.ask<MarkedForDigests>(MarkForDigests{});
  REQUIRE(marked.ok());
  CHECK(metadata::mark_of(fixture.log.proposed) == marked->mark);
  const auto digest = fixture.ask<DigestReply>(DigestRequest{marked->mark});
  REQUIRE(digest.ok());
  CHECK(digest->self == kSelf);
  CHECK(digest->state == "unknown");
}
