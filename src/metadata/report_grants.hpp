// Which datanodes may send their full block reports now. All of them owe one when a namenode has
// started; so many at a time have a grant, the others only send heartbeats meanwhile. Pure: time
// comes as an argument. Owned by the namenode's block manager.
#pragma once

#include <chrono>
#include <cstddef>

#include "absl/container/btree_map.h"
#include "metadata/block_types.hpp"

namespace minidfs::metadata {

class ReportGrants {
 public:
  struct Options {
    // Each has one part of its report on its way. Nodes that were started with the namenode ask in
    // step, and who is not granted waits for its next heartbeat: so there are many turns at once.
    std::size_t at_once = 256;
    // A node that sends no part of its report for so long makes room for another one; it may go on
    // when it is its turn again.
    std::chrono::milliseconds idle_max{10'000};
  };
  ReportGrants() : ReportGrants(Options{}) {}
  explicit ReportGrants(Options options) : options_(options) {}

  // A node that owes a report asks for its turn, with each message of it. Nodes are served as they
  // ask. Returns whether it has a grant now.
  bool ask(NodeIndex node, TimePoint now);
  // A part of its report has come. It is taken from a node without a grant as well: the grants
  // only say who begins.
  void heard(NodeIndex node, TimePoint now);
  // Its report is complete, or the node is gone.
  void end(NodeIndex node) { granted_.erase(node); }

  std::size_t granted() const { return granted_.size(); }

 private:
  Options options_;
  absl::btree_map<NodeIndex, TimePoint> granted_;  // When each was heard of last.
};

}  // namespace minidfs::metadata
