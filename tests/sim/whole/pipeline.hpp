// The data plane of the simulator. A block goes in frames through a chain of datanodes, each of
// which does what the real transfer/pipeline_receiver says, in receive memory that is shared out by
// the real transfer/memory_budget. Here are the wire between two of them (Channel), the end of a
// writer or of a node that copies (Sender), and the shell around the receiver (Receiver).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "metadata/types.hpp"
#include "sim/whole/disk.hpp"
#include "sim/whole/network.hpp"
#include "sim/whole/process.hpp"
#include "transfer/wire.hpp"

namespace minidfs::sim {

struct Cluster;
class SimDatanode;
class Receiver;

inline constexpr milliseconds kPulse{500};
inline constexpr milliseconds kProgressTimeout{1500};
inline constexpr milliseconds kMemoryTimeout{4500};
// The next node may have to wait for memory itself.
inline constexpr milliseconds kTakenTimeout = kMemoryTimeout + kProgressTimeout;

struct SentBlock {
  metadata::Block block;
  Content content = 0;
  std::size_t pieces = 1;
};

// A slices frame: so much as is received into memory at a time.
struct Piece {
  Content content = 0;
};
using Frame = std::variant<transfer::BeginBlock, Piece, transfer::EndBlock>;

// What comes back. Took is no frame: the other end has taken a piece out of its socket.
struct Took {};
// Nor is this: the other end has closed the connection.
struct Closed {};
using Answer = std::variant<transfer::Welcome, Took, transfer::AckBlock, transfer::TargetLost,
                            transfer::KeepAlive, transfer::WireStatus, Closed>;

// One connection, seen from the end that sends blocks. Sockets hold one piece: another one goes out
// when it was taken.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  using Hear = std::function<void(const Answer&)>;

  // Connects to the first target, which is told the rest of the pipeline. Welcome is heard when it
  // is there.
  static std::shared_ptr<Channel> open(Cluster& cluster, Process& owner, Place place,
                                       transfer::OpenPipeline pipeline, Hear hear);
  Channel(Cluster& cluster, Process& owner, Place place, SimDatanode& node, Hear hear);

  void send(Frame frame);
  void send_alive();
  // Frames that the other end's socket has not taken.
  std::size_t untaken() const { return waiting_.size() + (piece_under_way_ ? 1 : 0); }
  // No more frames will come; answers still may.
  void end();
  // Nobody listens any more.
  void close();

  const Receiver* receiver() const { return receiver_.get(); }

 private:
  friend class Receiver;
  void arrived(const Answer& answer);
  void to_receiver(std::function<void(Receiver&)> message);
  void pump();

  Cluster& cluster_;
  Process& owner_;
  Place place_;
  SimDatanode& node_;
  Hear hear_;
  std::uint64_t connection_ = 0;
  std::shared_ptr<Receiver> receiver_;
  std::deque<Frame> waiting_;
  bool piece_under_way_ = false;
  bool closed_ = false;
};

using Stored = std::vector<bool>;  // By target.

// The sending end of a pipeline: of a writer, or of a node that copies. Sends some blocks, one
// after the other, and takes their acks, which come while it sends; when all targets have all of
// them it stands idle and may be given more.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  struct Events {
    std::function<void()> taken;              // The piece; another one may be sent.
    std::function<void(const Stored&)> lost;  // A target, in the middle of the block.
    // Of each block; once, unless close() comes first.
    std::function<void(const std::vector<Stored>&)> ended;
  };

  static std::shared_ptr<Sender> open(Cluster& cluster, Process& owner, Place place,
                                      std::vector<metadata::Endpoint> targets);
  Sender(Cluster& cluster, Process& owner, std::vector<metadata::Endpoint> targets);

  // REQUIRES: idle().
  void begin(std::vector<SentBlock> blocks, Events events);
  // REQUIRES: the one before was taken.
  void send_piece();
  // Nobody listens any more.
  void close();
  bool over() const { return over_; }
  bool idle() const { return !over_ && results_.size() == blocks_.size(); }
  const std::vector<metadata::Endpoint>& targets() const { return targets_; }
  std::size_t pieces_left() const;

  // --- For checkers ---
  // Since when it has waited for what it was promised; signs of life do not count.
  std::optional<TimePoint> waits_since() const { return waits_since_; }
  const Receiver* receiver() const { return channel_->receiver(); }

 private:
  void hear(const Answer& answer);
  void on(const transfer::Welcome&) {}
  void on(const Took&);
  void on(const transfer::AckBlock& ack);
  void on(const transfer::TargetLost& lost);
  void on(const transfer::KeepAlive& alive);
  void on(const transfer::WireStatus&) { fail(); }
  void on(const Closed&) { fail(); }
  void sweep();
  void sweep_later();
  void fail();
  void end();
  Stored none() const { return Stored(targets_.size(), false); }

  Cluster& cluster_;
  Process& owner_;
  std::vector<metadata::Endpoint> targets_;  // The next node first.
  std::shared_ptr<Channel> channel_;
  std::vector<SentBlock> blocks_;
  Events events_;
  std::size_t block_ = 0;         // The one that is being sent.
  std::size_t pieces_ = 0;        // Of it, that were sent.
  bool piece_under_way_ = false;  // Not yet taken.
  std::vector<Stored> left_;      // By block: targets that were not told to be lost.
  std::vector<Stored> results_;   // Of the first blocks.
  TimePoint heard_{};
  TimePoint swept_{};
  std::optional<TimePoint> waits_since_;
  bool over_ = false;
};

}  // namespace minidfs::sim
