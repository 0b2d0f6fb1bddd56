// Decides how one part of a block gets to its reader: which replica is asked, when another one is
// raced against it, who is to blame, when the namenode is asked again, when to give up. Pure: no
// clock, no chance, no socket.
//
//             replica chosen           all bytes handed out
//   choosing ----------------> asked ------------------------> over
//      ^  ^                    ^  | |  nothing comes: raced against another, once for each part;
//      |  +--------------------|--+ |  whichever gives a byte first goes on, the other is left
//      |     failed            +----+
//      | located again
//      +---------------- asking the namenode: no replica is left, and some may come back
//
// A replica that is bad (corrupt, absent, of another generation) is not asked again. One whose node
// is only out of reach is, after the namenode was asked. What a datanode closes because it stood
// still (idle, requested far ahead, a slow sink) is nobody's fault: it is connected again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "client/link/retry_schedule.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

// The replica asked gives no (more) bytes.
struct ReplicaFailed {
  Error why;
  std::uint64_t bytes = 0;   // Of the part, handed out so far, from whichever replicas.
  bool opening = false;      // The connection did not come about, or took no request.
  bool stood_still = false;  // It was not new, or had waited for long: its end says nothing.
  std::uint64_t random = 0;  // Any 64 random bits.
};
// Nothing has come for the time that a replica is given.
struct ReplicaStalled {};
// The other replica could not be asked.
struct RivalFailed {
  Error why;
};
// It was, and which of the two gave a byte first, or neither.
struct RaceEnded {
  bool rival_won = false;
};
// The replica asked is on a node that has failed elsewhere, and nothing of it was received.
struct Withdrawn {};
// Whether the namenode is in safe mode, and so does not know yet where everything is.
struct ModeTold {
  bool learning = false;
};
// Where the namenode says that replicas are, the nearest first.
struct PlacesTold {
  std::vector<metadata::ReplicaLocation> locations;
};
struct PartEnded {};
// There is no sense in going on: the sink failed, or the namenode cannot or need not be asked.
struct ReadCancelled {
  Error why;
};
using ReadEvent = std::variant<ReplicaFailed, ReplicaStalled, RivalFailed, RaceEnded, Withdrawn,
                               ModeTold, PlacesTold, PartEnded, ReadCancelled>;

struct ReadCommand {
  enum class Kind : std::uint8_t {
    kNothing,  // The event was out of date.
    kAsk,   // The replica at `location` for what is missing; with `fresh` over no idle connection.
    kRace,  // Ask the one at `location` as well.
    kGoOn,  // With the first one, whatever it takes.
    kSwitch,   // To the one at `location`, which won the race.
    kAskMode,  // Ask the namenode whether it is in safe mode.
    kLocate,   // After `delay`: ask it for the block's places.
    kDone,
    kGiveUp,  // For the reason in `error`.
  };
  Kind kind = Kind::kNothing;
  std::uint64_t epoch = 0;  // The event that this command leads to must carry it.
  std::optional<metadata::ReplicaLocation> location;
  bool fresh = false;
  // kAsk and kRace: how long connecting may take, and then being greeted; 0 for the usual
  // time-outs.
  std::chrono::milliseconds patience{0};
  bool may_race = false;  // kAsk: ReplicaStalled is wanted.
  std::chrono::milliseconds delay{0};
  Error error;
  std::optional<NodeId> blamed;  // This node has failed its reader.
};

// What is known against nodes; see NodeHealth.
using Suspicion = std::function<bool(NodeId)>;

class ReadPolicy {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `hedge_after`: how long a replica is waited for while there are others. `patience`: how long
  // failures without a byte are borne.
  ReadPolicy(BlockId block, std::vector<metadata::ReplicaLocation> locations,
             std::chrono::milliseconds hedge_after, std::chrono::nanoseconds patience)
      : block_(block),
        locations_(std::move(locations)),
        hedge_after_(hedge_after),
        patience_(patience) {}

  // The first command. It may wait: patience begins with the first failure.
  ReadCommand start(const Suspicion& is_suspect);
  // An event that answers another command than the last one changes nothing.
  ReadCommand step(std::uint64_t epoch, const ReadEvent& event, const Suspicion& is_suspect,
                   TimePoint now);

 private:
  enum class State : std::uint8_t { kAsked, kRacing, kAskingMode, kLocating, kOver };

  ReadCommand take(const ReplicaFailed& failed, TimePoint now);
  ReadCommand take(const ReplicaStalled& stalled, TimePoint now);
  ReadCommand take(const RivalFailed& failed, TimePoint now);
  ReadCommand take(const RaceEnded& ended, TimePoint now);
  ReadCommand take(const Withdrawn& withdrawn, TimePoint now);
  ReadCommand take(const ModeTold& told, TimePoint now);
  ReadCommand take(const PlacesTold& told, TimePoint now);
  ReadCommand take(const PartEnded& ended, TimePoint now);
  ReadCommand take(const ReadCancelled& cancelled, TimePoint now);

  ReadCommand choose(TimePoint now);
  ReadCommand ask(const metadata::ReplicaLocation& location, bool fresh);
  ReadCommand race();
  ReadCommand out_of_replicas(TimePoint now);
  ReadCommand locate(TimePoint now);
  ReadCommand give_up(Error error);
  ReadCommand command(ReadCommand::Kind kind);
  void refuse(Error why);
  bool is_suspect(NodeId node) const;
  const metadata::ReplicaLocation* unsuspected_but(NodeId node) const;
  std::chrono::milliseconds patience_with(const metadata::ReplicaLocation& location) const;
  bool may_come_back() const;
  Error last_word() const;

  BlockId block_;
  std::vector<metadata::ReplicaLocation> locations_;
  std::chrono::milliseconds hedge_after_;
  std::chrono::nanoseconds patience_;
  State state_ = State::kOver;
  std::uint64_t epoch_ = 0;
  const Suspicion* suspicion_ = nullptr;            // Of the step that is being taken.
  std::optional<metadata::ReplicaLocation> asked_;  // The one that is, or was last.
  std::chrono::milliseconds asked_patience_{0};
  std::optional<metadata::ReplicaLocation> rival_;
  std::optional<NodeId> blamed_;     // For the next command.
  std::map<NodeId, Error> refused_;  // Not asked again, with the reason.
  std::vector<NodeId> beaten_;       // As rivals: they could not be asked.
  bool raced_ = false;
  bool located_again_ = false;
  std::uint64_t bytes_ = 0;                 // Handed out by the last failure.
  std::optional<TimePoint> failing_since_;  // Nothing has come since then.
  std::uint64_t random_ = 0;
  Backoff backoff_;
};

}  // namespace minidfs::client
