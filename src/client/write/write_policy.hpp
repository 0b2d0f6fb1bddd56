// Decides how blocks get to their datanodes: whom to ask, when to begin again elsewhere, when to be
// content with fewer copies, when to give up, and who is to blame. One policy for a block of a file
// or of a stream and for a batch of small ones. Pure: no clock, no chance, no socket.
//
//             granted              ended, copies missing, perhaps a better pipeline
//   asking -----------> sending ----------------------------------------------+
//    ^  ^                 |  | ended, all copies, or enough of them            |
//    |  +-----------------+  +--> over                                         |
//    |     ended, too few                                                      |
//    +-------------------------------------------------------------------------+
//
// While it is sending, a young block that loses a node asks for a better pipeline and goes on, or
// begins again in that one (docs/decisions/young-blocks-begin-again.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/error.hpp"
#include "client/link/retry_schedule.hpp"
#include "transfer/pipeline_state.hpp"

namespace minidfs::client {

// A block with copies missing is written again when no more than this was sent of it. Larger ones
// would hold their writer up for too long: the namenode has them copied after the commit.
inline constexpr std::uint64_t kRewriteBytesMax = 256ULL << 20;
// How often a block is written again only because it has fewer copies than its pipeline had nodes.
inline constexpr int kRewritesMax = 3;
// A block that failed so often within its patience has been given a fair chance; one that takes
// longer gets as many.
inline constexpr int kFailuresMin = 4;

// The namenode's answer to a request for a pipeline.
struct PipelineAnswer {
  std::size_t nodes = 0;  // 0: none, for the reason in `refused`.
  Error refused;
  bool avoids_nodes = false;  // It was asked to do without some that had failed.
  std::uint64_t random = 0;   // Any 64 random bits.
};
// The pipeline tells that it has lost nodes; the block is not at its end.
struct NodesLost {
  std::size_t nodes_left = 1;  // At least; without any the try has ended.
  std::uint64_t bytes = 0;     // Sent so far.
  bool repeatable = true;      // They can be sent again.
};
// Everything was sent and acknowledged, or the connection failed before.
struct TryEnded {
  bool whole = false;      // Every block has all the copies that its pipeline had nodes.
  std::size_t copies = 0;  // Else the fewest of those that have not, of this try or an earlier one.
  std::uint64_t bytes = 0;
  bool repeatable = true;
  Error why;  // What became of the missing ones.
};
// There is no sense in going on, whatever the nodes do.
struct WriteCancelled {
  Error why;
};
using WriteEvent = std::variant<PipelineAnswer, NodesLost, TryEnded, WriteCancelled>;

struct WriteCommand {
  enum class Kind : std::uint8_t {
    kNothing,  // The event was out of date.
    kAsk,      // After `delay`: for a pipeline; with `forgive` all nodes get another chance.
    kSend,     // Everything in the pipeline just granted; with `fresh` over no idle connection.
    kGoOn,     // Sending as before.
    kDone,
    kGiveUp,  // For the reason in `error`.
  };
  Kind kind = Kind::kNothing;
  std::uint64_t epoch = 0;  // The event that this command leads to must carry it.
  std::chrono::milliseconds delay{0};
  bool forgive = false;
  bool fresh = false;
  Error error;
};

class WritePolicy {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `copies_min`: fewer fail the write. `patience`: how long failures are borne.
  WritePolicy(std::size_t copies_min, std::chrono::nanoseconds patience)
      : copies_min_(copies_min), patience_(patience) {}

  // The first command: to ask.
  WriteCommand start();
  // An event that answers another command than the last one changes nothing.
  WriteCommand step(std::uint64_t epoch, const WriteEvent& event, TimePoint now);
  // After kGiveUp: the failures so far are forgotten, since the source took longer than they did.
  WriteCommand start_again(TimePoint now);

 private:
  enum class State : std::uint8_t {
    kAskingFirst,
    kAskingAgain,      // After a failure.
    kAskingMeanwhile,  // For a better pipeline, in the middle of the block.
    kAskingBetter,     // The same at its end.
    kSending,
    kOver,
  };

  WriteCommand take(const PipelineAnswer& answer, TimePoint now);
  WriteCommand take(const NodesLost& lost, TimePoint now);
  WriteCommand take(const TryEnded& ended, TimePoint now);
  WriteCommand take(const WriteCancelled& cancelled, TimePoint now);
  WriteCommand take_better(const PipelineAnswer& answer, TimePoint now);
  WriteCommand ask(State state);
  WriteCommand send(bool fresh);
  WriteCommand be_content(TimePoint now);
  WriteCommand fail(const Error& why, bool repeatable, TimePoint now);
  WriteCommand wait_for_nodes(const PipelineAnswer& answer, TimePoint now);
  WriteCommand give_up(Error error);
  WriteCommand command(WriteCommand::Kind kind);
  Error last_word() const;
  bool may_gain() const { return rewrites_ < kRewritesMax && copies_ < fruitless_from_; }
  bool too_late(TimePoint now) const { return now - first_failure_ > patience_; }

  std::size_t copies_min_;
  std::chrono::nanoseconds patience_;
  State state_ = State::kOver;
  std::uint64_t epoch_ = 0;
  std::size_t copies_ = 0;  // Stored, or left in the middle of the block.
  std::string losses_;      // Why there are not more.
  bool repeatable_ = true;
  int rewrites_ = 0;
  std::size_t fruitless_from_ = SIZE_MAX;  // No pipeline had more nodes than this.
  int failures_ = 0;
  TimePoint first_failure_;
  Error why_;  // Of the last failure.
  Backoff backoff_;
};

// The target that is to blame for what the ack says, if any is: the first that did not store the
// block. Those behind it were cut off with it. When the connection was `reused` and had stood idle
// before, the node may only have restarted; but one that hangs is always to blame.
std::optional<std::size_t> target_to_blame(const transfer::BlockAck& ack, bool reused);
// The same for the first target, with which the connection failed.
bool first_target_to_blame(const Error& error, bool reused);

}  // namespace minidfs::client
