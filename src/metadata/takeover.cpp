#include "metadata/takeover.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::metadata {

std::vector<TakeoverEffect> Takeover::step(const TakeoverEvent& event, TimePoint now) {
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  return std::exchange(effects_, {});
}

std::optional<TimePoint> Takeover::next_wake() const {
  if (state_ != State::kResting) return std::nullopt;
  return retry_at_;
}

void Takeover::on(const RoleTold& event) {
  const bool same = state_ != State::kFollowing && event.leads && event.term == term_;
  if (same || event.term < term_) return;
  term_ = event.term;
  const auto before = std::exchange(state_, State::kFollowing);
  ++attempt_;
  if (before == State::kOffice) effects_.emplace_back(LeaveOffice{});
  if (event.leads) begin();
}

void Takeover::on(const StateConfirmed& event) {
  if (state_ != State::kConfirming || event.attempt != attempt_) return;
  if (!event.ok) return rest();
  state_ = State::kReading;
  effects_.emplace_back(ReadNamespace{attempt_});
}

void Takeover::on(const NamespaceRead& event) {
  const bool awaited = state_ == State::kReading || state_ == State::kTaking;
  if (!awaited || event.attempt != attempt_) return;
  if (!event.last.has_value()) return rest();
  if (state_ == State::kReading) {
    number_ = std::max(term_, event.last->leadership + 1) + random_() % kGapMax;
    state_ = State::kLogging;
    return log_leadership();
  }
  // One that was logged by somebody else meanwhile: it is he who leads.
  if (event.last->leadership != number_) return rest();
  state_ = State::kOffice;
  effects_.emplace_back(TakeOffice{});
}

void Takeover::on(const LeadershipAnswered& event) {
  using Answer = LeadershipAnswered::Answer;
  if (state_ != State::kLogging || event.attempt != attempt_) return;
  if (event.answer == Answer::kMarkUsed) return log_leadership();
  if (event.answer == Answer::kFailed) return rest();
  state_ = State::kTaking;
  effects_.emplace_back(ReadNamespace{attempt_});
}

void Takeover::on(const TakeoverWoken&) {
  if (state_ == State::kResting && now_ >= retry_at_) begin();
}

void Takeover::begin() {
  state_ = State::kConfirming;
  effects_.emplace_back(ConfirmState{++attempt_});
}

void Takeover::rest() {
  state_ = State::kResting;
  retry_at_ = now_ + kRetryAfter;
}

void Takeover::log_leadership() { effects_.emplace_back(LogLeadership{++attempt_, number_}); }

}  // namespace minidfs::metadata
