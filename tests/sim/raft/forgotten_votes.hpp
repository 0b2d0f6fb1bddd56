// A fault of its own: whoever votes crashes at once, and so does the leader of that term; one who
// has heard nothing of it stands for election in the same term.
#pragma once

#include "sim/raft/cluster.hpp"

namespace minidfs::sim::raft {

class ForgottenVotes {
 public:
  explicit ForgottenVotes(Cluster& cluster) : cluster_(cluster) {}

  // Takes two seconds. Nothing when nobody leads.
  void begin();

 private:
  void cut_off(MemberId deaf, bool cut);
  void crash_elected(MemberId deaf, Term after, int patience_ms);

  Cluster& cluster_;
};

}  // namespace minidfs::sim::raft
