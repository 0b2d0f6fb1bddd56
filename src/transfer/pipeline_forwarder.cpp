#include "transfer/pipeline_forwarder.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::transfer {

PipelineForwarder::PipelineForwarder(const Limits& limits, std::vector<metadata::Endpoint> targets,
                                     TimePoint now)
    : limits_(limits),
      targets_(std::move(targets)),
      name_(metadata::to_string(targets_.front())),
      heard_(now),
      taken_(now) {}

std::vector<WireStatus> PipelineForwarder::statuses() const {
  MDFS_ASSERT(reason_.has_value());
  std::vector<WireStatus> statuses{wire_status(*reason_)};
  const Error behind{Errc::kUnavailable, "behind " + name_ + ", which failed: " + reason_->message};
  statuses.resize(targets_.size(), wire_status(behind));
  return statuses;
}

void PipelineForwarder::give_up(Error reason) {
  if (!reason_) reason_ = std::move(reason);
}

// --- Connecting -------------------------------------------------------------------------------

void PipelineForwarder::connected(TimePoint now) {
  state_ = State::kOpen;
  excuse(now);
}

// --- Passing on -------------------------------------------------------------------------------

void PipelineForwarder::sending_begins(TimePoint now) {
  sending_ = true;
  taken_ = now;
}

Status PipelineForwarder::alive(std::chrono::milliseconds disk_stalled, TimePoint now) {
  heard_ = now;
  if (disk_stalled < limits_.disk_timeout) return {};
  return Error{Errc::kTimedOut, name_ + ": its disk has made no progress for " +
                                    std::to_string(disk_stalled.count()) + " ms"};
}

Status PipelineForwarder::tick(TimePoint now, bool frames_due) {
  const auto silent = [&](TimePoint since, std::chrono::milliseconds limit) {
    return now - since > limit + limits_.tick_interval;
  };
  if (state_ == State::kConnecting) {
    if (now - heard_ <= limits_.connect_timeout) return {};
    return Error{Errc::kTimedOut, "no answer from " + name_ + " to connect"};
  }
  if (!sending_ && !frames_due && state_ == State::kOpen) {
    heard_ = now;  // It owes nothing.
    return {};
  }
  // That its kernel takes bytes is no sign of life of a node that owes us some.
  const auto last_sign = frames_due ? heard_ : std::max(heard_, taken_);
  if (silent(last_sign, limits_.progress_timeout)) {
    return Error{Errc::kTimedOut, name_ + ": no progress for " +
                                      std::to_string(limits_.progress_timeout.count()) + " ms"};
  }
  if (sending_ && silent(taken_, limits_.memory_timeout + limits_.progress_timeout)) {
    return Error{Errc::kTimedOut, name_ + ": took nothing of a block for " +
                                      std::to_string(limits_.memory_timeout.count()) + " ms"};
  }
  return {};
}

}  // namespace minidfs::transfer
