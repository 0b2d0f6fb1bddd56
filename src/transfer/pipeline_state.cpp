#include "transfer/pipeline_state.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::transfer {
namespace {

constexpr std::size_t kHostBytesMax = 255;

}  // namespace

BlockAck BlockAck::of_all(BlockId block, std::size_t targets) {
  return {block,
          0,
          std::vector<bool>(targets, true),
          std::vector<std::string>(targets),
          std::vector<bool>(targets, false),
          std::vector<Errc>(targets, Errc::kInternal)};
}

void BlockAck::note_lost(std::size_t target, const metadata::Endpoint& where, const Error& why) {
  stored[target] = false;
  timed_out[target] = why.code == Errc::kTimedOut;
  codes[target] = why.code;
  errors[target] = metadata::to_string(where) + ": " + why.message;
}

Result<std::string> PipelineState::opening(bool background, std::uint8_t nodes_ahead) const {
  if (targets_.empty() || targets_.size() + nodes_ahead > kFurtherTargetsMax + 1) {
    return Error{Errc::kInvalidArgument,
                 "a pipeline of " + std::to_string(targets_.size()) + " targets"};
  }
  OpenPipeline open;
  open.targets.assign(targets_.begin() + 1, targets_.end());
  for (const auto& target : open.targets) {
    if (target.host.empty() || target.host.size() > kHostBytesMax) {
      return Error{Errc::kInvalidArgument, "'" + target.host + "' is no host name"};
    }
  }
  open.background = background ? 1 : 0;
  open.ahead = nodes_ahead;
  std::string frame;
  append_frame(frame, FrameType::kOpenPipeline, open);
  return frame;
}

Status PipelineState::begin(BlockId block, std::uint64_t generation,
                            std::uint64_t stored_bytes_hint, std::string& out) {
  if (block_is_open()) {
    return Error{Errc::kInvalidArgument,
                 "block " + to_string(block) + " begins inside block " + to_string(block_)};
  }
  block_ = block;
  counted_ = EndBlock{};
  append_frame(out, FrameType::kBeginBlock, BeginBlock{block, generation, stored_bytes_hint});
  return {};
}

Status PipelineState::admit(std::span<const storage::Slice> slices, std::size_t stored_bytes) {
  std::size_t bytes = 0;
  for (const auto& slice : slices) bytes += slice.stored_bytes;
  if (!block_is_open() || bytes != stored_bytes) {
    return Error{Errc::kInvalidArgument, "slices of " + std::to_string(bytes) + " bytes with " +
                                             std::to_string(stored_bytes) + " for block " +
                                             to_string(block_)};
  }
  for (const auto& slice : slices) counted_.length += slice.raw_bytes;
  counted_.slices += slices.size();
  return {};
}

Status PipelineState::end(std::string& out) {
  if (!block_is_open()) return Error{Errc::kInvalidArgument, "no block is open"};
  append_frame(out, FrameType::kEndBlock, counted_);
  ended_.push_back(std::exchange(block_, BlockId()));
  losses_.reset();
  return {};
}

Status PipelineState::take(const Frame& frame) {
  switch (frame.type) {
    case FrameType::kFailure:
      return failure_of(frame, first_);
    case FrameType::kAckBlock:
      return take_ack_frame(frame);
    case FrameType::kTargetLost:
      return take_loss(frame);
    case FrameType::kKeepAlive: {
      auto status = check_keep_alive(frame.control, disk_timeout_);
      if (status.ok()) return {};
      return Error{status.error().code, first_ + ": " + status.error().message};
    }
    default:
      return unexpected_frame(frame, first_);
  }
}

std::optional<BlockAck> PipelineState::take_ack() {
  if (acks_.empty()) return std::nullopt;
  std::optional<BlockAck> ack = std::move(acks_.front());
  acks_.pop_front();
  return ack;
}

Status PipelineState::take_ack_frame(const Frame& frame) {
  MDFS_TRY(auto wire, parse_ack_block(frame.control));
  if (ended_.empty() || wire.block != ended_.front() || wire.targets.size() != targets_.size()) {
    return Error{Errc::kProtocol, first_ + ": ack of block " + to_string(wire.block) + " by " +
                                      std::to_string(wire.targets.size()) +
                                      " targets, which was not due"};
  }
  auto ack = BlockAck::of_all(wire.block, targets_.size());
  ack.stored_bytes = wire.stored_bytes;
  for (std::size_t i = 0; i < targets_.size(); ++i) note_status(ack, i, wire.targets[i]);
  ended_.pop_front();
  acks_.push_back(std::move(ack));
  return {};
}

void PipelineState::note_status(BlockAck& ack, std::size_t target, const WireStatus& status) const {
  if (!status.ok()) ack.note_lost(target, targets_[target], status.to_error());
}

// Of a block that was ended meanwhile the ack tells the same.
Status PipelineState::take_loss(const Frame& frame) {
  MDFS_TRY(const auto lost, parse_target_lost(frame.control));
  const bool open = block_is_open() && lost.block == block_;
  const bool due = open || std::find(ended_.begin(), ended_.end(), lost.block) != ended_.end();
  const bool possible = due && lost.target < targets_.size();
  if (!possible || (open && losses_ && !losses_->stored[lost.target])) {
    return Error{Errc::kProtocol, first_ + ": target " + std::to_string(lost.target) + " of " +
                                      std::to_string(targets_.size()) + " lost block " +
                                      to_string(lost.block) + ", which could not be or was known"};
  }
  if (!open) return {};
  if (!losses_) losses_ = BlockAck::of_all(block_, targets_.size());
  note_status(*losses_, lost.target, lost.status);
  return {};
}

}  // namespace minidfs::transfer
