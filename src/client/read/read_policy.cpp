#include "client/read/read_policy.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {
namespace {

using Kind = ReadCommand::Kind;

// The replica itself is bad, as opposed to its node being out of reach.
bool is_bad_replica(Errc code) {
  return code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kStale;
}

}  // namespace

ReadCommand ReadPolicy::start(const Suspicion& is_suspect) {
  suspicion_ = &is_suspect;
  return choose({});
}

ReadCommand ReadPolicy::step(std::uint64_t epoch, const ReadEvent& event,
                             const Suspicion& is_suspect, TimePoint now) {
  if (epoch != epoch_ || state_ == State::kOver) return {};
  suspicion_ = &is_suspect;
  return std::visit([&](const auto& happened) { return take(happened, now); }, event);
}

ReadCommand ReadPolicy::take(const ReplicaFailed& failed, TimePoint now) {
  if (state_ != State::kAsked) return {};
  random_ = failed.random;
  const bool came_on = failed.bytes > bytes_;
  if (came_on) {
    bytes_ = failed.bytes;
    failing_since_.reset();
    backoff_.reset();
  }
  if (!failing_since_) failing_since_ = now;
  // One that says nothing is slow, and left for another.
  const bool closed =
      failed.opening || (!is_bad_replica(failed.why.code) && failed.why.code != Errc::kTimedOut);
  if (closed && (failed.stood_still || came_on)) return ask(*asked_, true);
  if (!is_bad_replica(failed.why.code)) blamed_ = asked_->node;
  // Hurried only because there were others: the last choice, but a choice.
  const bool hurried =
      failed.opening && asked_patience_.count() > 0 && failed.why.code == Errc::kTimedOut;
  if (!hurried) refuse(failed.why);
  return choose(now);
}

ReadCommand ReadPolicy::take(const ReplicaStalled& /*stalled*/, TimePoint /*now*/) {
  if (state_ != State::kAsked || raced_) return {};
  raced_ = true;
  return race();
}

ReadCommand ReadPolicy::take(const RivalFailed& failed, TimePoint /*now*/) {
  if (state_ != State::kRacing) return {};
  if (!is_bad_replica(failed.why.code)) blamed_ = rival_->node;
  beaten_.push_back(rival_->node);
  return race();
}

ReadCommand ReadPolicy::take(const RaceEnded& ended, TimePoint /*now*/) {
  if (state_ != State::kRacing) return {};
  state_ = State::kAsked;
  if (!ended.rival_won) return command(Kind::kGoOn);
  blamed_ = asked_->node;
  refuse({Errc::kTimedOut, "no byte for " + std::to_string(hedge_after_.count()) +
                               " ms, while another datanode answered"});
  asked_ = std::move(rival_);
  asked_patience_ = {};
  auto switching = command(Kind::kSwitch);
  switching.location = asked_;
  return switching;
}

ReadCommand ReadPolicy::take(const Withdrawn& /*withdrawn*/, TimePoint now) {
  if (state_ != State::kAsked) return {};
  return choose(now);
}

ReadCommand ReadPolicy::take(const ModeTold& told, TimePoint now) {
  if (state_ != State::kAskingMode) return {};
  return told.learning ? locate(now) : give_up(last_word());
}

ReadCommand ReadPolicy::take(const PlacesTold& told, TimePoint now) {
  if (state_ != State::kLocating) return {};
  if (!failing_since_) failing_since_ = now;
  locations_ = told.locations;
  std::erase_if(refused_, [](const auto& entry) { return !is_bad_replica(entry.second.code); });
  return choose(now);
}

ReadCommand ReadPolicy::take(const PartEnded& /*ended*/, TimePoint /*now*/) {
  if (state_ != State::kAsked) return {};
  state_ = State::kOver;
  return command(Kind::kDone);
}

ReadCommand ReadPolicy::take(const ReadCancelled& cancelled, TimePoint /*now*/) {
  return give_up(cancelled.why);
}

ReadCommand ReadPolicy::choose(TimePoint now) {
  const metadata::ReplicaLocation* last_choice = nullptr;
  for (const auto& location : locations_) {
    if (refused_.contains(location.node)) continue;
    if (!is_suspect(location.node)) return ask(location, false);
    if (last_choice == nullptr) last_choice = &location;
  }
  return last_choice != nullptr ? ask(*last_choice, false) : out_of_replicas(now);
}

ReadCommand ReadPolicy::ask(const metadata::ReplicaLocation& location, bool fresh) {
  state_ = State::kAsked;
  auto asking = command(Kind::kAsk);
  asking.location = location;
  asking.fresh = fresh;
  asking.patience = patience_with(location);
  asking.may_race = !raced_ && hedge_after_.count() > 0;
  asked_patience_ = asking.patience;
  asked_ = asking.location;
  return asking;
}

ReadCommand ReadPolicy::race() {
  const auto* other = unsuspected_but(asked_->node);
  state_ = other != nullptr ? State::kRacing : State::kAsked;
  auto racing = command(other != nullptr ? Kind::kRace : Kind::kGoOn);
  if (other != nullptr) {
    rival_ = *other;
    racing.location = rival_;
    racing.patience = hedge_after_;
  }
  return racing;
}

ReadCommand ReadPolicy::out_of_replicas(TimePoint now) {
  // The first time there may simply be newer replicas than were known.
  if (may_come_back() || !located_again_) return locate(now);
  state_ = State::kAskingMode;
  return command(Kind::kAskMode);
}

ReadCommand ReadPolicy::locate(TimePoint now) {
  const auto delay = backoff_.next(random_);
  if (failing_since_ && now + delay - *failing_since_ >= patience_) return give_up(last_word());
  state_ = State::kLocating;
  auto locating = command(Kind::kLocate);
  if (std::exchange(located_again_, true)) locating.delay = delay;
  return locating;
}

ReadCommand ReadPolicy::give_up(Error error) {
  state_ = State::kOver;
  auto last = command(Kind::kGiveUp);
  last.error = std::move(error);
  return last;
}

ReadCommand ReadPolicy::command(Kind kind) {
  ReadCommand command;
  command.kind = kind;
  command.epoch = ++epoch_;
  command.blamed = std::exchange(blamed_, {});
  return command;
}

void ReadPolicy::refuse(Error why) {
  const auto where = metadata::to_string(asked_->data);
  if (why.message.find(where) == std::string::npos) why.message = where + ": " + why.message;
  refused_[asked_->node] = std::move(why);
}

bool ReadPolicy::is_suspect(NodeId node) const { return blamed_ == node || (*suspicion_)(node); }

// A replica on another node that nothing speaks against, or null.
const metadata::ReplicaLocation* ReadPolicy::unsuspected_but(NodeId node) const {
  for (const auto& location : locations_) {
    if (location.node == node || refused_.contains(location.node)) continue;
    if (std::find(beaten_.begin(), beaten_.end(), location.node) != beaten_.end()) continue;
    if (!is_suspect(location.node)) return &location;
  }
  return nullptr;
}

// A node is hurried only while there is another to turn to.
std::chrono::milliseconds ReadPolicy::patience_with(
    const metadata::ReplicaLocation& location) const {
  if (is_suspect(location.node) || unsuspected_but(location.node) == nullptr) return {};
  return hedge_after_;
}

bool ReadPolicy::may_come_back() const {
  return std::any_of(refused_.begin(), refused_.end(),
                     [](const auto& entry) { return !is_bad_replica(entry.second.code); });
}

// With every replica's reason.
Error ReadPolicy::last_word() const {
  std::string reasons;
  for (const auto& [node, error] : refused_) {
    reasons += (reasons.empty() ? "" : "; ") + error.message;
  }
  return {Errc::kIoError, "block " + to_string(block_) + " cannot be read from any replica: " +
                              (reasons.empty() ? "no live datanode has it" : reasons)};
}

}  // namespace minidfs::client
