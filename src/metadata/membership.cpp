#include "metadata/membership.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::metadata {
namespace {

using std::chrono::milliseconds;
using State = MembershipState;

// Heartbeats in the time of one, while there is news or work under way, so that the namenode can
// give out more, and while no namenode leads.
constexpr int kBusyBeats = 5;
// A question that was never answered is not asked more rarely than this.
constexpr milliseconds kPatienceMax{20'000};

}  // namespace

std::vector<MembershipEffect> Membership::step(const MembershipEvent& event, TimePoint now) {
  now_ = now;
  effects_.clear();
  forgive_gap();
  std::visit([this](const auto& e) { on(e); }, event);
  return std::exchange(effects_, {});
}

std::optional<TimePoint> Membership::next_wake() const {
  if (state_ == State::kAway) return dial_at_;
  if (state_ == State::kConnecting || state_ == State::kLeft) return std::nullopt;
  std::optional<TimePoint> next;
  for (const auto* question : {&registration_, &beat_, &chunk_}) {
    if (question->state == Question::State::kIdle) continue;
    next = next ? std::min(*next, question->at) : question->at;
  }
  return next;
}

// --- Connections -------------------------------------------------------------------------------

void Membership::on(const Woken&) {
  if (state_ == State::kAway && now_ >= dial_at_) {
    state_ = State::kConnecting;
    effects_.push_back(Dial{++connection_, std::exchange(replace_, false)});
    return;
  }
  if (state_ != State::kRegistering && !is_member()) return;
  if (is_silent()) {
    replace_ = true;
    go_away();
    return;
  }
  for (auto* question : {&registration_, &beat_, &chunk_}) run(*question);
}

void Membership::on(const Dialed& event) {
  if (state_ != State::kConnecting || event.connection != connection_) return;
  if (event.failure.has_value()) {
    if (event.failure->code == Errc::kWrongCluster) {
      state_ = State::kLeft;
      effects_.push_back(Refused{*event.failure});
      return;
    }
    state_ = State::kAway;
    dial_at_ = now_ + retry_delay();
    return;
  }
  state_ = State::kRegistering;
  last_answer_ = now_;
  ask(registration_);
}

void Membership::on(const ConnectionClosed& event) {
  if (is_current(event.connection)) go_away();
}

bool Membership::is_current(std::uint64_t connection) const {
  return connection == connection_ && (state_ == State::kRegistering || is_member());
}

bool Membership::is_silent() const {
  for (const auto* question : {&registration_, &beat_, &chunk_}) {
    const auto since = std::max(last_answer_, question->asked_at);
    if (question->asked() && now_ - since >= options_.silence_max) return true;
  }
  return false;
}

void Membership::go_away() {
  effects_.emplace_back(HangUp{connection_, replace_});
  state_ = State::kAway;
  leads_ = false;
  for (auto* question : {&registration_, &beat_, &chunk_}) *question = {};
  dial_at_ = now_ + retry_delay();
}

void Membership::on(const LeaveWanted&) {
  state_ = State::kLeft;
  if (const auto unkept = authority_->take_unkept(now_)) effects_.push_back(KeepKnown{*unkept});
  for (auto* question : {&registration_, &beat_, &chunk_}) *question = {};
}

// Woken long after the time, this process slept, or its machine did: what was answered meanwhile is
// not read yet.
void Membership::forgive_gap() {
  const auto wake = next_wake();
  if (!wake.has_value() || now_ - *wake <= 2 * options_.heartbeat_interval) return;
  last_answer_ = now_;
  for (auto* question : {&registration_, &beat_, &chunk_}) {
    if (question->asked()) question->at = now_ + options_.heartbeat_interval;
  }
}

// --- Registration ------------------------------------------------------------------------------

void Membership::register_at(TimePoint at) {
  state_ = State::kRegistering;
  leads_ = false;
  beat_ = {};
  chunk_ = {};
  due(registration_, at);
  run(registration_);
}

void Membership::on(const RegistrationAnswered& event) {
  if (!is_current(event.connection)) return;
  last_answer_ = now_;
  // Only what was asked last says how the namenode takes this node now.
  if (!registration_.asked() || event.request != registration_.last) return;
  registration_ = {};
  registered_by_ = event.request;
  retry_ = milliseconds{0};
  leader_ = event.told.epoch;
  leads_ = event.leads;
  later_ = event.later;
  if (leads_ && !later_) authority_->take(event.told);
  due(beat_, now_ + options_.heartbeat_interval);
  start_report(event.report, event.from);
}

// --- Reports -----------------------------------------------------------------------------------

// With a number of 0 only the fence, as no report is owed or none can be taken yet.
void Membership::start_report(std::uint64_t report, const ReportPosition& from) {
  report_ = report;
  report_from_ = from;
  chunk_ = {};
  if (!leads_) return begin_chunks();
  state_ = State::kFencing;
  fence_ = authority_->begin_fence(now_);
  effects_.push_back(FenceOrders{fence_, authority_->known()});
}

void Membership::on(const Fenced& event) {
  if (event.fence == fence_ && state_ == State::kFencing) begin_chunks();
}

void Membership::begin_chunks() {
  if (report_ == 0) {
    state_ = State::kServing;
    return;
  }
  state_ = State::kReporting;
  part_ = SendChunk::Part::kFirst;
  ask(chunk_);
}

void Membership::on(const ChunkAccepted& event) {
  if (!is_current(event.connection)) return;
  last_answer_ = now_;
  if (!chunk_.awaits(event.request)) return;
  chunk_ = {};
  if (event.ends_report) {
    state_ = State::kServing;
    return;
  }
  part_ = SendChunk::Part::kNext;
  ask(chunk_);
}

void Membership::on(const ListingFailed& event) {
  if (!is_current(event.connection) || !chunk_.awaits(event.request)) return;
  register_at(now_ + retry_delay());
}

// --- Heartbeats --------------------------------------------------------------------------------

void Membership::on(const HeartbeatAnswered& event) {
  if (!is_current(event.connection)) return;
  last_answer_ = now_;
  // The late answer to a heartbeat that was asked again has orders of its own, and the other one is
  // on its way.
  if (!is_member() || event.request < registered_by_) return;
  if (beat_.asked() && event.request == beat_.last) {
    const bool often = event.busy || !(event.leads || authority_->is_led());
    due(beat_,
        now_ + (often ? options_.heartbeat_interval / kBusyBeats : options_.heartbeat_interval));
  }
  // The namenode may live another life now, or lead, or lead again.
  if (event.register_again || (event.leads && (!leads_ || event.told.epoch != leader_))) {
    register_at(now_);
    return;
  }
  leads_ = event.leads;
  if (obeys()) {
    const auto keep = authority_->note_change(event.told.change, now_);
    if (keep.has_value()) effects_.push_back(KeepKnown{*keep});
    effects_.push_back(ObeyOrders{authority_->fence()});
  }
  if (event.report != 0 && event.report != report_) start_report(event.report, event.from);
}

void Membership::on(const HeartbeatWanted&) {
  if (is_member() && !beat_.asked()) ask(beat_);
}

// --- Questions ---------------------------------------------------------------------------------

void Membership::on(const RequestFailed& event) {
  if (!is_current(event.connection)) return;
  last_answer_ = now_;
  const bool about_registration = registration_.awaits(event.request);
  if (about_registration && event.error.code == Errc::kWrongCluster) {
    go_away();
    state_ = State::kLeft;
    effects_.push_back(Refused{event.error});
    return;
  }
  if (event.error.code == Errc::kNotLeader) return go_away();
  const bool later = event.error.code == Errc::kUnavailable ||
                     event.error.code == Errc::kTimedOut || event.error.code == Errc::kBusy;
  if (about_registration) {
    due(registration_, now_ + retry_delay());
  } else if (beat_.awaits(event.request)) {
    due(beat_, now_ + retry_delay());
  } else if (chunk_.awaits(event.request)) {
    if (!later) return register_at(now_ + retry_delay());
    part_ = SendChunk::Part::kAgain;
    due(chunk_, now_ + retry_delay());
  }
}

void Membership::due(Question& question, TimePoint at) {
  question.state = Question::State::kDue;
  question.at = at;
}

void Membership::ask(Question& question) {
  due(question, now_);
  run(question);
}

// Asks what is due, once or again.
void Membership::run(Question& question) {
  if (question.state == Question::State::kIdle || now_ < question.at) return;
  const bool again = question.asked();
  question.patience =
      again ? std::min(question.patience * 2, kPatienceMax) : options_.ask_again_after;
  question.state = Question::State::kAsked;
  question.last = ++last_request_;
  if (!again) {
    question.first = question.last;
    question.asked_at = now_;
  }
  question.at = now_ + jittered(question.patience);
  if (&question == &registration_) {
    effects_.push_back(SendRegistration{connection_, question.last});
  } else if (&question == &beat_) {
    effects_.push_back(SendHeartbeat{connection_, question.last});
  } else {
    if (again) part_ = SendChunk::Part::kAgain;
    effects_.push_back(SendChunk{connection_, question.last, report_, part_, report_from_});
  }
}

milliseconds Membership::retry_delay() {
  retry_ = std::clamp(retry_ * 2, options_.retry_min, options_.retry_max);
  return jittered(retry_);
}

// Half of it to all of it, so that many nodes do not come in step.
milliseconds Membership::jittered(milliseconds full) {
  const auto count = static_cast<std::uint64_t>(full.count());
  return milliseconds(count - random_below(random_, count / 2 + 1));
}

}  // namespace minidfs::metadata
