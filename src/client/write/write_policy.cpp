#include "client/write/write_policy.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {

using Kind = WriteCommand::Kind;

namespace {

// What datanodes did must not look as if no namenode could be reached.
Error of_datanodes(Error why) {
  if (why.code == Errc::kUnavailable || why.code == Errc::kTimedOut || why.code == Errc::kBusy) {
    why.code = Errc::kNoDatanode;
  }
  return why;
}

}  // namespace

WriteCommand WritePolicy::start() { return ask(State::kAskingFirst); }

WriteCommand WritePolicy::start_again(TimePoint now) {
  failures_ = 0;
  backoff_.reset();
  return fail(Error(why_), repeatable_, now);
}

WriteCommand WritePolicy::step(std::uint64_t epoch, const WriteEvent& event, TimePoint now) {
  if (epoch != epoch_ || state_ == State::kOver) return {};
  return std::visit([&](const auto& happened) { return take(happened, now); }, event);
}

WriteCommand WritePolicy::take(const PipelineAnswer& answer, TimePoint now) {
  switch (state_) {
    case State::kAskingFirst:
      if (answer.nodes > 0) return send(false);
      // Nodes that failed others may be back before long.
      if (answer.refused.code == Errc::kNoDatanode && answer.avoids_nodes) {
        return fail(answer.refused, true, now);
      }
      why_ = answer.refused;
      return give_up(answer.refused);
    case State::kAskingAgain:
      if (answer.nodes >= copies_min_) return send(true);
      if (answer.nodes > 0 || answer.refused.code == Errc::kNoDatanode) {
        return wait_for_nodes(answer, now);
      }
      return give_up(answer.refused);
    case State::kAskingMeanwhile:
    case State::kAskingBetter:
      return take_better(answer, now);
    default:
      return {};
  }
}

WriteCommand WritePolicy::take_better(const PipelineAnswer& answer, TimePoint now) {
  if (answer.nodes > copies_) {
    ++rewrites_;
    return send(true);
  }
  if (answer.nodes == 0 && answer.refused.code == Errc::kExpired) return give_up(answer.refused);
  // A namenode that is away for the moment may know one later.
  if (answer.nodes > 0 || answer.refused.code == Errc::kNoDatanode) fruitless_from_ = copies_;
  if (state_ == State::kAskingBetter) return be_content(now);
  state_ = State::kSending;
  return command(Kind::kGoOn);
}

WriteCommand WritePolicy::take(const NodesLost& lost, TimePoint /*now*/) {
  if (state_ != State::kSending) return {};
  copies_ = lost.nodes_left;
  if (lost.repeatable && lost.bytes <= kRewriteBytesMax && may_gain()) {
    return ask(State::kAskingMeanwhile);
  }
  return command(Kind::kGoOn);
}

WriteCommand WritePolicy::take(const TryEnded& ended, TimePoint now) {
  if (state_ != State::kSending) return {};
  repeatable_ = ended.repeatable;
  copies_ = ended.copies;
  losses_ = ended.why.message;
  why_ = of_datanodes(ended.why);
  if (ended.whole) {
    state_ = State::kOver;
    return command(Kind::kDone);
  }
  if (copies_ == 0) return fail(Error(why_), repeatable_, now);
  if (repeatable_ && ended.bytes <= kRewriteBytesMax && may_gain()) {
    return ask(State::kAskingBetter);
  }
  return be_content(now);
}

WriteCommand WritePolicy::take(const WriteCancelled& cancelled, TimePoint /*now*/) {
  return give_up(cancelled.why);
}

WriteCommand WritePolicy::ask(State state) {
  state_ = state;
  return command(Kind::kAsk);
}

WriteCommand WritePolicy::send(bool fresh) {
  state_ = State::kSending;
  auto sending = command(Kind::kSend);
  sending.fresh = fresh;
  return sending;
}

// With the copies that there are, if they are enough.
WriteCommand WritePolicy::be_content(TimePoint now) {
  if (copies_ >= copies_min_) {
    state_ = State::kOver;
    return command(Kind::kDone);
  }
  const Error too_few{why_.code, "only " + std::to_string(copies_) + " of at least " +
                                     std::to_string(copies_min_) +
                                     " copies could be written (client.min_replication)" +
                                     (losses_.empty() ? "" : ": " + losses_)};
  return fail(too_few, repeatable_, now);
}

WriteCommand WritePolicy::fail(const Error& why, bool repeatable, TimePoint now) {
  why_ = why;
  repeatable_ = repeatable;
  if (failures_++ == 0) first_failure_ = now;
  if (!repeatable) return give_up(why);
  if (failures_ > kFailuresMin && too_late(now)) return give_up(last_word());
  return ask(State::kAskingAgain);
}

// All nodes have failed this writer, perhaps not for ever: a restart takes a second.
WriteCommand WritePolicy::wait_for_nodes(const PipelineAnswer& answer, TimePoint now) {
  if (!answer.avoids_nodes || why_.code == Errc::kNoSpace || too_late(now)) {
    return give_up(last_word());
  }
  auto asking = ask(State::kAskingAgain);
  asking.forgive = true;
  asking.delay = backoff_.next(answer.random);
  return asking;
}

Error WritePolicy::last_word() const {
  const std::string where = copies_min_ == 1
                                ? "any datanode"
                                : "the " + std::to_string(copies_min_) +
                                      " datanodes that client.min_replication asks for";
  return {why_.code, "could not be written to " + where + ": " + why_.message};
}

WriteCommand WritePolicy::give_up(Error error) {
  state_ = State::kOver;
  auto giving_up = command(Kind::kGiveUp);
  giving_up.error = std::move(error);
  return giving_up;
}

WriteCommand WritePolicy::command(Kind kind) {
  WriteCommand next;
  next.kind = kind;
  next.epoch = ++epoch_;
  return next;
}

std::optional<std::size_t> target_to_blame(const transfer::BlockAck& ack, bool reused) {
  const auto first = std::find(ack.stored.begin(), ack.stored.end(), false);
  if (first == ack.stored.end()) return {};
  const auto target = static_cast<std::size_t>(first - ack.stored.begin());
  const bool hangs = target < ack.timed_out.size() && ack.timed_out[target];
  if (reused && !hangs) return {};
  return target;
}

bool first_target_to_blame(const Error& error, bool reused) {
  return !reused || error.code == Errc::kTimedOut;
}

}  // namespace minidfs::client
