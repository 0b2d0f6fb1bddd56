// How a namenode takes over the leadership of its namespace, and when it has lost it. Pure: events
// and the time come in, effects go out. Owned by the quorum actor (actors/quorum_actor.hpp).
//
//              leads               confirmed          read              logged            read
//   following ──────> confirming ───────────> reading ────> logging ──────────> taking ────> office
//                        ^                                   │   ^
//       resting ─────────┘                                   └───┘ the mark was used before
//
// What fails is begun again after a rest. Whatever the state is, whoever leads no more follows.
//
// Raft says who leads, and in which term. Before anything is granted or ordered the log is told
// which number the leadership has, and which mark its blocks get; and before that the namespace
// here holds all that was committed, so that the number is above every one that was ever logged. A
// leadership ends when Raft says so; the next one is another one, with its own number. Every
// attempt has a number, and what belongs to an earlier one changes nothing.
//
// Leaderships are numbered with gaps at random. A directory that was put back from a copy begins
// its next one with the same namespace as the one that it is to take the place of did: if both had
// the same number, datanodes would take what the other one told them for this one's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "metadata/block_types.hpp"
#include "metadata/epoch.hpp"

namespace minidfs::metadata {

// The log says whether this namenode leads.
struct RoleTold {
  std::uint64_t term = 0;
  bool leads = false;
};
// The namespace holds all that was committed before this was asked, or that could not be found out.
struct StateConfirmed {
  std::uint64_t attempt = 0;
  bool ok = false;
};
struct NamespaceRead {
  std::uint64_t attempt = 0;
  std::optional<Epoch> last;  // The last leadership; none when the disk fails.
};
struct LeadershipAnswered {
  enum class Answer : std::uint8_t { kLogged, kMarkUsed, kFailed };
  std::uint64_t attempt = 0;
  Answer answer = Answer::kFailed;
};
// It is next_wake(), or later, or earlier.
struct TakeoverWoken {};

using TakeoverEvent =
    std::variant<RoleTold, StateConfirmed, NamespaceRead, LeadershipAnswered, TakeoverWoken>;

struct ConfirmState {
  std::uint64_t attempt = 0;
};
// Answered from what the namespace holds then.
struct ReadNamespace {
  std::uint64_t attempt = 0;
};
// With a random mark, another one each time, and a new life when the namespace has none.
struct LogLeadership {
  std::uint64_t attempt = 0;
  std::uint64_t number = 0;
};
// By the leadership that was read last, with the mark that was logged last.
struct TakeOffice {};
struct LeaveOffice {};

using TakeoverEffect =
    std::variant<ConfirmState, ReadNamespace, LogLeadership, TakeOffice, LeaveOffice>;

class Takeover {
 public:
  static constexpr std::chrono::milliseconds kRetryAfter{100};
  // A number is above the last one, and the term, by less than this.
  static constexpr std::uint64_t kGapMax = 1 << 20;

  explicit Takeover(std::uint64_t seed) : random_(seed) {}

  std::vector<TakeoverEffect> step(const TakeoverEvent& event, TimePoint now);
  std::optional<TimePoint> next_wake() const;

  bool in_office() const { return state_ == State::kOffice; }
  std::uint64_t office_term() const { return in_office() ? term_ : 0; }  // 0: not in office.

 private:
  enum class State : std::uint8_t {
    kFollowing,
    kResting,
    kConfirming,
    kReading,
    kLogging,
    kTaking,
    kOffice,
  };

  void on(const RoleTold& event);
  void on(const StateConfirmed& event);
  void on(const NamespaceRead& event);
  void on(const LeadershipAnswered& event);
  void on(const TakeoverWoken& event);
  void begin();
  void rest();
  void log_leadership();

  Random random_;
  State state_ = State::kFollowing;
  std::uint64_t term_ = 0;
  std::uint64_t attempt_ = 0;
  std::uint64_t number_ = 0;  // Of the leadership, from kLogging on.
  TimePoint retry_at_{};
  // Of the present step.
  TimePoint now_{};
  std::vector<TakeoverEffect> effects_;
};

}  // namespace minidfs::metadata
