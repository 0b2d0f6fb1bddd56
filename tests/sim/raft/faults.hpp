// What a schedule does to a simulated cluster: faults, hand-overs of leadership, members that come
// and go. Each schedule draws the kinds that it uses.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "sim/raft/cluster.hpp"
#include "sim/raft/forgotten_votes.hpp"
#include "sim/raft/parting_logs.hpp"

namespace minidfs::sim::raft {

class Faults {
 public:
  explicit Faults(Cluster& cluster);

  // Now and again until heal().
  void begin();
  // Everything that is a member runs, and every wire works.
  void heal();
  std::size_t kinds() const { return happened_.size(); }

 private:
  enum class Kind : int {
    // Faults.
    kCrash,
    kCrashAll,
    kCrashLeaders,  // One after the other, as soon as they lead.
    kPause,
    kPauseLeader,
    kCutOneWay,
    kIsolateLeader,
    kStaleLeader,  // Hears late, and is cut off from those whom it leads.
    kPartition,
    kLossy,
    kSlowNetwork,
    kDoubles,
    kSlowDisk,
    kStraySeed,
    kPartingLogs,
    kForgottenVotes,
    // What an operator asks for.
    kTransfer,
    kMembers,
  };
  static constexpr auto kFaultKinds = static_cast<std::uint64_t>(Kind::kForgottenVotes) + 1;

  void next();
  void happen(Kind kind);
  Member& some_member();
  void crash(Member& member);
  void crash_leaders(int left);
  void pause(Member* member);
  void cut_one_way();
  void isolate(Member* member);
  void leave_stale(Member* leader);
  void part();
  void seed_unasked();
  void slow_disk();
  void transfer();
  void change_members(Member* leader);
  bool changes_members() const;
  std::optional<MemberSet> wanted_members(const Member& leader);
  Member* joiner(const MemberSet& members);
  void stop_removed();

  Cluster& cluster_;
  PartingLogs parting_logs_{cluster_};
  ForgottenVotes forgotten_votes_{cluster_};
  std::vector<Kind> kinds_;
  std::set<Kind> happened_;
  bool healed_ = false;
};

}  // namespace minidfs::sim::raft
