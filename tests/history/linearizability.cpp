#include "history/linearizability.hpp"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include "history/directory_model.hpp"

namespace minidfs::history {
namespace {

// Whether nothing is changed by it, in whatever state it gives its answer.
bool is_harmless(const Operation& operation) {
  return operation.is_read() || operation.answer == Answer::kNotFound ||
         operation.answer == Answer::kExists;
}

// Calls and returns in the order of time, as a list from which operations are taken out when they
// are done, and where they are put back, the last one first.
class OpenEvents {
 public:
  using Place = std::uint32_t;
  static constexpr Place kEnd = 0;  // Also what is before the first.

  explicit OpenEvents(const std::vector<Operation>& operations);

  Place first() const { return events_[kEnd].next; }
  Place next(Place place) const { return events_[place].next; }
  bool is_call(Place place) const { return place != kEnd && events_[place].is_call; }
  std::size_t operation(Place place) const { return events_[place].operation; }
  void take_out(Place call);
  void put_back(Place call);

 private:
  struct Event {
    bool is_call = false;
    std::size_t operation = 0;
    Place next = kEnd;
    Place previous = kEnd;
    Place end = kEnd;  // Of a call: its return, if there is one.
  };

  void unlink(const Event& event) {
    events_[event.previous].next = event.next;
    events_[event.next].previous = event.previous;
  }
  void link(Place place) {
    events_[events_[place].previous].next = place;
    events_[events_[place].next].previous = place;
  }

  std::vector<Event> events_;
};

OpenEvents::OpenEvents(const std::vector<Operation>& operations) {
  // What happens at one time overlaps: a call comes before a return then.
  std::vector<std::tuple<Nanoseconds, bool, std::size_t>> times;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    times.emplace_back(operations[i].called, false, i);
    if (operations[i].returned != kNever) times.emplace_back(operations[i].returned, true, i);
  }
  std::sort(times.begin(), times.end());
  events_.resize(times.size() + 1);
  std::vector<Place> calls(operations.size(), kEnd);
  for (Place place = 1; place < events_.size(); ++place) {
    const auto& [time, returns, operation] = times[place - 1];
    events_[place] = {!returns, operation, kEnd, static_cast<Place>(place - 1), kEnd};
    events_[place - 1].next = place;
    if (returns) {
      events_[calls[operation]].end = place;
    } else {
      calls[operation] = place;
    }
  }
  events_[kEnd].previous = static_cast<Place>(events_.size() - 1);
}

void OpenEvents::take_out(Place call) {
  unlink(events_[call]);
  if (events_[call].end != kEnd) unlink(events_[events_[call].end]);
}

void OpenEvents::put_back(Place call) {
  if (events_[call].end != kEnd) link(events_[call].end);
  link(call);
}

class Search {
 public:
  Search(const DirectoryHistory& history, std::uint64_t configurations_max);

  Verdict run();

 private:
  using Place = OpenEvents::Place;
  using Configuration = std::vector<std::uint64_t>;  // Bits of what is done, then the state.
  struct Choice {
    Place call;
    DirectoryState before;
    bool only;  // There is no other to try in its place.
  };

  Place find_harmless() const;
  bool choose_change(Place from);
  bool choose(Place call, DirectoryState after, bool only);
  bool undo_choice(Place& next);
  Configuration with(std::size_t operation, const DirectoryState& state) const;

  const std::vector<Operation>& operations_;
  const std::uint64_t configurations_max_;
  OpenEvents open_;
  std::size_t known_left_ = 0;  // Operations whose answer is known, and that are not done yet.
  DirectoryState state_;
  std::vector<std::uint64_t> done_;
  std::vector<Choice> choices_;
  absl::flat_hash_set<Configuration> seen_;
};

Search::Search(const DirectoryHistory& history, std::uint64_t configurations_max)
    : operations_(history.operations),
      configurations_max_(configurations_max),
      open_(operations_),
      state_(history.names.size(), kNothing),
      done_((operations_.size() + 63) / 64, 0) {
  for (const auto& operation : operations_) known_left_ += operation.answer != Answer::kUnknown;
}

Verdict Search::run() {
  while (known_left_ > 0) {
    if (seen_.size() > configurations_max_) return Verdict::kUndecided;
    auto from = open_.first();
    const auto harmless = find_harmless();
    bool chosen =
        harmless != OpenEvents::kEnd ? choose(harmless, state_, true) : choose_change(from);
    while (!chosen) {
      if (!undo_choice(from)) return Verdict::kViolated;
      chosen = choose_change(from);
    }
  }
  return Verdict::kLinearizable;
}

// Only what is called before the first return may be done first.
Search::Place Search::find_harmless() const {
  auto state = state_;
  for (auto place = open_.first(); open_.is_call(place); place = open_.next(place)) {
    const auto& operation = operations_[open_.operation(place)];
    if (operation.answer == Answer::kUnknown || !is_harmless(operation)) continue;
    if (carry_out(operation, state)) return place;
    state = state_;
  }
  return OpenEvents::kEnd;
}

// What is not known to have been done is worth doing only when it changes something.
bool Search::choose_change(Place from) {
  for (auto place = from; open_.is_call(place); place = open_.next(place)) {
    auto after = state_;
    const auto& operation = operations_[open_.operation(place)];
    if (is_harmless(operation) || !carry_out(operation, after)) continue;
    if (operation.answer == Answer::kUnknown && after == state_) continue;
    if (choose(place, std::move(after), false)) return true;
  }
  return false;
}

// False when the configuration was looked at before.
bool Search::choose(Place call, DirectoryState after, bool only) {
  const auto operation = open_.operation(call);
  if (!seen_.insert(with(operation, after)).second) return false;
  done_[operation / 64] |= std::uint64_t{1} << operation % 64;
  known_left_ -= operations_[operation].answer != Answer::kUnknown;
  open_.take_out(call);
  choices_.push_back({call, std::exchange(state_, std::move(after)), only});
  return true;
}

// Undoes the last choice in whose place another may be tried, from `next` on, and all after it.
bool Search::undo_choice(Place& next) {
  for (bool only = true; only;) {
    if (choices_.empty()) return false;
    auto& choice = choices_.back();
    const auto operation = open_.operation(choice.call);
    done_[operation / 64] &= ~(std::uint64_t{1} << operation % 64);
    known_left_ += operations_[operation].answer != Answer::kUnknown;
    open_.put_back(choice.call);
    state_ = std::move(choice.before);
    next = open_.next(choice.call);
    only = choice.only;
    choices_.pop_back();
  }
  return true;
}

Search::Configuration Search::with(std::size_t operation, const DirectoryState& state) const {
  Configuration configuration = done_;
  configuration[operation / 64] |= std::uint64_t{1} << operation % 64;
  for (const auto value : state) configuration.push_back(static_cast<std::uint64_t>(value));
  return configuration;
}

}  // namespace

Verdict judge(const DirectoryHistory& history, std::uint64_t configurations_max) {
  return Search(history, configurations_max).run();
}

}  // namespace minidfs::history
