#include "client/link/namenode_link.hpp"

#include <sys/socket.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "actors/admission.hpp"
#include "net/listen.hpp"
#include "unit/client/fake_cluster.hpp"
#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

net::Listening listening() {
  auto listening = net::listen_on({"127.0.0.1", 0}, net::Deadline::max());
  REQUIRE(listening.ok());
  return std::move(listening).value();
}

// A port where nobody listens (any more).
metadata::Endpoint closed_port() { return {"127.0.0.1", listening().port}; }

metadata::MakeDirectory mkdir(const std::string& path) {
  metadata::MakeDirectory change;
  change.path = path;
  return change;
}

// A namenode that lets in nobody who does not know its secret.
struct Guarded {
  Guarded() {
    actors::AdmissionOptions options;
    options.credentials =
        std::make_shared<const auth::Credentials>(auth::Key(auth::random_bytes()));
    auto opened = actors::ControlListener::open(std::move(options));
    REQUIRE(opened.ok());
    listener = std::move(opened).value();
    listener->start([](actors::AdmittedConnection) {});
  }
  metadata::Endpoint address() const { return {"127.0.0.1", listener->port()}; }
  std::unique_ptr<actors::ControlListener> listener;
};

struct Fixture {
  std::shared_ptr<FakeNamespace> names = std::make_shared<FakeNamespace>();
  std::unique_ptr<FakeNamenode> namenode = std::make_unique<FakeNamenode>(names, 0);
};

TEST_CASE("An unreachable namenode is an error with its address, the time-out and the reason") {
  const auto address = closed_port();
  NamenodeLink link({{address}, milliseconds(2000), milliseconds(200)});
  const auto status = link.call(actors::StatRequest{"/"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kUnavailable);
  CHECK(status.error().message == "cannot reach the namenode at " + metadata::to_string(address) +
                                      " within 200 ms: connection refused");
}

TEST_CASE("A host that accepts and says nothing is given up at the time-out") {
  const auto silent = listening();
  NamenodeLink link({{{"127.0.0.1", silent.port}}, milliseconds(100), milliseconds(300)});
  const auto status = link.call(actors::StatRequest{"/"});
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message,
             Catch::Contains("cannot reach the namenode at") && Catch::Contains("within 300 ms"));
}

TEST_CASE("Answers and errors of the namenode come back as they are") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  CHECK(link.call(actors::StatRequest{"/"}).ok());
  const auto missing = link.call(actors::StatRequest{"/missing"});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == Errc::kNotFound);
  CHECK(missing.error().message == "/missing: not found");
  const auto cluster = link.cluster();
  REQUIRE(cluster.ok());
  CHECK(*cluster == fixture.names->cluster);
}

TEST_CASE("A namenode of this process is asked without a connection") {
  Fixture fixture;
  LinkOptions options;
  options.namenodes = {closed_port()};
  options.local = fixture.namenode->local(options.namenodes[0]);
  SECTION("as any other one") {
    NamenodeLink link(options);
    CHECK(link.call(actors::StatRequest{"/"}).ok());
    CHECK(link.call(mkdir("/a")).ok());
    CHECK(link.call(actors::StatRequest{"/missing"}).error().code == Errc::kNotFound);
    CHECK(link.cluster().value() == fixture.names->cluster);
  }
  SECTION("by one link after the other") {
    for (int i = 0; i < 50; ++i) {
      NamenodeLink link(options);
      CHECK(link.call(actors::StatRequest{"/"}).ok());
      link.submit<actors::StatRequest>({"/"}, [](const auto&) {});
    }
  }
}

TEST_CASE("What is asked for while a link ends is answered before it has") {
  Fixture fixture;
  int cancelled = 0;
  std::unique_ptr<NamenodeLink> link;
  NamenodeLink* asked = nullptr;  // Also while it ends.
  std::function<void(const Result<metadata::FileStatus>&)> ask_again = [&](const auto& status) {
    if (!status.ok() && status.error().code == Errc::kCancelled) ++cancelled;
    if (cancelled < 5) asked->submit<actors::StatRequest>({"/"}, ask_again);
  };
  SECTION("by the link's end") {
    link = std::make_unique<NamenodeLink>(LinkOptions{{closed_port()}});
    asked = link.get();
    link->submit<actors::StatRequest>({"/"}, ask_again);
  }
  SECTION("just before") {
    link = std::make_unique<NamenodeLink>(LinkOptions{{fixture.namenode->address()}});
    asked = link.get();
    std::promise<void> told;
    link->submit<actors::StatRequest>({"/"}, [&](const auto& status) {
      told.set_value();
      std::this_thread::sleep_for(milliseconds(50));  // Meanwhile the end begins.
      ask_again(status);
    });
    told.get_future().wait();
  }
  link.reset();
  CHECK(cancelled == 5);
}

TEST_CASE("A link ends although a namenode that it dials says nothing") {
  const auto silent = listening();
  const auto start = std::chrono::steady_clock::now();
  {
    NamenodeLink link({{{"127.0.0.1", silent.port}}, milliseconds(60'000), milliseconds(100)});
    CHECK(link.call(actors::StatRequest{"/"}).error().code == Errc::kUnavailable);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("The addresses of several namenodes are tried in turn") {
  Fixture fixture;
  NamenodeLink link({{closed_port(), closed_port(), fixture.namenode->address()}});
  CHECK(link.call(actors::StatRequest{"/"}).ok());
}

TEST_CASE("When all namenodes refuse for want of their secret, a request ends at once") {
  const Guarded first;
  const Guarded second;
  NamenodeLink link(
      {{first.address(), second.address()}, milliseconds(2000), milliseconds(60'000)});
  const auto start = std::chrono::steady_clock::now();
  const auto status = link.call(actors::StatRequest{"/"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kPermissionDenied);
  CHECK_THAT(status.error().message, Catch::Contains(metadata::to_string(first.address())) &&
                                         Catch::Contains(metadata::to_string(second.address())) &&
                                         Catch::Contains("secret is asked for"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
}

TEST_CASE("That one namenode refuses is told, and the others are tried on") {
  const Guarded guarded;
  NamenodeLink link({{guarded.address(), closed_port()}, milliseconds(2000), milliseconds(500)});
  const auto status = link.call(actors::StatRequest{"/"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kUnavailable);
  CHECK_THAT(status.error().message,
             Catch::Contains("within 500 ms") && Catch::Contains("secret is asked for"));
  Fixture fixture;
  NamenodeLink other({{guarded.address(), fixture.namenode->address()}});
  CHECK(other.call(actors::StatRequest{"/"}).ok());
}

TEST_CASE("Errors that may go away are asked again until the answer comes") {
  for (const auto code : {Errc::kSafeMode, Errc::kUnavailable, Errc::kTimedOut, Errc::kNotLeader}) {
    INFO(errc_info(code).name);
    Fixture fixture;
    int failures = 2;
    fixture.names->failure = [&](const std::string&) -> std::optional<Error> {
      if (failures-- > 0) return Error{code, "not now"};
      return std::nullopt;
    };
    NamenodeLink link({{fixture.namenode->address()}});
    CHECK(link.call(actors::StatRequest{"/"}).ok());
    CHECK(fixture.names->requests["stat"] == 3);
  }
}

TEST_CASE("An error that stays is returned in the namenode's words") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  REQUIRE(link.cluster().ok());  // The connection is there; only the answers are not.
  fixture.names->failure = [](const std::string&) {
    return Error{Errc::kSafeMode, "in safe mode: 3 of 10 blocks known"};
  };
  const auto status = link.call(actors::StatRequest{"/"}, milliseconds(1000));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kSafeMode);
  CHECK(status.error().message == "in safe mode: 3 of 10 blocks known");
  CHECK(fixture.names->requests["stat"] > 1);
}

TEST_CASE("A change whose answer was lost is asked again and done once") {
  Fixture fixture;
  int failures = 3;
  fixture.names->failure = [&](const std::string&) -> std::optional<Error> {
    if (failures-- > 0) return Error{Errc::kTimedOut, "too late"};
    return std::nullopt;
  };
  NamenodeLink link({{fixture.namenode->address()}});
  const auto reply = link.call(mkdir("/a"));
  REQUIRE(reply.ok());
  CHECK(reply->outcomes.front().ok());
  CHECK(fixture.names->requests["mkdir"] == 4);
  CHECK(fixture.names->changes_done == 1);
}

TEST_CASE("A slow answer is waited for, over the same connection and without asking again") {
  Fixture fixture;
  std::promise<void> never;
  const auto slow = never.get_future().share();
  fixture.names->failure = [slow](const std::string&) -> std::optional<Error> {
    slow.wait_for(milliseconds(1200));
    return std::nullopt;
  };
  NamenodeLink link({{fixture.namenode->address()}, milliseconds(500), milliseconds(1000)});
  CHECK(link.call(actors::StatRequest{"/"}, milliseconds(20'000)).ok());
  CHECK(fixture.names->requests["stat"] == 1);
}

TEST_CASE("Changes are numbered one after another") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  for (const char* path : {"/a", "/b", "/c"}) REQUIRE(link.call(mkdir(path)).ok());
  std::uint64_t expected = 1;
  REQUIRE(fixture.names->client_ids.size() == 1);
  for (const auto& [key, reply] : fixture.names->answers) {
    CHECK(key.first == fixture.names->client_ids[0]);
    CHECK(key.second == expected++);
  }
  CHECK(expected == 4);
}

TEST_CASE("A client that the namenode has forgotten takes another id and asks for the first time") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  REQUIRE(link.call(mkdir("/a")).ok());
  {
    const std::lock_guard lock(fixture.names->mutex);
    fixture.names->forgotten = {fixture.names->client_ids.at(0)};
  }
  std::vector<std::future<bool>> answers;
  for (int i = 0; i < 8; ++i) {
    auto promise = std::make_shared<std::promise<bool>>();
    answers.push_back(promise->get_future());
    link.submit<metadata::MakeDirectory>(mkdir("/d" + std::to_string(i)), [promise](auto reply) {
      promise->set_value(reply.ok() && reply->outcomes[0].ok());
    });
  }
  for (auto& answer : answers) CHECK(answer.get());
  CHECK(fixture.names->changes_done == 9);
  CHECK(fixture.names->client_ids.size() == 2);
}

TEST_CASE("A client that was forgotten between two tries says that it does not know the outcome") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  int failures = 2;
  fixture.names->failure = [&](const std::string& kind) -> std::optional<Error> {
    if (kind != "mkdir" || failures-- == 0) return std::nullopt;
    fixture.names->forgotten = {fixture.names->client_ids.at(0)};
    return Error{Errc::kTimedOut, "too late"};
  };
  const auto reply = link.call(mkdir("/a"));
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kExpired);
  CHECK_THAT(reply.error().message, Catch::Contains("not known"));
  CHECK(fixture.names->changes_done == 1);
  // What comes next is asked for under another id.
  CHECK(link.call(mkdir("/b")).ok());
}

TEST_CASE("Requests go on at a namenode that was started again") {
  Fixture fixture;
  const auto address = fixture.namenode->address();
  NamenodeLink link({{address}});
  REQUIRE(link.call(mkdir("/before")).ok());
  fixture.namenode.reset();

  std::vector<std::future<bool>> answers;
  for (int i = 0; i < 16; ++i) {
    auto promise = std::make_shared<std::promise<bool>>();
    answers.push_back(promise->get_future());
    link.submit<metadata::MakeDirectory>(mkdir("/d" + std::to_string(i)), [promise](auto reply) {
      promise->set_value(reply.ok() && reply->outcomes[0].ok());
    });
  }
  fixture.namenode = std::make_unique<FakeNamenode>(fixture.names, address.port);
  for (auto& answer : answers) CHECK(answer.get());
  CHECK(fixture.names->changes_done == 17);
  CHECK(fixture.names->directories.size() == 18);
}

TEST_CASE("Many requests are in flight at once, and every one is answered") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  constexpr int kCount = 5000;
  std::atomic<int> good{0};
  std::atomic<int> left{kCount};
  std::promise<void> all;
  for (int i = 0; i < kCount; ++i) {
    link.submit<actors::StatRequest>({"/"}, [&](auto reply) {
      if (reply.ok()) ++good;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  CHECK(good == kCount);
}

TEST_CASE("Requests without an answer end when the link does") {
  std::promise<Errc> ended;
  {
    NamenodeLink link({{closed_port()}});
    link.submit<actors::StatRequest>({"/"},
                                     [&](auto reply) { ended.set_value(reply.error().code); });
  }
  CHECK(ended.get_future().get() == Errc::kCancelled);
}

TEST_CASE("A writer that excluded nodes hears at once that there is no other") {
  Fixture fixture;
  NamenodeLink link({{fixture.namenode->address()}});
  actors::AllocateBlocks request;
  request.replication = 1;
  request.excluded = {NodeId{1, 1}};
  const auto grant = link.call(request);
  REQUIRE_FALSE(grant.ok());
  CHECK(grant.error().code == Errc::kNoDatanode);
  CHECK(fixture.names->requests["allocate"] == 1);
}

// Three namenodes, of which the first one leads.
struct Quorum {
  Quorum() {
    for (metadata::QuorumId id = 1; id <= 3; ++id) {
      namenodes.push_back(std::make_unique<FakeNamenode>(names, 0, id));
      names->quorum.members.push_back({id, namenodes.back()->address()});
    }
  }

  metadata::Endpoint address(metadata::QuorumId id) const { return namenodes[id - 1]->address(); }
  void lead(metadata::QuorumId id) {
    const std::lock_guard lock(names->mutex);
    ++names->quorum.term;
    names->quorum.leader = id;
  }

  std::shared_ptr<FakeNamespace> names = std::make_shared<FakeNamespace>();
  std::vector<std::unique_ptr<FakeNamenode>> namenodes;
};

TEST_CASE("Any namenode of several is good: it names the one that leads") {
  Quorum quorum;
  for (metadata::QuorumId id = 1; id <= 3; ++id) {
    NamenodeLink link({{quorum.address(id)}});
    CHECK(link.call(mkdir("/d" + std::to_string(id))).ok());
  }
  CHECK(quorum.names->changes_done == 3);
}

TEST_CASE("Changes that the leader's death left unanswered are done once, by its successor") {
  Quorum quorum;
  NamenodeLink link({{quorum.address(1)}});
  REQUIRE(link.call(mkdir("/before")).ok());
  // The first one does each change and does not say so.
  std::atomic<bool> mute{true};
  quorum.names->failure = [&](const std::string&) -> std::optional<Error> {
    if (mute) return Error{Errc::kBusy, "not now"};
    return std::nullopt;
  };
  std::vector<std::future<bool>> answers;
  for (int i = 0; i < 16; ++i) {
    auto promise = std::make_shared<std::promise<bool>>();
    answers.push_back(promise->get_future());
    link.submit<metadata::MakeDirectory>(mkdir("/d" + std::to_string(i)), [promise](auto reply) {
      promise->set_value(reply.ok() && reply->outcomes[0].ok());
    });
  }
  quorum.namenodes[0].reset();
  quorum.lead(3);
  mute = false;
  for (auto& answer : answers) CHECK(answer.get());
  CHECK(quorum.names->changes_done == 17);
}

TEST_CASE("Requests wait while nobody leads, up to their own time-outs") {
  Quorum quorum;
  quorum.lead(0);
  NamenodeLink link({{quorum.address(2)}});
  const auto late = link.call(actors::StatRequest{"/"}, milliseconds(400));
  REQUIRE_FALSE(late.ok());
  CHECK(late.error().code == Errc::kUnavailable);
  CHECK_THAT(late.error().message, Catch::Contains("no namenode was found that leads"));
  std::promise<bool> answered;
  link.submit<actors::StatRequest>({"/"},
                                   [&](const auto& reply) { answered.set_value(reply.ok()); });
  quorum.lead(3);
  CHECK(answered.get_future().get());
}

TEST_CASE("A leader that is silent is left when another one leads, which does nothing twice") {
  Quorum quorum;
  FreezingRelay relay(quorum.address(1).port);
  quorum.names->quorum.members[0].address = relay.address();
  NamenodeLink link({{relay.address()}});
  REQUIRE(link.call(mkdir("/before")).ok());
  relay.freeze();
  std::promise<bool> answered;
  link.submit<metadata::MakeDirectory>(mkdir("/a"),
                                       [&](const auto& reply) { answered.set_value(reply.ok()); });
  quorum.lead(2);
  CHECK(answered.get_future().get());
  CHECK(quorum.names->changes_done == 2);
}

}  // namespace
}  // namespace minidfs::client
