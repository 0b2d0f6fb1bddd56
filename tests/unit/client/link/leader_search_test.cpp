// Whom a client asks: by table, and by random walks against namenodes that die, stop, come back and
// take over from one another.
#include "client/link/leader_search.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <map>

#include "support/effects.hpp"

namespace minidfs::client {
namespace {

using metadata::Endpoint;
using metadata::QuorumView;
using std::chrono::milliseconds;
using std::chrono::seconds;
using TimePoint = LeaderSearch::TimePoint;

Endpoint host(int number) { return {"h" + std::to_string(number), 8020}; }

// Of the members 1, 2 and 3, at hosts of these numbers.
QuorumView view(metadata::QuorumId self, std::uint64_t term, metadata::QuorumId leader) {
  return {self, term, leader, {{1, host(1)}, {2, host(2)}, {3, host(3)}}};
}

// Of one that is alone.
QuorumView alone(std::uint64_t term) { return {1, term, 1, {{1, host(1)}}}; }

Error refused() { return {Errc::kUnavailable, "connection refused"}; }

// Steps a search and keeps the effects of the last step.
class Driver {
 public:
  explicit Driver(std::vector<Endpoint> namenodes, bool any_will_do = false)
      : search(options(std::move(namenodes), any_will_do)) {
    step(RequestsWait{});
  }

  void step(const SearchEvent& event) { effects = search.step(event, now); }
  void advance(milliseconds time) {
    std::vector<SearchEffect> all;
    const auto end = now + time;
    for (auto wake = search.next_wake(); wake && *wake <= end; wake = search.next_wake()) {
      now = std::max(now, *wake);
      step(SearchWoken{});
      all.insert(all.end(), effects.begin(), effects.end());
      REQUIRE(search.next_wake() != wake);
    }
    now = end;
    effects = all;
  }

  template <class Effect>
  std::vector<Effect> all() const {
    return test::effects_of<Effect>(effects);
  }
  template <class Effect>
  Effect only() const {
    return test::only_effect<Effect>(effects);
  }
  std::uint64_t dialed(const Endpoint& address) const {
    const auto dial = only<DialNamenode>();
    REQUIRE(dial.address == address);
    return dial.connection;
  }
  // The only dial of the last step succeeds.
  std::uint64_t connect() {
    const auto connection = only<DialNamenode>().connection;
    step(Dialed{connection, {}});
    return connection;
  }
  // Uses the leader 1, in term 5, of three; with one request under way.
  std::uint64_t lead_by_one() {
    const auto connection = connect();
    step(LeaderTold{connection, view(1, 5, 1)});
    step(RequestSent{connection});
    REQUIRE(search.used() == connection);
    return connection;
  }

  TimePoint now{seconds(1000)};
  LeaderSearch search;
  std::vector<SearchEffect> effects;

 private:
  static LeaderSearchOptions options(std::vector<Endpoint> namenodes, bool any_will_do) {
    LeaderSearchOptions options;
    options.namenodes = std::move(namenodes);
    options.any_will_do = any_will_do;
    return options;
  }
};

}  // namespace

TEST_CASE("The first namenode that is reached is used at once, and asked who leads") {
  Driver client({host(1)});
  const auto connection = client.connect();
  CHECK(client.only<UseConnection>().connection == connection);
  CHECK(client.only<AskWhoLeads>().connection == connection);
  client.step(LeaderTold{connection, alone(5)});
  CHECK(client.effects.empty());
  CHECK(client.search.used() == connection);
  CHECK(client.search.used_address() == host(1));
}

TEST_CASE("An address that refuses is followed by the next one at once, then by a pause") {
  Driver client({host(1), host(2)});
  const auto first = client.dialed(host(1));
  client.step(Dialed{first, refused()});
  const auto second = client.dialed(host(2));
  client.step(Dialed{second, refused()});
  CHECK(client.effects.empty());
  CHECK(client.search.dial_problem() == "connection refused");
  CHECK_FALSE(client.search.reaches_any());
  client.advance(milliseconds(24));
  CHECK(client.effects.empty());
  client.advance(milliseconds(26));
  CHECK_FALSE(client.all<DialNamenode>().empty());
}

TEST_CASE("An address that is slow to answer is left dialing, and the next one dialed beside it") {
  Driver client({host(1), host(2), host(3)});
  const auto slow = client.dialed(host(1));
  client.advance(milliseconds(149));
  CHECK(client.effects.empty());
  client.advance(milliseconds(1));
  client.dialed(host(2));
  const auto second = client.connect();
  CHECK(client.search.used() == second);
  // It comes late, and is of use all the same, when it leads.
  client.step(Dialed{slow, {}});
  CHECK(client.all<UseConnection>().empty());
  CHECK(client.only<AskWhoLeads>().connection == slow);
  client.step(LeaderTold{slow, view(1, 5, 1)});
  CHECK(client.search.used() == slow);
}

TEST_CASE("A member that does not lead names the one that does, and requests go there") {
  Driver client({host(2)});
  const auto follower = client.connect();
  client.step(RequestSent{follower});
  client.step(LeaderTold{follower, view(2, 5, 1)});
  CHECK(client.only<UseConnection>().connection == 0);
  const auto leader = client.dialed(host(1));
  client.step(Dialed{leader, {}});
  CHECK(client.only<UseConnection>().connection == leader);
}

TEST_CASE("A refusal that names nobody leaves the namenode, until it says that it leads") {
  Driver client({host(1)});
  const auto connection = client.connect();
  client.step(LeaderTold{connection, {}});
  CHECK(client.only<UseConnection>().connection == 0);
  client.step(AskFailed{connection});
  client.advance(milliseconds(60));
  CHECK_FALSE(client.all<AskWhoLeads>().empty());
  client.step(LeaderTold{connection, alone(5)});
  CHECK(client.only<UseConnection>().connection == connection);
}

TEST_CASE("While nobody leads those who are there are asked again and again, and the rest dialed") {
  Driver client({host(2)});
  const auto second = client.connect();
  client.step(LeaderTold{second, view(2, 5, 0)});
  std::size_t asked = 0;
  const auto first = client.dialed(host(1));
  client.step(Dialed{first, refused()});
  const auto third = client.dialed(host(3));
  client.step(Dialed{third, {}});
  client.step(LeaderTold{third, view(3, 5, 0)});
  for (int i = 0; i < 20; ++i) {
    client.advance(milliseconds(25));
    for (const auto& ask : client.all<AskWhoLeads>()) {
      ++asked;
      const metadata::QuorumId self = ask.connection == second ? 2 : 3;
      client.step(LeaderTold{ask.connection, view(self, 5, 0)});
      CHECK(client.search.used() == 0);
    }
  }
  CHECK(asked >= 10);
  CHECK(asked <= 40);
  client.advance(milliseconds(60));
  REQUIRE_FALSE(client.all<AskWhoLeads>().empty());
  client.step(LeaderTold{third, view(3, 6, 3)});
  CHECK(client.search.used() == third);
}

TEST_CASE("One that is silent is asked itself, and others are dialed beside it") {
  Driver client({host(1)});
  const auto first = client.lead_by_one();
  client.advance(milliseconds(299));
  CHECK(client.effects.empty());
  client.advance(milliseconds(1));
  CHECK(client.only<AskWhoLeads>().connection == first);
  const auto second = client.connect();
  CHECK(client.all<UseConnection>().empty());
  // As far as the other knows it still leads: the requests stay.
  client.step(LeaderTold{second, view(2, 5, 1)});
  CHECK(client.search.used() == first);
  // The request was long, that is all.
  client.step(LeaderTold{first, view(1, 5, 1)});
  CHECK(client.effects.empty());
  client.advance(milliseconds(299));
  CHECK(client.effects.empty());
  client.step(RequestAnswered{first, false});
  client.advance(seconds(9));
  CHECK(client.effects.empty());
}

TEST_CASE("A request goes to the next leader while the one before is silent") {
  Driver client({host(1)});
  const auto first = client.lead_by_one();
  client.advance(milliseconds(300));
  const auto second = client.connect();
  client.step(LeaderTold{second, view(2, 5, 1)});
  client.advance(milliseconds(60));
  client.step(LeaderTold{second, view(2, 6, 3)});
  const auto third = client.dialed(host(3));
  CHECK(client.search.used() == first);
  client.step(Dialed{third, {}});
  CHECK(client.only<UseConnection>().connection == third);
  // What the old one says later counts for nothing.
  for (const SearchEvent& late :
       std::vector<SearchEvent>{RequestAnswered{first, true}, LeaderTold{first, view(1, 5, 1)},
                                RequestSent{first}, ConnectionClosed{first}}) {
    CAPTURE(late.index());
    client.step(late);
    CHECK(client.all<UseConnection>().empty());
    CHECK(client.search.used() == third);
  }
}

TEST_CASE("A leader that says that it is none yet is asked until it is, whatever others say") {
  Driver client({host(2)});
  const auto second = client.connect();
  client.step(LeaderTold{second, view(2, 5, 3)});
  const auto third = client.connect();
  CHECK(client.search.used() == third);
  client.step(LeaderTold{third, view(3, 5, 0)});
  CHECK(client.only<UseConnection>().connection == 0);
  client.step(LeaderTold{second, view(2, 5, 3)});
  CHECK(client.all<UseConnection>().empty());
  client.step(LeaderTold{third, view(3, 5, 3)});
  CHECK(client.only<UseConnection>().connection == third);
}

TEST_CASE("What is known of a later term outweighs a leader of an earlier one") {
  Driver client({host(1), host(2)});
  const auto first = client.lead_by_one();
  client.advance(milliseconds(300));
  const auto second = client.connect();
  client.step(LeaderTold{second, view(2, 6, 2)});
  CHECK(client.search.used() == second);
  client.step(LeaderTold{first, view(1, 5, 1)});
  CHECK(client.search.used() == second);
  // It lost that leadership as well; the one of term 5 has not heard of any of this.
  client.step(LeaderTold{second, view(2, 6, 0)});
  client.step(LeaderTold{first, view(1, 5, 1)});
  CHECK(client.search.used() == 0);
}

TEST_CASE("What is known is forgotten when nobody leads by it: terms may begin anew") {
  Driver client({host(1)});
  const auto before = client.connect();
  client.step(LeaderTold{before, alone(500)});
  client.step(ConnectionClosed{before});
  // The namenode was put back from a backup.
  const auto after = client.connect();
  client.step(LeaderTold{after, alone(1)});
  CHECK(client.search.used() == 0);
  client.advance(seconds(2));
  CHECK(client.search.used() == 0);
  client.advance(milliseconds(1200));
  client.step(LeaderTold{after, alone(1)});
  CHECK(client.search.used() == after);
}

TEST_CASE("A connection that is closed is made again at once, unless it never carried anything") {
  Driver client({host(1)});
  const auto first = client.connect();
  client.step(RequestSent{first});
  client.step(RequestAnswered{first, true});
  client.step(ConnectionClosed{first});
  CHECK(client.only<UseConnection>().connection == 0);
  const auto second = client.connect();
  client.step(ConnectionClosed{second});
  CHECK(client.all<DialNamenode>().empty());
  client.advance(milliseconds(50));
  CHECK(client.all<DialNamenode>().size() == 1);
}

TEST_CASE("When the leader's connection is closed it is dialed again, then the others") {
  Driver client({host(1)});
  const auto first = client.lead_by_one();
  client.step(ConnectionClosed{first});
  const auto again = client.dialed(host(1));
  client.step(Dialed{again, refused()});
  const auto second = client.dialed(host(2));
  client.step(Dialed{second, {}});
  // It is not used before anything is known of who leads now.
  CHECK(client.all<UseConnection>().empty());
  client.step(LeaderTold{second, view(2, 6, 2)});
  CHECK(client.search.used() == second);
}

TEST_CASE("A connection that is silent for a minute is replaced") {
  Driver client({host(1)});
  const auto connection = client.connect();
  client.step(LeaderTold{connection, alone(5)});
  client.step(RequestSent{connection});
  client.advance(seconds(59));
  CHECK(client.all<HangUp>().empty());
  CHECK(client.all<DialNamenode>().empty());
  client.advance(seconds(1));
  CHECK(client.only<HangUp>().connection == connection);
  const auto dial = client.only<DialNamenode>();
  CHECK(dial.replace);
}

TEST_CASE("When any will do, the first that is met is used, until one refuses") {
  Driver client({host(1), host(2)}, true);
  const auto first = client.dialed(host(1));
  client.step(Dialed{first, {}});
  CHECK(client.search.used() == first);
  client.step(LeaderTold{first, view(1, 5, 2)});
  CHECK(client.search.used() == first);
  CHECK(client.all<DialNamenode>().empty());
  client.step(RefusedElsewhere{});
  const auto second = client.dialed(host(2));  // The one that leads.
  client.step(LeaderTold{first, view(1, 5, 2)});
  CHECK(client.search.used() == 0);
  client.step(Dialed{second, {}});
  CHECK(client.search.used() == second);
  // Once that has been found, and lost again, any will do again.
  client.step(LeaderTold{second, view(2, 5, 2)});
  client.step(ConnectionClosed{second});
  client.step(LeaderTold{first, view(1, 5, 2)});
  CHECK(client.search.used() == first);
}

TEST_CASE("When any will do, one that is silent is left for another one that answers") {
  Driver client({host(1), host(2)}, true);
  const auto first = client.dialed(host(1));
  client.step(Dialed{first, {}});
  client.step(RequestSent{first});
  client.advance(milliseconds(300));
  const auto second = client.dialed(host(2));
  client.step(Dialed{second, {}});
  CHECK(client.search.used() == first);  // It has said nothing either.
  client.step(LeaderTold{second, view(2, 5, 3)});
  CHECK(client.search.used() == second);
  client.step(LeaderTold{first, view(1, 5, 3)});
  CHECK(client.search.used() == second);
}

TEST_CASE("When all namenodes refuse for good, whoever waits is told") {
  const Error wrong{Errc::kWrongCluster, "belongs to another cluster"};
  Driver one({host(1)});
  one.step(Dialed{one.only<DialNamenode>().connection, wrong});
  CHECK(one.only<GiveUpAll>().error.code == Errc::kWrongCluster);
  Driver two({host(1), host(2)});
  two.step(Dialed{two.only<DialNamenode>().connection, wrong});
  CHECK(two.all<GiveUpAll>().empty());
  two.step(Dialed{two.dialed(host(2)), refused()});
  CHECK(two.all<GiveUpAll>().empty());
  CHECK(two.search.dial_problem() == wrong.message);
  Driver both({host(1), host(2)});
  both.step(Dialed{both.dialed(host(1)), wrong});
  both.step(Dialed{both.dialed(host(2)), wrong});
  CHECK(both.all<GiveUpAll>().size() == 1);
}

TEST_CASE("Nothing is dialed or asked while nobody waits") {
  Driver client({host(1), host(2)});
  const auto first = client.only<DialNamenode>().connection;
  client.step(NobodyWaits{});
  client.step(Dialed{first, refused()});
  CHECK(client.effects.empty());
  CHECK_FALSE(client.search.next_wake().has_value());
  client.now += seconds(10);
  client.step(RequestsWait{});
  client.dialed(host(2));
  const auto second = client.connect();
  client.step(NobodyWaits{});
  CHECK(client.search.used() == second);
  CHECK_FALSE(client.search.next_wake().has_value());
}

TEST_CASE("A given address is not dialed once more under the name that its member goes by") {
  Driver client({{"localhost", 8020}});
  const auto connection = client.connect();
  client.step(LeaderTold{connection, alone(5)});
  client.step(ConnectionClosed{connection});
  const auto again = client.only<DialNamenode>();
  CHECK(again.address.host == "localhost");
  // But when nobody is there any more.
  client.step(Dialed{again.connection, refused()});
  CHECK(client.dialed(host(1)) != 0);
}

TEST_CASE("Members are learnt from each answer, and those that have left are not dialed any more") {
  Driver client({host(1)});
  const auto first = client.connect();
  client.step(LeaderTold{first, view(1, 5, 1)});
  client.step(LeaderTold{first, {1, 5, 1, {{1, host(1)}, {4, host(4)}}}});
  client.step(RequestSent{first});
  client.step(ConnectionClosed{first});
  client.step(Dialed{client.dialed(host(1)), refused()});
  const auto fourth = client.dialed(host(4));
  client.step(Dialed{fourth, refused()});
  CHECK(client.effects.empty());
}

TEST_CASE("Who is a member is asked now and then while all is well") {
  Driver client({host(1)});
  const auto first = client.lead_by_one();
  std::size_t asked = 0;
  for (int i = 0; i < 600; ++i) {
    client.advance(milliseconds(100));
    client.step(RequestAnswered{first, true});
    if (client.all<AskWhoLeads>().empty()) continue;
    ++asked;
    client.step(LeaderTold{first, view(1, 5, 1)});
  }
  CHECK(asked >= 5);
  CHECK(asked <= 7);
}

namespace {

// Three namenodes that die, start, stand still and take over from one another, and a client with
// one request after another. What is under way takes its time, or for ever.
class Walk {
 public:
  explicit Walk(std::uint32_t seed) : random_(seed), search_(options(seed)) {}

  void run(int events) {
    step(RequestsWait{});
    for (int i = 0; i < events; ++i) turn(true);
    for (auto& node : nodes_) node.alive = true;
    for (auto& node : nodes_) node.still = false;
    if (leader_ == 0) elect();
    // Left in peace a request is answered within as long as a pause, a dial and two questions take.
    const auto healed = now_;
    const auto before = answered;
    while (answered == before) {
      REQUIRE(now_ - healed < milliseconds(3000));
      turn(false);
    }
  }

  int answered = 0;
  int moved = 0;        // Requests that were sent again elsewhere.
  int deposed = 0;      // Answers of one that had been leader.
  int out_of_date = 0;  // Events of earlier connections.

 private:
  struct Node {
    bool alive = true;
    bool still = false;
    std::uint64_t term = 1;  // As it knows.
    metadata::QuorumId leader = 1;
    std::vector<std::uint64_t> connections;
  };
  struct Pending {
    TimePoint at;
    metadata::QuorumId node = 0;
    std::uint64_t connection = 0;
    bool is_ask = false;
    bool is_request = false;
  };

  static LeaderSearchOptions options(std::uint32_t seed) {
    LeaderSearchOptions options;
    options.namenodes = {host(static_cast<int>(seed % 3) + 1)};
    options.seed = seed;
    return options;
  }

  bool chance(std::uint32_t percent) { return random_() % 100 < percent; }
  milliseconds soon(std::uint32_t most) { return milliseconds(1 + random_() % most); }
  Node& node(metadata::QuorumId id) { return nodes_[id - 1]; }

  // Whoever is alive hears of it now, or when it goes on.
  void elect() {
    ++term_;
    leader_ = 1 + random_() % 3;
    if (!node(leader_).alive || node(leader_).still) leader_ = 0;
    for (auto& one : nodes_) {
      if (!one.alive || one.still) continue;
      one.term = term_;
      one.leader = leader_;
    }
  }

  void turn(bool faults) {
    now_ += soon(40);
    if (faults) harm();
    if (leader_ == 0 && chance(10)) elect();
    for (auto& one : nodes_) {
      if (!one.alive || one.still || one.term == term_ || !chance(20)) continue;
      one.term = term_;
      one.leader = leader_;
    }
    serve();
    const auto wake = search_.next_wake();
    if (wake && *wake <= now_) step(SearchWoken{});
  }

  void harm() {
    const metadata::QuorumId id = 1 + random_() % 3;
    auto& victim = node(id);
    if (chance(2)) {
      victim.alive = false;
      victim.still = false;
      if (leader_ == id) leader_ = 0;
      for (const auto connection : std::exchange(victim.connections, {})) {
        step(ConnectionClosed{connection});
      }
    } else if (chance(2)) {
      victim.still = true;
      if (leader_ == id) leader_ = 0;
    } else if (chance(6)) {
      victim.still = false;
      victim.alive = true;
    } else if (chance(1)) {
      elect();
    }
  }

  void serve() {
    for (std::size_t i = 0; i < pending_.size();) {
      const auto one = pending_[i];
      if (one.at > now_ || (node(one.node).alive && node(one.node).still)) {
        ++i;
        continue;
      }
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
      answer(one);
    }
  }

  void answer(const Pending& one) {
    auto& at = node(one.node);
    const auto there = std::find(at.connections.begin(), at.connections.end(), one.connection);
    if (!one.is_ask && !one.is_request) {
      if (at.alive) at.connections.push_back(one.connection);
      step(Dialed{one.connection, at.alive ? std::nullopt : std::optional(refused())});
      return;
    }
    if (there == at.connections.end()) {
      ++out_of_date;
      return;
    }
    const bool claims = at.leader == one.node;
    if (one.is_ask || !claims) {
      if (claims && at.term != term_) ++deposed;
      if (one.is_request && one.connection == request_over_) request_over_ = 0;
      step(LeaderTold{one.connection, view(one.node, at.term, at.leader)});
      return;
    }
    if (one.connection != request_over_) return;
    if (at.term != term_) {  // It cannot confirm that it leads, and waits.
      pending_.push_back({now_ + soon(50), one.node, one.connection, false, true});
      return;
    }
    ++answered;
    request_over_ = 0;
    step(RequestAnswered{one.connection, false});
    send_request();
  }

  void send_request() {
    if (used_ == 0 || request_over_ == used_) return;
    if (request_over_ != 0) ++moved;  // The one before never answered.
    request_over_ = used_;
    pending_.push_back({now_ + soon(50), reached_.at(used_), used_, false, true});
    step(RequestSent{used_});
  }

  void step(const SearchEvent& event) {
    for (const auto& effect : search_.step(event, now_)) {
      std::visit([this](const auto& e) { perform(e); }, effect);
    }
    REQUIRE(used_ == search_.used());
  }

  void perform(const DialNamenode& dial) {
    REQUIRE(dial.connection > last_dial_);
    last_dial_ = dial.connection;
    const auto id = static_cast<metadata::QuorumId>(dial.address.host[1] - '0');
    reached_[dial.connection] = id;
    pending_.push_back({now_ + soon(60), id, dial.connection});
  }
  void perform(const AskWhoLeads& ask) {
    pending_.push_back({now_ + soon(20), reached_.at(ask.connection), ask.connection, true});
  }
  void perform(const UseConnection& use) {
    used_ = use.connection;
    if (use.connection == 0) return;
    const auto& there = node(reached_.at(use.connection)).connections;
    REQUIRE(std::find(there.begin(), there.end(), use.connection) != there.end());
    send_request();
  }
  void perform(const HangUp&) {}
  void perform(const GiveUpAll&) { FAIL("given up"); }

  std::minstd_rand random_;
  LeaderSearch search_;
  TimePoint now_{seconds(1000)};
  std::vector<Node> nodes_ = std::vector<Node>(3);
  std::uint64_t term_ = 1;
  metadata::QuorumId leader_ = 1;
  std::vector<Pending> pending_;
  std::map<std::uint64_t, metadata::QuorumId> reached_;
  std::uint64_t last_dial_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t request_over_ = 0;
};

}  // namespace

TEST_CASE("Random walks: whatever the namenodes do, the one that leads is found in the end") {
  int answered = 0;
  int moved = 0;
  int deposed = 0;
  int out_of_date = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    walk.run(1000);
    answered += walk.answered;
    moved += walk.moved;
    deposed += walk.deposed;
    out_of_date += walk.out_of_date;
  }
  CHECK(answered > 10'000);
  CHECK(moved > 300);
  CHECK(deposed > 300);
  CHECK(out_of_date > 300);
}

}  // namespace minidfs::client
