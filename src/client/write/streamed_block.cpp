#include "client/write/streamed_block.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::client {
namespace {

// A stream may take hours for one block. When its pipelines failed so often in the meantime it is
// only kept, and sent at its end.
constexpr int kFailuresMax = 3;

}  // namespace

Status StreamedBlock::begin(Result<BlockGrant> grant, std::uint64_t length_max) {
  demand_.block_size = length_max;
  demand_.replication = options_.replication;
  if (grant.ok()) {
    start(*std::move(grant), false);
  } else if (grant.error().code == Errc::kNoDatanode && session_.excludes_any()) {
    tried_ = std::move(grant).error();
  } else {
    return std::move(grant).error();
  }
  return {};
}

Status StreamedBlock::append(std::span<const std::byte> chunk, bool last) {
  MDFS_CHECK(replay_->append(chunk));
  if (attempt_) give(chunk);
  return last ? Status() : catch_up();
}

void StreamedBlock::end() {
  if (attempt_) note(attempt_->end());
}

Result<SentBlock> StreamedBlock::finish() {
  auto sent = attempt_ ? attempt_->settle_ack() : Result<SentBlock>(tried_.error());
  if (!sent.ok()) abandon();
  attempt_.reset();
  const auto wanted = copies_min(context_.options, options_.replication);
  if (sent.ok() && sent->nodes.size() >= std::max(sent->targets, wanted)) return sent;
  BlockSender sender(context_, session_, progress_, options_);
  if (sent.ok()) {
    sent = sender.complete(*std::move(sent), *replay_, rewrites_);
    if (sent.ok()) return sent;
  }
  return sender.send_again(std::move(sent).error(), *replay_, rewrites_);
}

// Sends all that was read so far, in another pipeline whenever there is a reason.
Status StreamedBlock::catch_up() {
  for (;;) {
    if (auto other = other_pipeline()) {
      abandon();
      start(*std::move(other), true);
      continue;
    }
    if (!attempt_ || attempt_->length() == replay_->length()) return {};
    buffer_.resize(kChunkBytes);
    const auto rest = replay_->length() - attempt_->length();
    const auto chunk = std::span(buffer_).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, rest)));
    MDFS_CHECK(replay_->read(attempt_->length(), chunk));
    give(chunk);
  }
}

// None to go on as it is.
std::optional<BlockGrant> StreamedBlock::other_pipeline() {
  if (attempt_) {
    auto better = attempt_->replacement(rewrites_, demand_);
    if (better.ok()) return *std::move(better);
    note(std::move(better).error());
  }
  if (failures_ == kFailuresMax) return {};
  auto pipeline = retry_.next(tried_.error(), demand_);
  failures_ = pipeline.ok() ? failures_ + 1 : kFailuresMax;
  if (!pipeline.ok()) return {};
  return BlockGrant{pipeline->blocks.front(), pipeline->generation, std::move(pipeline->targets)};
}

void StreamedBlock::start(BlockGrant grant, bool fresh) {
  attempt_ = std::make_unique<BlockAttempt>(context_, session_, std::move(grant), fresh);
  note(attempt_->begin(demand_.block_size));
}

void StreamedBlock::give(std::span<const std::byte> chunk) {
  progress_.add_bytes(chunk.size());
  note(attempt_->append(encoder_, chunk));
}

void StreamedBlock::note(Status tried) {
  tried_ = std::move(tried);
  if (!tried_.ok()) abandon();
}

void StreamedBlock::abandon() {
  if (attempt_) progress_.take_back_bytes(attempt_->length());
  attempt_.reset();
}

}  // namespace minidfs::client
