#include "consensus/applier.hpp"

#include <iterator>
#include <utility>

namespace minidfs::consensus {
namespace {

// Bounds of one transaction of the state; far above what the log hands over in one turn. Only a
// replay has more: in portions it needs little memory, and a failure costs the last portion alone.
constexpr std::size_t kBatchCommandsMax = 4096;
constexpr std::size_t kBatchBytesMax = 16 << 20;

}  // namespace

Status Applier::apply(const CommittedEntry& committed) {
  const auto& entry = committed.entry;
  MDFS_ASSERT(entry.index == index_ + 1);
  if (failure_) return *failure_;
  if (entry.kind != EntryKind::kCommand) {
    index_ = entry.index;
    return {};
  }
  if (batch_commands_ >= kBatchCommandsMax || batch_bytes_ >= kBatchBytesMax) {
    MDFS_CHECK(commit());
  }
  auto reply = state_.apply(entry.index, entry.payload);
  if (!reply.ok()) {
    failure_ = reply.error();
    return *failure_;
  }
  index_ = entry.index;
  ++batch_commands_;
  batch_bytes_ += entry.payload.size();
  if (committed.waiter) {
    const auto& waiter = *committed.waiter;
    of_channel(batch_, waiter.channel).push_back({waiter.token, std::move(reply), {}});
  }
  return {};
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
    auto& to = of_channel(ready_, channel);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  }
  return {};
}

void Applier::answer(const Waiter& waiter, Result<std::string> reply, const MemberAddress& leader) {
  of_channel(ready_, waiter.channel).push_back({waiter.token, std::move(reply), leader});
}

std::vector<std::vector<Completion>> Applier::take_completions() {
  return std::exchange(ready_, {});
}

void Applier::fail_batch(const Error& error) {
  for (ChannelId channel = 0; channel < batch_.size(); ++channel) {
    for (const auto& completion : batch_[channel]) answer({channel, completion.token}, error);
    batch_[channel].clear();
  }
}

std::vector<Completion>& Applier::of_channel(Answers& answers, ChannelId channel) {
  if (answers.size() <= channel) answers.resize(channel + 1);
  return answers[channel];
}

}  // namespace minidfs::consensus
