// How old what a member shows may be, for reads that need not see the last change. Now and then it
// asks its leader up to where the log is committed, and the leader answers only when a majority has
// confirmed that it leads. So all that anybody was answered before the question was asked is in the
// state once that holds the entry of the answer. No clock but the asker's own counts, and of it
// only differences. Pure; who owns it sees to threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/boot_clock.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

class Freshness {
 public:
  using TimePoint = BootClock::time_point;

  // A question without an answer for so long is given up.
  static constexpr std::chrono::milliseconds kPatience{2000};

  // `random`: what questions are numbered from. An answer to this member's last life must not pass
  // for one to this.
  Freshness(std::chrono::milliseconds ask_every, std::uint64_t random)
      : ask_every_(ask_every), number_(random) {}

  // The number of the question that is to be asked of the leader of this term now, if any. One that
  // was asked of another leader is given up.
  std::optional<std::uint64_t> ask(Term term, TimePoint now) {
    const auto pause = waits_ ? kPatience : ask_every_;
    if (asked_ && term == term_ && now - *asked_ < pause) return std::nullopt;
    term_ = term;
    asked_ = now;
    waits_ = true;
    return ++number_;
  }
  // `applied`: what the state holds.
  void answered(std::uint64_t number, Index index, Index applied) {
    if (!waits_ || number != number_) return;
    waits_ = false;
    known_ = as_of(applied);
    // While the state lacks what an earlier answer named, that one is what it reaches first.
    if (next_ && next_->index > applied) return;
    next_ = Answer{index, *asked_};
  }
  // All that was answered to anybody before then is in the state; none: that is not known.
  std::optional<TimePoint> as_of(Index applied) const {
    if (next_ && next_->index <= applied) return next_->asked;
    return known_;
  }

 private:
  struct Answer {
    Index index = 0;
    TimePoint asked{};
  };

  const std::chrono::milliseconds ask_every_;
  std::uint64_t number_;
  Term term_ = 0;                   // In which the last question was asked,
  std::optional<TimePoint> asked_;  // and when.
  bool waits_ = false;              // For its answer.
  std::optional<TimePoint> known_;
  std::optional<Answer> next_;  // Counts when the state holds its entry.
};

}  // namespace minidfs::consensus
