#include "transfer/pipeline_writer.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <mutex>

#include "transfer/client_connection.hpp"
#include "transfer/wire.hpp"
#include "transfer/writer_pulse.hpp"

namespace minidfs::transfer {
namespace {

// Data of one frame, which a node writes in one call. Large writes are cheap, as the kernel then
// takes large pieces of memory for its cache; but a node must still find the data in its
// processor's cache when it checks, writes and forwards them, and holds a frame for each of its
// writers.
constexpr std::size_t kPacketBytes = 512 * 1024;
static_assert(kPacketBytes <= kFrameDataMax);
// Data up to this size is copied next to its frame's head, so that a small block is one system
// call.
constexpr std::size_t kCopyBytes = 32 * 1024;
constexpr std::size_t kBufferBytes = 32 * 1024;
// Small blocks are gathered up to this size while earlier ones are on their way.
constexpr std::size_t kGatherBytes = 64 * 1024;

std::size_t stored_bytes_of(std::span<const storage::Slice> slices) {
  std::size_t bytes = 0;
  for (const auto& slice : slices) bytes += slice.stored_bytes;
  return bytes;
}

// How many of `slices` go into the next frame: at least one.
std::size_t packet_slices(std::span<const storage::Slice> slices) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < slices.size() && count < kFrameSlicesMax &&
         (count == 0 || bytes + slices[count].stored_bytes <= kPacketBytes)) {
    bytes += slices[count++].stored_bytes;
  }
  return count;
}

class PipelineWriterImpl final : public PipelineWriter {
 public:
  PipelineWriterImpl(std::unique_ptr<ClientConnection> connection,
                     std::vector<metadata::Endpoint> targets,
                     std::chrono::milliseconds disk_timeout)
      : connection_(std::move(connection)),
        targets_(std::move(targets)),
        disk_timeout_(disk_timeout),
        pulse_([this] { beat(); }) {}

  Status begin_block(BlockId block, std::uint64_t generation,
                     std::uint64_t stored_bytes_hint) override;
  Status append(std::span<const storage::Slice> slices, std::span<const std::byte> stored) override;
  Status end_block() override;
  const std::optional<BlockAck>& losses() const override { return losses_; }
  std::size_t unacknowledged() const override { return ended_.size() + acks_.size(); }
  Result<BlockAck> wait_ack() override;

 private:
  void beat();
  Status admit(std::span<const storage::Slice> slices, std::size_t stored_bytes);
  Status flush();
  Status send_packets(std::span<const storage::Slice> slices, std::span<const std::byte> stored);
  Status look();
  Status take_frames();
  Status take_ack(const Frame& frame);
  Status take_loss(const Frame& frame);
  BlockAck best_ack(BlockId block) const;
  void note_outcome(BlockAck& ack, std::size_t target, const Outcome& outcome) const;
  Status keep(Status status);

  std::unique_ptr<ClientConnection> connection_;
  std::vector<metadata::Endpoint> targets_;
  std::chrono::milliseconds disk_timeout_;
  std::string pending_;  // Frames not yet sent.
  std::string heads_;    // Reused by send_packets().
  std::deque<BlockId> ended_;
  std::deque<BlockAck> acks_;
  BlockId block_;                   // The open one, or none.
  EndBlock end_;                    // Of the open block so far.
  std::optional<BlockAck> losses_;  // Of the open block so far.
  Status broken_;                   // The first error, which all later calls return.
  std::mutex in_call_;              // Held by calls that send, so that beat() does not interfere.
  WriterPulse pulse_;               // The last member: it ends before what it uses.
};

// Remembers a failure of the connection.
Status PipelineWriterImpl::keep(Status status) {
  if (!status.ok() && broken_.ok()) broken_ = status;
  return status;
}

// The nodes give up a writer that stops in the middle of a block. This one may only wait for the
// bytes of a slow source.
void PipelineWriterImpl::beat() {
  const std::unique_lock lock(in_call_, std::try_to_lock);
  if (!lock || block_ == BlockId() || !broken_.ok()) return;
  std::string frame;
  append_frame(frame, FrameType::kKeepAlive, KeepAlive());
  connection_->send_if_idle(frame);
}

Status PipelineWriterImpl::begin_block(BlockId block, std::uint64_t generation,
                                       std::uint64_t stored_bytes_hint) {
  const std::lock_guard lock(in_call_);
  MDFS_CHECK(broken_);
  if (block_ != BlockId()) {
    return Error{Errc::kInvalidArgument,
                 "block " + to_string(block) + " begins inside block " + to_string(block_)};
  }
  block_ = block;
  end_ = EndBlock{};
  append_frame(pending_, FrameType::kBeginBlock, BeginBlock{block, generation, stored_bytes_hint});
  return {};
}

// Counts slices for the open block.
Status PipelineWriterImpl::admit(std::span<const storage::Slice> slices, std::size_t stored_bytes) {
  MDFS_CHECK(broken_);
  if (block_ == BlockId() || stored_bytes_of(slices) != stored_bytes) {
    return Error{Errc::kInvalidArgument, "slices of " + std::to_string(stored_bytes_of(slices)) +
                                             " bytes with " + std::to_string(stored_bytes) +
                                             " for block " + to_string(block_)};
  }
  for (const auto& slice : slices) end_.length += slice.raw_bytes;
  end_.slices += slices.size();
  return {};
}

Status PipelineWriterImpl::append(std::span<const storage::Slice> slices,
                                  std::span<const std::byte> stored) {
  const std::lock_guard lock(in_call_);
  MDFS_CHECK(admit(slices, stored.size()));
  if (slices.empty()) return {};
  if (stored.size() <= kCopyBytes && slices.size() <= kFrameSlicesMax) {
    append_slices_head(pending_, FrameType::kWriteSlices, slices);
    pending_.append(reinterpret_cast<const char*>(stored.data()), stored.size());
    if (pending_.size() < kGatherBytes) return {};
    MDFS_CHECK(flush());
    return look();
  }
  MDFS_CHECK(keep(send_packets(slices, stored)));
  return look();
}

// Sends what is pending and the slices in packets, the data straight from the caller's memory.
Status PipelineWriterImpl::send_packets(std::span<const storage::Slice> slices,
                                        std::span<const std::byte> stored) {
  while (!slices.empty()) {
    constexpr std::size_t kBatchMax = 8;
    std::array<iovec, 2 * kBatchMax> parts;
    std::array<std::size_t, kBatchMax> head_ends;
    std::size_t packets = 0;
    heads_.swap(pending_);
    while (packets < kBatchMax && !slices.empty()) {
      const std::size_t count = packet_slices(slices);
      const std::size_t bytes = stored_bytes_of(slices.first(count));
      append_slices_head(heads_, FrameType::kWriteSlices, slices.first(count));
      head_ends[packets] = heads_.size();
      parts[2 * packets + 1] = {const_cast<std::byte*>(stored.data()), bytes};
      slices = slices.subspan(count);
      stored = stored.subspan(bytes);
      ++packets;
    }
    std::size_t start = 0;
    for (std::size_t i = 0; i < packets; ++i) {
      parts[2 * i] = {heads_.data() + start, head_ends[i] - start};
      start = head_ends[i];
    }
    auto status =
        connection_->send(std::span(parts).first(2 * packets), [this] { return take_frames(); });
    heads_.clear();
    MDFS_CHECK(std::move(status));
  }
  return {};
}

Status PipelineWriterImpl::end_block() {
  const std::lock_guard lock(in_call_);
  MDFS_CHECK(broken_);
  if (block_ == BlockId()) return Error{Errc::kInvalidArgument, "no block is open"};
  append_frame(pending_, FrameType::kEndBlock, end_);
  ended_.push_back(block_);
  block_ = BlockId();
  losses_.reset();
  MDFS_CHECK(flush());
  // Acks are taken now and then without waiting, so that the node need not hold them back.
  return ended_.size() % 32 == 0 ? look() : Status();
}

// Takes what has arrived, without waiting.
Status PipelineWriterImpl::look() {
  auto grown = connection_->try_fill();
  if (!grown.ok()) return keep(std::move(grown).error());
  return keep(take_frames());
}

Status PipelineWriterImpl::flush() {
  if (pending_.empty()) return {};
  iovec part{pending_.data(), pending_.size()};
  auto status = connection_->send(std::span(&part, 1), [this] { return take_frames(); });
  pending_.clear();
  return keep(std::move(status));
}

Result<BlockAck> PipelineWriterImpl::wait_ack() {
  std::unique_lock lock(in_call_);
  if (acks_.empty()) {
    MDFS_CHECK(broken_);
    if (ended_.empty()) return Error{Errc::kInvalidArgument, "no block awaits its ack"};
    connection_->note_progress();
  }
  while (acks_.empty()) {
    MDFS_CHECK(keep(take_frames()));
    if (!acks_.empty()) break;
    // Another block may be open, which needs its signs of life meanwhile.
    lock.unlock();
    auto filled = connection_->fill();
    lock.lock();
    MDFS_CHECK(keep(std::move(filled)));
  }
  BlockAck ack = std::move(acks_.front());
  acks_.pop_front();
  return ack;
}

// Takes all whole frames that have arrived.
Status PipelineWriterImpl::take_frames() {
  for (;;) {
    auto parsed = parse_frame(connection_->received());
    if (!parsed.ok()) {
      return Error{Errc::kProtocol, connection_->name() + ": " + parsed.error().message};
    }
    if (!parsed->has_value()) return {};
    const Frame& frame = **parsed;
    connection_->note_progress();
    if (frame.type == FrameType::kFailure) return failure_of(frame, connection_->name());
    if (frame.type == FrameType::kAckBlock) {
      MDFS_CHECK(take_ack(frame));
    } else if (frame.type == FrameType::kTargetLost) {
      MDFS_CHECK(take_loss(frame));
    } else if (frame.type == FrameType::kKeepAlive) {
      auto status = check_keep_alive(frame.control, disk_timeout_);
      if (!status.ok()) {
        return Error{status.error().code, connection_->name() + ": " + status.error().message};
      }
    } else {
      return unexpected_frame(frame, connection_->name());
    }
    connection_->consume(frame.total_bytes());
  }
}

Status PipelineWriterImpl::take_ack(const Frame& frame) {
  MDFS_TRY(auto wire, parse_ack_block(frame.control));
  if (ended_.empty() || wire.block != ended_.front() || wire.targets.size() != targets_.size()) {
    return Error{Errc::kProtocol, connection_->name() + ": ack of block " + to_string(wire.block) +
                                      " by " + std::to_string(wire.targets.size()) +
                                      " targets, which was not due"};
  }
  BlockAck ack = best_ack(wire.block);
  ack.stored_bytes = wire.stored_bytes;
  for (std::size_t i = 0; i < targets_.size(); ++i) note_outcome(ack, i, wire.targets[i]);
  ended_.pop_front();
  acks_.push_back(std::move(ack));
  return {};
}

// The ack of a block that every target has stored.
BlockAck PipelineWriterImpl::best_ack(BlockId block) const {
  const auto count = targets_.size();
  return {block,
          0,
          std::vector<bool>(count, true),
          std::vector<std::string>(count),
          std::vector<bool>(count, false),
          std::vector<Errc>(count, Errc::kInternal)};
}

void PipelineWriterImpl::note_outcome(BlockAck& ack, std::size_t target,
                                      const Outcome& outcome) const {
  if (outcome.ok()) return;
  const Error error = outcome.to_error();
  ack.stored[target] = false;
  ack.timed_out[target] = error.code == Errc::kTimedOut;
  ack.codes[target] = error.code;
  ack.errors[target] = metadata::to_string(targets_[target]) + ": " + error.message;
}

// Of a block that was ended meanwhile the ack tells the same.
Status PipelineWriterImpl::take_loss(const Frame& frame) {
  MDFS_TRY(const auto lost, parse_target_lost(frame.control));
  const bool open = lost.block == block_;
  const bool due = open || std::find(ended_.begin(), ended_.end(), lost.block) != ended_.end();
  const bool possible = due && lost.target < targets_.size();
  if (!possible || (open && losses_ && !losses_->stored[lost.target])) {
    return Error{Errc::kProtocol, connection_->name() + ": target " + std::to_string(lost.target) +
                                      " of " + std::to_string(targets_.size()) + " lost block " +
                                      to_string(lost.block) + ", which could not be or was known"};
  }
  if (!open) return {};
  if (!losses_) losses_ = best_ack(block_);
  note_outcome(*losses_, lost.target, lost.outcome);
  return {};
}

}  // namespace

Result<std::unique_ptr<PipelineWriter>> PipelineWriter::open(
    std::vector<metadata::Endpoint> targets, const ConnectionOptions& options) {
  if (targets.empty() || targets.size() > kFurtherTargetsMax + 1) {
    return Error{Errc::kInvalidArgument,
                 "a pipeline of " + std::to_string(targets.size()) + " targets"};
  }
  OpenPipeline open;
  open.targets.assign(targets.begin() + 1, targets.end());
  for (const auto& target : open.targets) {
    if (target.host.empty() || target.host.size() > 255) {
      return Error{Errc::kInvalidArgument, "'" + target.host + "' is no host name"};
    }
  }
  open.background = options.background ? 1 : 0;
  std::string first_frames;
  append_frame(first_frames, FrameType::kOpenPipeline, open);
  MDFS_TRY(auto connection,
           ClientConnection::open(targets.front(), options, kBufferBytes, first_frames));
  return std::unique_ptr<PipelineWriter>(
      new PipelineWriterImpl(std::move(connection), std::move(targets), options.disk_timeout));
}

}  // namespace minidfs::transfer
