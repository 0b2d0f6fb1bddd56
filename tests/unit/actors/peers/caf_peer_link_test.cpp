#include "actors/peers/caf_peer_link.hpp"

#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random_id.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using consensus::ConnectionEpoch;
using consensus::MemberAddress;
using consensus::MemberId;
using namespace std::chrono_literals;

namespace {

constexpr ClusterId kCluster{0xC1, 0xC2};
constexpr std::chrono::seconds kPatience{30};

// What a log hears, checked against the contract as it comes.
class Inbox final : public consensus::PeerInbox {
 public:
  void connected(MemberId peer, ConnectionEpoch epoch, InterfaceVersion version) override {
    const std::lock_guard lock(mutex_);
    versions_[peer] = version;
    wrong_ |= epoch <= last_epoch_;
    last_epoch_ = epoch;
    open_[peer] = epoch;
    changed_.notify_all();
  }
  void received(MemberId peer, ConnectionEpoch epoch, std::string bytes) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !held_; });
    wrong_ |= !open_.contains(peer) || open_[peer] != epoch;
    got_[peer].push_back(std::move(bytes));
    changed_.notify_all();
  }
  void disconnected(MemberId peer, ConnectionEpoch epoch) override {
    const std::lock_guard lock(mutex_);
    if (open_.contains(peer) && open_[peer] == epoch) open_.erase(peer);
    ++ends_;
    changed_.notify_all();
  }

  // As a process that stands still.
  void hold() { set_held(true); }
  void let_go() { set_held(false); }

  bool wait(const std::function<bool()>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, holds);
  }
  bool wait_open(MemberId peer) {
    return wait([&] { return open_.contains(peer); });
  }
  bool wait_apart(MemberId peer) {
    return wait([&] { return !open_.contains(peer); });
  }
  bool wait_newer(MemberId peer, ConnectionEpoch than) {
    return wait([&] { return open_.contains(peer) && open_[peer] > than; });
  }
  bool wait_got(MemberId peer, std::size_t count) {
    return wait([&] { return got_[peer].size() >= count; });
  }
  ConnectionEpoch epoch(MemberId peer) {
    const std::lock_guard lock(mutex_);
    return open_.contains(peer) ? open_[peer] : 0;
  }
  InterfaceVersion version(MemberId peer) {
    const std::lock_guard lock(mutex_);
    return versions_[peer];
  }
  std::vector<std::string> got(MemberId peer) {
    const std::lock_guard lock(mutex_);
    return got_[peer];
  }
  bool wrong() {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  void set_held(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::map<MemberId, ConnectionEpoch> open_;
  std::map<MemberId, InterfaceVersion> versions_;
  std::map<MemberId, std::vector<std::string>> got_;
  ConnectionEpoch last_epoch_ = 0;
  std::size_t ends_ = 0;
  bool wrong_ = false;
};

// A process of a member, as far as others see it.
struct Member {
  explicit Member(MemberId self, std::uint16_t port = 0, ClusterId cluster = kCluster,
                  auth::CredentialsPtr credentials = {},
                  InterfaceVersions versions = own_versions(), PeerTable::Times times = {})
      : id(self) {
    AdmissionOptions options;
    options.port = port;
    options.cluster = cluster;
    options.process = random_id<ProcessId>();
    options.credentials = credentials;
    options.versions = versions;
    auto opened = ControlListener::open(options);
    REQUIRE(opened.ok());
    listener = std::move(opened).value();
    PeerLinkOptions link_options;
    link_options.dial.cluster = cluster;
    link_options.dial.credentials = credentials;
    link_options.dial.versions = versions;
    link_options.times = times;
    link_options.dial.twin_for = 500ms;
    link_options.dial.on_twin = [this](const Error& error) { twin.set_value(error); };
    link = std::make_unique<CafPeerLink>(link_options, *listener);
    link->start(self, inbox);
    listener->start([](AdmittedConnection) {}, link->door());
  }
  ~Member() {
    listener.reset();
    link.reset();
    CHECK_FALSE(inbox.wrong());
  }

  MemberAddress address() const { return {id, "127.0.0.1:" + std::to_string(listener->port())}; }
  void reach(const std::vector<const Member*>& others) {
    std::vector<MemberAddress> addresses;
    for (const auto* other : others) addresses.push_back(other->address());
    link->reach(addresses);
  }

  const MemberId id;
  std::unique_ptr<ControlListener> listener;
  Inbox inbox;
  std::promise<Error> twin;
  std::unique_ptr<CafPeerLink> link;
};

void connect(Member& a, Member& b) {
  a.reach({&b});
  b.reach({&a});
  REQUIRE(a.inbox.wait_open(b.id));
  REQUIRE(b.inbox.wait_open(a.id));
}

}  // namespace

TEST_CASE("two members connect, and what they send arrives in order") {
  Member a(1);
  Member b(2);
  connect(a, b);
  for (int i = 0; i < 1000; ++i) {
    a.link->send(2, "to b " + std::to_string(i));
    b.link->send(1, "to a " + std::to_string(i));
  }
  REQUIRE(a.inbox.wait_got(2, 1000));
  REQUIRE(b.inbox.wait_got(1, 1000));
  for (std::size_t i = 0; i < 1000; ++i) {
    CHECK(a.inbox.got(2)[i] == "to a " + std::to_string(i));
    CHECK(b.inbox.got(1)[i] == "to b " + std::to_string(i));
  }
}

TEST_CASE("members learn one another's version, whoever has connected") {
  for (const auto dials : {1, 2}) {
    Member a(1, 0, kCluster, {}, {2, 1});
    Member b(2, 0, kCluster, {}, {3, 2});
    (dials == 1 ? a : b).reach({dials == 1 ? &b : &a});
    REQUIRE(a.inbox.wait_open(2));
    REQUIRE(b.inbox.wait_open(1));
    CHECK(a.inbox.version(2) == 3);
    CHECK(b.inbox.version(1) == 2);
  }
}

TEST_CASE("the largest message goes through") {
  Member a(1);
  Member b(2);
  connect(a, b);
  const std::string large(consensus::kPeerMessageMaxBytes, 'x');
  b.link->send(1, large);
  REQUIRE(a.inbox.wait_got(2, 1));
  CHECK(a.inbox.got(2).front() == large);
}

TEST_CASE("either one makes the connection, and it stays one") {
  const auto who = GENERATE(1, 2);
  Member a(1);
  Member b(2);
  (who == 1 ? a : b).reach({who == 1 ? &b : &a});
  REQUIRE(a.inbox.wait_open(2));
  REQUIRE(b.inbox.wait_open(1));
  (who == 1 ? b : a).reach({who == 1 ? &a : &b});
  const auto epoch = a.inbox.epoch(2);
  a.link->send(2, "one");
  b.link->send(1, "two");
  CHECK(b.inbox.wait_got(1, 1));
  CHECK(a.inbox.wait_got(2, 1));
  CHECK(a.inbox.epoch(2) == epoch);
}

TEST_CASE("members that reach each other at the same moment end with one connection that works") {
  for (int round = 0; round < 20; ++round) {
    Member a(1);
    Member b(2);
    std::thread other([&] { b.reach({&a}); });
    a.reach({&b});
    other.join();
    REQUIRE(a.inbox.wait_open(2));
    REQUIRE(b.inbox.wait_open(1));
    a.link->send(2, "x");
    REQUIRE(b.inbox.wait_got(1, 1));
    b.link->send(1, "y");
    REQUIRE(a.inbox.wait_got(2, 1));
  }
}

TEST_CASE("three members are all connected") {
  Member a(1);
  Member b(2);
  Member c(3);
  a.reach({&b, &c});
  b.reach({&a, &c});
  c.reach({&a, &b});
  for (auto* each : {&a, &b, &c}) {
    for (const auto* other : {&a, &b, &c}) {
      if (each != other) CHECK(each->inbox.wait_open(other->id));
    }
  }
}

TEST_CASE("a connection that is cut is made again, under a higher number") {
  Member a(1);
  Member b(2);
  connect(a, b);
  for (int round = 0; round < 10; ++round) {
    const auto of_a = a.inbox.epoch(2);
    const auto of_b = b.inbox.epoch(1);
    (round % 2 == 0 ? a : b).listener->cut_all();
    REQUIRE(a.inbox.wait_newer(2, of_a));
    REQUIRE(b.inbox.wait_newer(1, of_b));
    const auto count = b.inbox.got(1).size();
    a.link->send(2, "again");
    REQUIRE(b.inbox.wait_got(1, count + 1));
  }
}

TEST_CASE("what is sent as soon as there is a connection arrives, however early that is") {
  PeerTable::Times quick;
  quick.again_min = quick.again_max = 1ms;
  Member a(1, 0, kCluster, {}, own_versions(), quick);
  Member b(2, 0, kCluster, {}, own_versions(), quick);
  // As a log does, on a thread of its own.
  std::jthread sender([&a](const std::stop_token& stop) {
    ConnectionEpoch told = 0;
    while (!stop.stop_requested()) {
      const auto epoch = a.inbox.epoch(2);
      if (epoch != told && epoch != 0) a.link->send(2, "first");
      told = epoch;
    }
  });
  // On a busy machine, where the dialler is held up between its steps.
  std::vector<std::jthread> others;
  for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
    others.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
      }
    });
  }
  connect(a, b);
  for (std::size_t round = 1; round <= 200; ++round) {
    REQUIRE(b.inbox.wait_got(1, round));
    const auto before = a.inbox.epoch(2);
    a.listener->cut_all();
    REQUIRE(a.inbox.wait_newer(2, before));
  }
}

TEST_CASE("a member that starts again is connected again, whoever it is") {
  const auto which = GENERATE(MemberId{1}, MemberId{3});
  Member a(2);
  auto b = std::make_unique<Member>(which);
  const auto port = b->listener->port();
  connect(a, *b);
  const auto before = a.inbox.epoch(which);
  b.reset();
  REQUIRE(a.inbox.wait_apart(which));
  b = std::make_unique<Member>(which, port);
  b->reach({&a});
  REQUIRE(a.inbox.wait_newer(which, before));
  REQUIRE(b->inbox.wait_open(2));
  a.link->send(which, "welcome back");
  CHECK(b->inbox.wait_got(2, 1));
}

TEST_CASE("one that is not to be reached any more is cut, and may be reached again") {
  Member a(1);
  Member b(2);
  connect(a, b);
  b.reach({});
  a.link->reach({});
  REQUIRE(a.inbox.wait_apart(2));
  REQUIRE(b.inbox.wait_apart(1));
  connect(a, b);
}

TEST_CASE("a member of another cluster is not connected") {
  Member a(1);
  Member b(2, 0, ClusterId{7, 7});
  Member c(3);
  a.reach({&b, &c});
  c.reach({&a});
  REQUIRE(a.inbox.wait_open(3));
  CHECK(b.listener->stats().admitted == 0);
  CHECK(a.inbox.epoch(2) == 0);
}

TEST_CASE("an address at which another member answers is no way to a member") {
  Member a(1);
  Member b(2);
  Member c(3);
  a.link->reach({{2, c.address().address}, {3, c.address().address}});
  REQUIRE(a.inbox.wait_open(3));
  CHECK(a.inbox.epoch(2) == 0);
  a.link->reach({b.address(), c.address()});
  CHECK(a.inbox.wait_open(2));
}

TEST_CASE("a member whose address leads back to itself does not connect to itself") {
  Member a(1);
  Member b(2);
  a.link->reach({{3, a.address().address}, b.address()});
  REQUIRE(a.inbox.wait_open(2));
  CHECK(a.inbox.epoch(3) == 0);
}

TEST_CASE("a second process under a member's id is refused, and told") {
  const auto which = GENERATE(MemberId{1}, MemberId{3});
  Member a(2);
  Member b(which);
  connect(a, b);
  Member twin(which);
  auto told = twin.twin.get_future();
  twin.reach({&a});
  REQUIRE(told.wait_for(kPatience) == std::future_status::ready);
  CHECK(told.get().code == Errc::kInUse);
  CHECK(twin.inbox.epoch(2) == 0);
  a.link->send(which, "still you");
  CHECK(b.inbox.wait_got(2, 1));
}

TEST_CASE("a second process is refused, too, where another member than the first one's is") {
  Member a(1);
  Member b(2);
  Member first(3);
  Member twin(3);
  connect(a, first);
  connect(b, twin);
  auto told = twin.twin.get_future();
  a.reach({&b, &first});
  b.reach({&a, &twin});
  REQUIRE(told.wait_for(kPatience) == std::future_status::ready);
  CHECK(told.get().code == Errc::kInUse);
  CHECK(b.inbox.wait_apart(3));
  a.link->send(3, "still you");
  CHECK(first.inbox.wait_got(1, 1));
}

TEST_CASE("members prove the secret to one another") {
  const auto secret = std::make_shared<auth::Credentials>(auth::Key{});
  Member a(1, 0, kCluster, secret);
  Member b(2, 0, kCluster, secret);
  connect(a, b);
  Member stranger(3);
  stranger.reach({&a, &b});
  a.link->send(2, "x");
  REQUIRE(b.inbox.wait_got(1, 1));
  CHECK(a.inbox.epoch(3) == 0);
}

TEST_CASE("one for whom too much waits is cut, and connected again") {
  Member a(1);
  Member b(2);
  connect(a, b);
  const auto before = a.inbox.epoch(2);
  b.inbox.hold();
  const std::string large(1 << 20, 'x');
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (a.inbox.epoch(2) == before && std::chrono::steady_clock::now() < until) {
    a.link->send(2, large);
    std::this_thread::sleep_for(1ms);  // Else this thread alone has the link's mutex.
  }
  CHECK(a.inbox.epoch(2) != before);
  b.inbox.let_go();
  REQUIRE(a.inbox.wait_newer(2, before));
  const auto count = a.inbox.got(2).size();
  REQUIRE(b.inbox.wait_open(1));
  b.link->send(1, "here");
  CHECK(a.inbox.wait_got(2, count + 1));
}

TEST_CASE("nothing is heard after the end") {
  Member b(2);
  auto a = std::make_unique<Member>(1);
  connect(*a, b);
  std::atomic<bool> over{false};
  std::thread sender([&] {
    while (!over) {
      b.link->send(1, "x");
      std::this_thread::sleep_for(100us);
    }
  });
  REQUIRE(a->inbox.wait_got(2, 10));
  a->link->stop();
  const auto count = a->inbox.got(2).size();
  REQUIRE(b.inbox.wait_apart(1));
  CHECK(a->inbox.got(2).size() == count);
  over = true;
  sender.join();
}
