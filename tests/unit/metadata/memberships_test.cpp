// A datanode and several namenodes: who is told, who is obeyed, and who is a member at all. What
// goes on with each of them is in membership_test.cpp.
#include "metadata/memberships.hpp"

#include <catch2/catch.hpp>
#include <map>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const LifeId kLife{1, 2};

Endpoint host(int number) { return {"h" + std::to_string(number), 8020}; }

// Of member `self`, by whom `leader` leads.
QuorumView view(QuorumId self, std::uint64_t term, QuorumId leader,
                std::vector<QuorumMember> members) {
  return {self, term, leader, std::move(members)};
}

const std::vector<QuorumMember> kThree{{1, host(1)}, {2, host(2)}, {3, host(3)}};

// Answers every dial, registration and chunk of all namenodes at once, as each leads or follows.
class Driver {
 public:
  explicit Driver(const std::vector<Endpoint>& given)
      : node(MembershipOptions{}, KnownEpoch{}, given) {}

  void first_leads_three() {
    for (const auto& [id, address] : kThree) views[address] = view(id, 5, 1, kThree);
  }

  void run(milliseconds time) {
    for (const auto end = now + time;;) {
      const auto due = node.next_wake();
      if (!due.has_value() || *due > end) {
        now = end;
        return;
      }
      now = std::max(now, *due);
      carry_out(node.wake(now));
    }
  }

  // The process there has died.
  void die(const Endpoint& address) {
    views.erase(address);
    step(number_of(address), ConnectionClosed{connections_.at(address)});
  }

  MembershipNumber number_of(const Endpoint& address) const {
    for (const auto number : node.numbers()) {
      if (node.address(number) == address) return number;
    }
    return 0;
  }

  // What the namenodes at these addresses say.
  std::map<Endpoint, QuorumView> views;
  std::uint64_t leadership = 1;             // Of the one that leads by its own word.
  std::map<Endpoint, std::uint64_t> older;  // One that has not heard of it.
  std::map<Endpoint, int> registrations;
  std::map<Endpoint, int> reports;
  std::map<Endpoint, int> obeyed;
  std::map<Endpoint, int> beats;
  std::vector<FenceOrders> fences;
  TimePoint now{seconds(1000)};
  Memberships node;

 private:
  void step(MembershipNumber number, const MembershipEvent& event) {
    carry_out(node.step(number, event, now));
  }
  void carry_out(const std::vector<MembershipStep>& steps) {
    for (const auto& one : steps) {
      if (!node.contains(one.number)) continue;  // What another one said has ended it.
      std::visit([&](const auto& effect) { perform(one.number, effect); }, one.effect);
    }
  }
  KnownEpoch told(const Endpoint& address) const {
    const auto found = older.find(address);
    return {{kLife, found != older.end() ? found->second : leadership}, 0};
  }

  void perform(MembershipNumber number, const Dial& dial) {
    connections_[node.address(number)] = dial.connection;
    const bool there = views.contains(node.address(number));
    step(number, Dialed{dial.connection,
                        there ? std::nullopt : std::optional(Error{Errc::kUnavailable, ""})});
  }
  void perform(MembershipNumber, const HangUp&) {}
  void perform(MembershipNumber number, const SendRegistration& send) {
    const auto address = node.address(number);
    ++registrations[address];
    const auto& says = views.at(address);
    step(number,
         RegistrationAnswered{
             send.connection, send.request, ++reports_, told(address), {}, false, says.leads()});
    node.learn(number, says);
  }
  void perform(MembershipNumber number, const SendHeartbeat& send) {
    const auto address = node.address(number);
    ++beats[address];
    const auto& says = views.at(address);
    step(number,
         HeartbeatAnswered{
             send.connection, send.request, false, false, 0, told(address), {}, says.leads()});
    node.learn(number, says);
  }
  void perform(MembershipNumber number, const SendChunk& send) {
    ++reports[node.address(number)];
    step(number, ChunkAccepted{send.connection, send.request, true});
  }
  void perform(MembershipNumber number, const FenceOrders& fence) {
    fences.push_back(fence);
    step(number, Fenced{fence.fence});
  }
  void perform(MembershipNumber, const KeepKnown&) {}
  void perform(MembershipNumber number, const ObeyOrders& obey) {
    CHECK(obey.fence == fences.back().fence);
    ++obeyed[node.address(number)];
  }
  void perform(MembershipNumber, const Refused&) { FAIL("refused"); }

  std::uint64_t reports_ = 0;
  std::map<Endpoint, std::uint64_t> connections_;
};

}  // namespace

TEST_CASE("when the one that leads dies the others are told at once, and often until one leads") {
  Driver datanode({host(1)});
  datanode.first_leads_three();
  datanode.run(milliseconds(5'300));  // Between two heartbeats.
  const auto before = datanode.beats;
  datanode.die(host(1));
  for (const int other : {2, 3}) {
    CHECK(datanode.beats[host(other)] == before.at(host(other)) + 1);
  }
  datanode.run(seconds(1));
  CHECK(datanode.beats[host(2)] >= before.at(host(2)) + 5);
  // The next one is known soon.
  datanode.leadership = 2;
  for (const int other : {2, 3}) datanode.views[host(other)] = view(other, 6, 2, kThree);
  const auto registered = datanode.registrations[host(2)];
  datanode.run(milliseconds(250));
  CHECK(datanode.registrations[host(2)] == registered + 1);
  const auto calm = datanode.beats[host(3)];
  datanode.run(seconds(10));
  CHECK(datanode.beats[host(3)] <= calm + 11);
}

TEST_CASE("a datanode that is given one namenode reports to all, and obeys the one that leads") {
  Driver node({host(2)});
  node.first_leads_three();
  node.run(seconds(5));
  CHECK(node.node.numbers().size() == 3);
  for (int id = 1; id <= 3; ++id) {
    CHECK(node.registrations[host(id)] == 1);
    CHECK(node.reports[host(id)] == 1);
  }
  CHECK(node.obeyed[host(1)] >= 3);
  CHECK(node.obeyed[host(2)] == 0);
  CHECK(node.obeyed[host(3)] == 0);
  CHECK(node.fences.size() == 1);
}

TEST_CASE("when another one leads the node registers with it anew, and obeys no one else") {
  Driver node({host(1)});
  node.first_leads_three();
  node.run(seconds(5));
  node.leadership = 6;
  node.older[host(1)] = 1;  // The one before has not heard of it.
  node.views[host(3)] = view(3, 6, 3, kThree);
  node.run(seconds(2));
  CHECK(node.registrations[host(3)] == 2);
  CHECK(node.reports[host(3)] == 2);
  REQUIRE(node.fences.size() == 2);
  CHECK(node.fences[1].known.epoch.leadership == 6);
  CHECK(node.node.known().epoch == Epoch{kLife, 6});
  const auto before = node.obeyed[host(1)];
  const auto others = node.obeyed[host(3)];
  node.run(seconds(5));
  CHECK(node.obeyed[host(1)] == before);
  CHECK(node.obeyed[host(3)] >= others + 3);
  CHECK(node.registrations[host(1)] == 1);
  CHECK(node.registrations[host(2)] == 1);
}

TEST_CASE("a leader that leads no more is obeyed no more") {
  Driver node({host(1)});
  node.views[host(1)] = view(1, 5, 1, {{1, host(1)}});
  node.run(seconds(3));
  const auto before = node.obeyed[host(1)];
  CHECK(before > 0);
  node.views[host(1)] = view(1, 6, 0, {{1, host(1)}});
  node.run(seconds(3));
  CHECK(node.obeyed[host(1)] == before);
  CHECK(node.registrations[host(1)] == 1);
}

TEST_CASE("members that the leader no longer names are left, but for those that were given") {
  Driver node({host(1), host(2)});
  node.first_leads_three();
  node.run(seconds(3));
  REQUIRE(node.node.numbers().size() == 3);
  const std::vector<QuorumMember> others{{1, host(1)}, {4, host(4)}};
  node.views[host(4)] = view(4, 5, 1, others);
  node.views[host(1)] = view(1, 5, 1, others);
  node.run(seconds(3));
  CHECK(node.number_of(host(2)) != 0);
  CHECK(node.number_of(host(3)) == 0);
  CHECK(node.number_of(host(4)) != 0);
  CHECK(node.registrations[host(4)] == 1);
}

TEST_CASE("a namenode that is reached by two addresses is told once") {
  Driver node({{"alias", 8020}, host(1)});
  node.views[{"alias", 8020}] = view(1, 5, 1, {{1, host(1)}});
  node.views[host(1)] = node.views[{"alias", 8020}];
  node.run(seconds(5));
  CHECK(node.node.numbers().size() == 1);
  CHECK(node.registrations[{"alias", 8020}] == 1);
}

TEST_CASE("a namenode that says nothing of others is the only one") {
  Driver node({host(1)});
  node.views[host(1)] = view(1, 5, 1, {{1, {}}});
  node.run(seconds(5));
  CHECK(node.node.numbers().size() == 1);
  CHECK(node.obeyed[host(1)] > 0);
}

}  // namespace minidfs::metadata
