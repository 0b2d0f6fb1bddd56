// A simulated cluster: members, the network between them, and the clients that use them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "sim/raft/checker.hpp"
#include "sim/raft/history.hpp"
#include "sim/raft/member.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim::raft {

inline constexpr int kClients = 3;

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed);

  void start();
  // With one voter, whom others may join.
  bool began_alone() const { return began_alone_; }
  Member* find(MemberId id);
  // The one that leads in the newest term; nullptr when none does.
  Member* leader();
  // Empty, and to be made a member.
  Member& add_empty_member();
  void start_later(Member& member);
  std::uint64_t next_command() { return ++last_command_; }

  // As a client does.
  void read_from(Member& member);
  void stop_clients() { clients_stopped_ = true; }

  // --- The network ---
  void send(MemberId to, Packet packet);
  void send_seed(Member& from, MemberId to, milliseconds takes);
  void cut(MemberId from, MemberId to) { cut_.insert({from, to}); }
  void mend(MemberId from, MemberId to) { cut_.erase({from, to}); }
  bool is_cut(MemberId from, MemberId to) const { return cut_.contains({from, to}); }
  void delay_to(MemberId to, bool late) { late ? void(late_.insert(to)) : void(late_.erase(to)); }
  void heal_network();
  bool healed = false;
  bool lossy = false;    // One message in five.
  bool slow = false;     // Some messages by seconds.
  bool doubles = false;  // One message in five comes twice, the second time perhaps late.

  World world;
  Checker checker{*this};
  History history{world};
  std::vector<std::unique_ptr<Member>> members;  // Also those that were removed.

 private:
  void client();
  Member& whom_to_ask();
  void seed_arrives(Member& from, std::uint64_t life, MemberId to, const SimState& state);

  std::set<std::pair<MemberId, MemberId>> cut_;
  std::set<MemberId> late_;
  bool began_alone_ = false;
  MemberId last_member_ = 0;
  std::uint64_t last_command_ = 0;
  bool clients_stopped_ = false;
};

}  // namespace minidfs::sim::raft
