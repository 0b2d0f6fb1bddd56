// The data plane of the simulator. A block goes in pieces through a chain of datanodes. Each keeps
// a piece in its receive memory, under the real transfer/memory_budget, until its disk has it and
// the next node took it. Whoever receives gives signs of life that tell how its disk does; a next
// node that is silent, or whose disk makes no progress, is left.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metadata/types.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/process.hpp"
#include "transfer/memory_budget.hpp"

namespace minidfs::sim {

struct Cluster;
class SimDatanode;
class Receiver;

inline constexpr milliseconds kPulse{500};
inline constexpr milliseconds kProgressTimeout{1500};
inline constexpr milliseconds kMemoryTimeout{6000};
// The next node may have to wait for memory itself.
inline constexpr milliseconds kTakenTimeout = kMemoryTimeout + kProgressTimeout;

struct Transfer {
  metadata::Block block;
  Content content = 0;
  std::size_t pieces = 1;
  std::vector<metadata::Endpoint> targets;  // The next node first.
};

using Stored = std::vector<bool>;  // By target.

// The sending end: of a writer, of a node that forwards, or of one that copies.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  struct Events {
    std::function<void()> taken;               // The piece; another one may be sent.
    std::function<void(const Stored&)> lost;   // A target, in the middle: which are left.
    std::function<void(const Stored&)> ended;  // Once, unless close() comes first.
  };

  static std::shared_ptr<Sender> open(Cluster& cluster, Process& owner, Place place,
                                      Transfer transfer, Events events);
  Sender(Cluster& cluster, Process& owner, Place place, Transfer transfer, Events events);

  // REQUIRES: the one before was taken.
  void send_piece();
  // Nobody listens any more.
  void close();
  bool over() const { return over_; }
  std::size_t pieces_left() const { return transfer_.pieces - sent_; }

  // --- For checkers ---
  // Since when it has waited for what it was promised; signs of life do not count.
  std::optional<TimePoint> waits_since() const { return waits_since_; }
  const Receiver* receiver() const { return receiver_.get(); }

 private:
  friend class Receiver;
  // What the receiver says, as it arrives.
  void heard();
  void piece_taken();
  void sign_of_life(milliseconds stalled);
  void target_lost(std::size_t target);
  void acknowledged(const Stored& stored);

  void to_receiver(std::function<void(Receiver&)> message);
  void sweep();
  void sweep_later();
  void end(const Stored& stored);

  Cluster& cluster_;
  Process& owner_;
  Place place_;
  Transfer transfer_;
  Events events_;
  SimDatanode* node_ = nullptr;
  std::uint64_t connection_ = 0;
  std::shared_ptr<Receiver> receiver_;
  std::size_t sent_ = 0;
  std::size_t taken_ = 0;
  TimePoint heard_{};
  TimePoint swept_{};
  std::optional<TimePoint> waits_since_;
  Stored left_;  // Targets that were not lost.
  bool over_ = false;
};

// The receiving end on one datanode, for one block.
class Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  // `transfer.targets` are those behind this node.
  Receiver(Cluster& cluster, SimDatanode& node, std::weak_ptr<Sender> from, Process& from_process,
           Place from_place, std::uint64_t connection, Transfer transfer);

  // --- What the sender says, as it arrives ---
  void begin();
  void piece_arrived();
  void sign_of_life();
  void abandoned();

  // The node's memory has decided.
  void granted();
  void expired();

  std::size_t hops() const { return transfer_.targets.size(); }

  // --- For checkers ---
  bool waits_for_memory() const { return ticket_.has_value(); }
  std::optional<TimePoint> waits_for_sync_since() const;
  std::size_t held() const { return held_.size(); }
  // Every piece that it holds only waits for the next node to take one.
  bool waits_for_next_node() const;
  std::string describe() const;
  const Receiver* next() const { return down_ != nullptr ? down_->receiver() : nullptr; }

 private:
  struct Piece {
    bool written = false;
    bool forwarded = false;
  };
  TimePoint now() const;
  bool listens() const;
  bool waits_for_disk() const { return !own_.has_value() && disk_calls_ > 0; }
  void to_sender(std::function<void(Sender&)> message);
  void take_next();
  void write(std::size_t piece);
  void forwarded();
  void let_go(std::size_t piece);
  void finish();
  void lose_own();
  void tell_lost(std::size_t target);
  void below_ended(const Stored& stored);
  void acknowledge();
  void sweep();
  void sweep_later();
  void end();

  Cluster& cluster_;
  SimDatanode& node_;
  std::weak_ptr<Sender> from_;
  Process& from_process_;
  std::uint64_t from_life_;
  Place from_place_;
  std::uint64_t connection_;
  Transfer transfer_;
  std::shared_ptr<Sender> down_;
  std::uint64_t life_ = 0;    // Of the node's process; 0: not begun.
  std::size_t arrived_ = 0;   // In the socket.
  std::size_t received_ = 0;  // Ever held.
  std::optional<transfer::MemoryBudget::Ticket> ticket_;
  std::map<std::size_t, Piece> held_;
  std::optional<std::size_t> forwarding_;
  std::size_t disk_calls_ = 0;
  bool finishing_ = false;
  std::optional<TimePoint> syncs_since_;
  std::optional<bool> own_;      // Whether this node has the block.
  std::optional<Stored> below_;  // What became of it behind.
  TimePoint heard_{};
  TimePoint swept_{};
  bool over_ = false;
};

}  // namespace minidfs::sim
