// The shell around the real transfer/pipeline_receiver on a simulated datanode, after
// src/transfer/block_receiver.cpp: socket, memory, disk and the connection to the next node.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/whole/pipeline.hpp"
#include "transfer/memory_budget.hpp"
#include "transfer/peer_wait.hpp"
#include "transfer/pipeline_receiver.hpp"

namespace minidfs::sim {

class Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  // `pipeline` as this node is told of it.
  Receiver(Cluster& cluster, SimDatanode& node, std::shared_ptr<Channel> from,
           transfer::OpenPipeline pipeline);

  // --- What comes over the wire ---
  void begin();
  void arrived(const Frame& frame);
  void alive();
  void ended();
  void hung_up();

  // The node's memory has decided.
  void granted();
  void expired();

  std::size_t hops() const { return pipeline_.targets.size(); }

  // --- For checkers ---
  bool waits_for_memory() const { return ticket_.has_value(); }
  // For what of its blocks is to be stored.
  std::optional<TimePoint> waits_for_disk_since() const;
  std::size_t held() const { return held_.size(); }
  // All that it holds only waits for the next node to take it.
  bool waits_for_next_node() const;
  std::string describe() const;
  const Receiver* next() const { return next_ != nullptr ? next_->receiver() : nullptr; }

 private:
  using Block = std::uint64_t;  // Its number in the pipeline.
  // Memory goes back when it is written and let go of.
  struct Lease {
    std::size_t writes = 0;
    bool in_use = true;
  };
  struct Replica {
    transfer::BeginBlock begin;
    Content content = 0;
    std::uint64_t length = 0;
    std::vector<std::size_t> unwritten;             // The leases of its writes that the disk owes.
    bool storing = false;                           // To be synced once all is written.
    std::optional<TimePoint> waits_for_disk_since;  // Since then for the sync, before for writes.
    bool syncing = false;
    bool abandoned = false;
  };

  TimePoint now() const;
  bool listens() const;
  void to_sender(Answer answer);
  void step(transfer::ReceiverEvent event);

  void act(const transfer::Receive& effect);
  void act(const transfer::ReleaseInput& effect);
  void act(const transfer::CreateReplica& effect);
  void act(const transfer::AppendSlices& effect);
  void act(const transfer::StoreReplica& effect);
  void act(const transfer::AbandonReplica& effect);
  void act(const transfer::ConnectNext&);
  void act(const transfer::ForwardEarly&);
  void act(const transfer::EndSending&) { next_->end(); }
  void act(const transfer::HangUpNext&);
  void act(const transfer::AckBlock& ack) { to_sender(ack); }
  void act(const transfer::TargetLost& lost);
  void act(const transfer::KeepAlive& alive) { to_sender(alive); }
  void act(const transfer::ExpectOutputTaken&) {}  // The wire takes all.
  void act(const transfer::ClosePipeline& effect);

  // --- Input ---
  void try_receive();
  void take();
  void take_piece(const Piece& piece);
  void forward();
  void release_if_taken();
  void give_back_if_free(std::size_t lease);
  // --- The next node ---
  void hear(const Answer& answer);
  // --- The disk ---
  void written(Block block, std::size_t lease, const Status& status);
  void lost(Block block, const Error& error);
  void sync_if_written(Block block);
  void synced(Block block);
  void let_go(Replica& replica);
  void tell_brakes();

  void sweep();
  void sweep_later();
  void retire_if_done();

  Cluster& cluster_;
  SimDatanode& node_;
  std::weak_ptr<Channel> from_;
  std::uint64_t from_life_;
  transfer::OpenPipeline pipeline_;
  std::uint64_t life_ = 0;  // Of the node's process; 0: not begun.
  std::optional<transfer::PipelineReceiver> core_;
  transfer::PeerWait wait_;
  // In the socket.
  std::deque<Frame> arrived_;
  bool ended_ = false;
  std::optional<transfer::Receive> receive_;
  std::optional<transfer::MemoryBudget::Ticket> ticket_;
  std::map<std::size_t, Lease> held_;
  std::size_t lease_ = 0;         // Of the present input.
  std::deque<Frame> unsent_;      // Of it, that was not given to the next node.
  const Piece* piece_ = nullptr;  // That the present event is about.
  std::optional<transfer::ReleaseInput> release_;
  std::shared_ptr<Channel> next_;
  std::map<Block, Replica> replicas_;
  TimePoint swept_{};
  bool judging_ = false;  // The present event is that time has passed.
  bool over_ = false;
};

}  // namespace minidfs::sim
