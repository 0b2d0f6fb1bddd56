#include "consensus/applier.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace minidfs::consensus {
namespace {

// Bounds of one transaction of the state; far above what the log hands over in one turn. Only a
// replay has more: in portions it needs little memory, and a failure costs the last portion alone.
constexpr std::size_t kBatchCommandsMax = 4096;
constexpr std::size_t kBatchBytesMax = 16 << 20;

}  // namespace

Applier::Applier(StateMachine& state, std::uint64_t proposer)
    : state_(state), proposer_(proposer), applied_(state.applied()) {}

void Applier::expect(std::uint64_t sequence, ChannelId channel, std::uint64_t token) {
  expected_.push_back({sequence, channel, token});
}

void Applier::fail_expected(const Error& error) {
  for (const auto& expected : expected_) answer(expected.channel, expected.token, error);
  expected_.clear();
}

void Applier::fail_from(std::uint64_t first_sequence, const Error& error) {
  const auto first = std::partition_point(
      expected_.begin(), expected_.end(),
      [&](const Expected& expected) { return expected.sequence < first_sequence; });
  for (auto at = first; at != expected_.end(); ++at) answer(at->channel, at->token, error);
  expected_.erase(first, expected_.end());
}

void Applier::answer(ChannelId channel, std::uint64_t token, Result<std::string> reply) {
  channel_answers(ready_, channel).push_back({token, std::move(reply)});
}

Status Applier::apply(std::string_view entry) {
  MDFS_TRY(const auto decoded, decode_entry(entry, "command " + std::to_string(number_ + 1)));
  const auto number = number_ + 1;
  if (number <= applied_) {
    number_ = number;
    return {};
  }
  if (failure_) return *failure_;
  if (batch_commands_ >= kBatchCommandsMax || batch_bytes_ >= kBatchBytesMax) {
    MDFS_CHECK(commit());
  }
  const auto status = apply_to_state(number, decoded);
  if (!status.ok()) failure_ = status.error();
  return status;
}

Status Applier::apply_to_state(std::uint64_t number, const DecodedEntry& entry) {
  MDFS_TRY(auto reply, state_.apply(number, entry.command));
  number_ = applied_ = number;
  ++batch_commands_;
  batch_bytes_ += entry.command.size();
  if (entry.header.proposer == proposer_) reply_to(entry.header.sequence, std::move(reply));
  return {};
}

void Applier::reply_to(std::uint64_t sequence, std::string reply) {
  // Our entries come in the order in which they were proposed. One that was given up (leadership
  // was lost) may still come; it has been answered.
  if (expected_.empty() || expected_.front().sequence != sequence) return;
  const auto& expected = expected_.front();
  channel_answers(batch_, expected.channel).push_back({expected.token, std::move(reply)});
  expected_.pop_front();
}

Status Applier::commit() {
  if (failure_) return *failure_;
  if (batch_commands_ == 0) return {};
  if (auto status = state_.commit_batch(); !status.ok()) {
    failure_ = status.error();
    return status;
  }
  batch_commands_ = batch_bytes_ = 0;
  for (ChannelId channel = 0; channel < batch_.size(); ++channel) {
    auto& from = batch_[channel];
    if (from.empty()) continue;
    auto& to = channel_answers(ready_, channel);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  }
  return {};
}

std::vector<std::vector<Completion>> Applier::take_completions() {
  return std::exchange(ready_, {});
}

void Applier::fail_batch(const Error& error) {
  for (ChannelId channel = 0; channel < batch_.size(); ++channel) {
    for (const auto& completion : batch_[channel]) answer(channel, completion.token, error);
    batch_[channel].clear();
  }
}

Status Applier::restore(std::string_view snapshot) {
  MDFS_TRY(const auto number, decode_snapshot(snapshot, "snapshot"));
  if (number > applied_) {
    return Error{Errc::kStale, "the log goes on after command " + std::to_string(number) +
                                   ", the database holds commands up to " +
                                   std::to_string(applied_) +
                                   ": a copy of the leader's database is needed"};
  }
  number_ = number;
  return {};
}

Status Applier::make_durable(std::uint64_t number) {
  MDFS_TRY(const auto durable, state_.make_durable());
  if (durable >= number) return {};
  return Error{Errc::kInternal, "the database is durable up to command " + std::to_string(durable) +
                                    ", asked for was " + std::to_string(number)};
}

std::vector<Completion>& Applier::channel_answers(std::vector<std::vector<Completion>>& where,
                                                  ChannelId channel) {
  if (where.size() <= channel) where.resize(channel + 1);
  return where[channel];
}

}  // namespace minidfs::consensus
