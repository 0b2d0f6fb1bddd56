// A fault of its own: figure 3.7 of Ongaro's dissertation. Two leaders in turn log what nobody else
// gets, and die. The first one comes back, brings some of it to the others and dies again; then the
// second one comes back, whose log is newer.
#pragma once

#include <functional>
#include <set>
#include <utility>

#include "sim/raft/cluster.hpp"

namespace minidfs::sim::raft {

class PartingLogs {
 public:
  explicit PartingLogs(Cluster& cluster) : cluster_(cluster) {}

  // What is asked of a leader that nobody hears.
  void when_stranded(std::function<void(Member&)> ask) { ask_ = std::move(ask); }
  // Takes some seconds. Nothing while one is under way, or nobody leads.
  void begin();

 private:
  using Then = std::function<void(Member&)>;

  void strand(Member& leader, const Then& then);
  void bring_back(Member& first, Member& second);
  void next_leader(const Then& then, int patience_ms = 2000);
  Member* bystander(const Member& first, const Member& second);
  void end();

  Cluster& cluster_;
  std::function<void(Member&)> ask_ = [](Member&) {};
  bool under_way_ = false;
  std::set<MemberId> down_;  // Of this.
};

}  // namespace minidfs::sim::raft
