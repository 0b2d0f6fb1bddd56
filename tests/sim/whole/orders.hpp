// Every order to remove a replica, from the moment the namenode gives it until it was carried out
// or can be no more. Judges them by what is on the disks, not by how the namenode comes to its
// orders:
// - What is ordered removed may be done without: as many good replicas as are wanted are
//   on other nodes that the namenode does not call dead, and no order that may still be carried out
//   is under way to those. One replica is enough when the one that goes was found bad.
// - A node that has begun to list its replicas for a leadership carries out no order of an earlier
//   one.
// - An order is about the replica that was there when it was given. One that was stored since, on
//   which the namenode may count, does not go by it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "actors/datanode_messages.hpp"
#include "metadata/epoch.hpp"
#include "metadata/namespace_effects.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim {

struct Cluster;

// Lives as long as anything may come of it: with the answer on its way, then in the node's queue.
struct GivenOrder {
  Place node = 0;
  std::uint64_t life = 0;        // Of the node's process that asked.
  std::uint64_t connection = 0;  // Over which it asked.
  actors::RemoveOrder order;
  metadata::Epoch epoch;
  TimePoint at{};
  bool queued = false;  // By the node, which will carry it out.
};
using OrderPtr = std::shared_ptr<GivenOrder>;

class Orders {
 public:
  explicit Orders(Cluster& cluster) : cluster_(cluster) {}

  // --- The namenode's side ---
  // It learns of files from the database as it is now; of what changes then, from the effects.
  void leadership_begins();
  // News that a node's heartbeat has brought.
  void heard(Place node, const metadata::IncrementalReport& news);
  // What the block manager is told of files.
  void note_effects(std::span<const metadata::BlockEffect> effects);
  // In answer to what the process `life` of the node asked over its connection.
  std::vector<OrderPtr> given(Place node, std::uint64_t life, std::uint64_t connection,
                              const actors::HeartbeatReply& reply);

  // --- The datanode's side ---
  void lists_replicas(Place node, const metadata::Epoch& epoch);
  // Before what is on the disk changes.
  void carried_out(const GivenOrder& order);
  // Nobody could know of that: it still counts as being there.
  void lost_unnoticed(Place node, BlockId block) { lost_.insert({node, block}); }
  void stored(Place node, BlockId block);
  // As the namenode will be told, whatever is on the disk.
  void found_bad(Place node, BlockId block) { bad_.insert({node, block}); }
  // Likewise. Until the namenode has heard of it the replica may still go as a bad one.
  void found_whole(Place node, BlockId block) { whole_.insert({node, block}); }

 private:
  bool under_way(const GivenOrder& order) const;
  bool is_ordered(Place node, BlockId block) const;
  void note_counted_again() const;
  bool is_there(Place node, const metadata::Block& block) const;
  std::vector<Place> nodes_alive() const;
  std::size_t left_without(Place node, const metadata::Block& block) const;
  std::uint8_t wanted(const metadata::OwnedBlock& owned) const;
  void judge(const GivenOrder& given);
  void judge_epoch(const GivenOrder& order) const;
  void judge_replica(const GivenOrder& order) const;

  Cluster& cluster_;
  std::vector<std::weak_ptr<GivenOrder>> given_;
  struct Listed {
    metadata::Epoch epoch;
    TimePoint at{};
  };
  std::map<Place, Listed> listed_;  // Last.
  std::set<std::pair<Place, BlockId>> lost_;
  std::set<std::pair<Place, BlockId>> bad_;
  std::set<std::pair<Place, BlockId>> whole_;              // The namenode has not heard so.
  std::map<std::pair<Place, BlockId>, TimePoint> stored_;  // Last.
  std::map<BlockId, std::uint8_t> told_;                   // Wanted, as this leadership was told.
};

}  // namespace minidfs::sim
