// A datanode of the simulator: its disk, its memory, the order in which it does what it was told,
// and its membership, which is the real one with a shell after src/actors/datanode_actor.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/datanode_messages.hpp"
#include "metadata/block_report.hpp"
#include "metadata/membership.hpp"
#include "metadata/queued_removals.hpp"
#include "sim/whole/control_link.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/orders.hpp"
#include "sim/whole/process.hpp"
#include "sim/whole/receiver.hpp"

namespace minidfs::sim {

struct Cluster;

class SimDatanode {
 public:
  SimDatanode(Cluster& cluster, Place place);

  Place place() const { return place_; }
  NodeId id() const { return NodeId{7, static_cast<std::uint64_t>(place_)}; }
  metadata::Endpoint address() const { return {"node", static_cast<std::uint16_t>(place_)}; }
  std::string name() const { return "node " + std::to_string(place_); }
  Process& process() { return process_; }
  SimDisk& disk() { return disk_; }
  std::size_t orders_waiting() const { return removes_.size(); }
  // To the namenode; counted in each life of the process.
  std::uint64_t connection() const { return dialed_; }

  // --- The data plane (pipeline.hpp) ---
  const transfer::MemoryBudget& memory() const { return memory_; }
  const std::vector<std::shared_ptr<Receiver>>& receivers() const { return receivers_; }
  void receives(std::shared_ptr<Receiver> receiver) { receivers_.push_back(std::move(receiver)); }
  void receives_no_more(const Receiver& receiver);
  transfer::MemoryBudget::Ticket ask_memory(Receiver& receiver, TimePoint deadline);
  void cancel_memory(transfer::MemoryBudget::Ticket ticket);
  void give_back_memory(std::size_t hops);
  void grant_memory();
  // The replica has been synced, as well as this disk does that. False when a newer one is there.
  bool keep(const metadata::Block& block, Content content);

  // The replica was called bad, and not found whole since.
  bool is_bad(BlockId block) const { return bad_.contains(block); }

  // As the scrubber does: reads some replica.
  void check_one();

  // --- Faults ---
  void start();
  void kill();
  // What the disk had not synced will be gone when the node starts again.
  void cut_power();
  // What the node, which does not run, has of the block is gone, unless that is all there is of it.
  // REQUIRES: no namenode runs that has heard of it.
  void lose_one_of_several(const metadata::Block& block);

 private:
  void read(const metadata::Block& block, std::function<void(Result<Content>)> done);
  void found_bad(const metadata::Block& block);
  void check_bad_later(const metadata::Block& block);
  void check_bad(const metadata::Block& block);
  void tell_bad_again();
  void disk_changed(const storage::DiskHealth::Effects& effects);
  void tick();
  void lose_unsynced();
  void forget_process();
  // --- Membership (datanode_member.cpp) ---
  void join();
  void step(const metadata::MembershipEvent& event);
  void wake_later();
  void act(const metadata::Dial& effect);
  void act(const metadata::HangUp& effect);
  void act(const metadata::SendRegistration& effect);
  void act(const metadata::SendHeartbeat& effect);
  void act(const metadata::SendChunk& effect);
  void act(const metadata::FenceOrders& effect) { fence(effect); }
  void act(const metadata::KeepKnown& effect) { known_on_disk_ = effect.known; }
  void act(const metadata::ObeyOrders& effect);
  void act(const metadata::Refused& effect);
  // An answer with what became of its orders.
  struct Beaten {
    actors::HeartbeatReply reply;
    std::vector<OrderPtr> removes;
  };
  void heartbeat_answered(std::uint64_t connection, std::uint64_t request, const Beaten& beaten);
  void failed(std::uint64_t connection, std::uint64_t request, const Error& error);

  // --- Orders ---
  void fence(const metadata::FenceOrders& effect);
  void fenced();
  void obey(const Beaten& beaten);
  void queue(const OrderPtr& order);
  void take_removes();
  OrderPtr next_removal();
  void remove(const GivenOrder& given);
  void copy(const actors::CopyOrder& order);

  Cluster& cluster_;
  Place place_;
  Process process_;
  ControlLink link_;
  SimDisk disk_;
  bool lost_power_ = false;

  metadata::KnownEpoch known_on_disk_;

  // Of one life of the process.
  std::uint64_t incarnation_ = 0;
  std::optional<metadata::OrderAuthority> authority_;
  std::optional<metadata::Membership> membership_;
  std::uint64_t wakes_ = 0;
  std::uint64_t dialed_ = 0;         // The last connection.
  const Beaten* answer_ = nullptr;   // That the present step is about.
  std::uint64_t answered_over_ = 0;  // The connection it came over.
  metadata::Epoch registered_for_;   // The leadership.
  metadata::ChangeCollector changes_;
  std::vector<actors::CopyFailure> failed_copies_;
  // What the last heartbeat told, until it is answered.
  struct Told {
    std::uint64_t request = 0;
    metadata::IncrementalReport changes;
    std::vector<actors::CopyFailure> failed_copies;
  };
  Told told_;
  std::optional<metadata::ReportChunk> chunk_;  // The last one sent.
  std::map<BlockId, metadata::Block> bad_;      // As actors/replica_changes.
  metadata::QueuedRemovals queued_;
  std::deque<BlockId> removes_;        // In the order of their turns.
  std::map<BlockId, OrderPtr> given_;  // Why they are in it.
  bool removing_ = false;
  bool told_lost_ = false;  // That the replicas are unavailable, as the disk hangs.
  transfer::MemoryBudget memory_;
  std::map<transfer::MemoryBudget::Ticket, std::shared_ptr<Receiver>> waiting_;
  std::vector<std::shared_ptr<Receiver>> receivers_;
  std::uint64_t fence_ = 0;          // The last one.
  std::uint64_t fence_waiting_ = 0;  // 0: none.
};

}  // namespace minidfs::sim
