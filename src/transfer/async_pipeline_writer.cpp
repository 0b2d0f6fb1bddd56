#include "transfer/async_pipeline_writer.hpp"

#include <utility>

namespace minidfs::transfer {
namespace {

// Data up to this size is copied next to its frame's head, so that a small block is one system
// call.
constexpr std::size_t kSmallAppendBytes = 32 * 1024;
// Small blocks are gathered up to this size while earlier ones are on their way.
constexpr std::size_t kGatheredBytes = 64 * 1024;
// Larger than any frame that a node sends to a writer.
constexpr std::size_t kAckBufferBytes = 32 * 1024;
// Acks are taken now and then without waiting, so that the node need not hold them back.
constexpr std::size_t kBlocksPerLook = 32;
constexpr std::chrono::milliseconds kPulse{500};

metadata::Endpoint first_of(const std::vector<metadata::Endpoint>& targets) {
  return targets.empty() ? metadata::Endpoint() : targets.front();
}

}  // namespace

AsyncPipelineWriter::AsyncPipelineWriter(const asio::any_io_executor& executor,
                                         std::vector<metadata::Endpoint> targets,
                                         const ConnectionOptions& options)
    : background_(options.background),
      ahead_(options.nodes_ahead),
      connection_(executor, first_of(targets), options, kAckBufferBytes),
      state_(std::move(targets), options.disk_timeout),
      pulse_(executor) {
  connection_.on_received([this] { return take_frames(); });
}

void AsyncPipelineWriter::leave_loop() {
  MDFS_ASSERT(!state_.block_is_open() && pending_.empty() && flushed());
  pulse_.reset();
  pulse_scheduled_ = false;
  alive_ = std::make_shared<const bool>(true);  // What stands in the loop is of no effect any more.
  connection_.leave_loop();
}

void AsyncPipelineWriter::join_loop(const asio::any_io_executor& executor) {
  connection_.join_loop(executor);
  pulse_.emplace(executor);
}

// Remembers a failure of the connection.
Status AsyncPipelineWriter::keep(Status status) {
  if (!status.ok() && broken_.ok()) broken_ = status;
  return status;
}

asio::awaitable<Status> AsyncPipelineWriter::open() {
  auto opening = state_.opening(background_, ahead_);
  if (!opening.ok()) co_return keep(std::move(opening).error());
  Status opened = co_await connection_.open(*std::move(opening));
  co_return keep(std::move(opened));
}

Status AsyncPipelineWriter::begin_block(BlockId block, std::uint64_t generation,
                                        std::uint64_t stored_bytes_hint) {
  MDFS_CHECK(broken_);
  MDFS_CHECK(state_.begin(block, generation, stored_bytes_hint, pending_));
  schedule_beat();
  return {};
}

Status AsyncPipelineWriter::begin_append(std::span<const storage::Slice> slices,
                                         std::span<const std::byte> stored) {
  MDFS_CHECK(broken_);
  MDFS_CHECK(state_.admit(slices, stored.size()));
  if (slices.empty()) return {};
  if (stored.size() <= kSmallAppendBytes && slices.size() <= kFrameSlicesMax) {
    append_slices_head(pending_, FrameType::kWriteSlices, slices);
    pending_.append(reinterpret_cast<const char*>(stored.data()), stored.size());
    if (pending_.size() < kGatheredBytes) return {};
    outgoing_.begin(pending_);
  } else {
    outgoing_.begin(pending_, slices, stored);
  }
  looks_ = true;
  return send_now();
}

Status AsyncPipelineWriter::begin_end_block(Next next) {
  MDFS_CHECK(broken_);
  MDFS_CHECK(state_.end(pending_));
  ++ended_;
  if (next == Next::kAtOnce && pending_.size() < kGatheredBytes) return {};
  return send_gathered();
}

Status AsyncPipelineWriter::send_gathered() {
  outgoing_.begin(pending_);
  looks_ = ended_ >= kBlocksPerLook;
  return send_now();
}

Status AsyncPipelineWriter::send_now() {
  while (!outgoing_.done()) {
    auto& parts = outgoing_.next();
    MDFS_CHECK(keep(connection_.try_send(parts)));
    if (!parts.empty()) return {};
  }
  return sent_all();
}

asio::awaitable<Status> AsyncPipelineWriter::flush() {
  Status sent;
  while (sent.ok() && !outgoing_.done()) {
    auto& parts = outgoing_.next();
    sent = co_await connection_.send(parts);
    parts = {};
    sent = sent.ok() ? send_now() : keep(std::move(sent));
  }
  co_return sent;
}

Status AsyncPipelineWriter::sent_all() { return looks_ ? look() : Status(); }

asio::awaitable<Status> AsyncPipelineWriter::append(std::span<const storage::Slice> slices,
                                                    std::span<const std::byte> stored) {
  Status begun = begin_append(slices, stored);
  if (!begun.ok() || flushed()) co_return begun;
  Status sent = co_await flush();
  co_return sent;
}

asio::awaitable<Status> AsyncPipelineWriter::end_block(Next next) {
  Status begun = begin_end_block(next);
  if (!begun.ok() || flushed()) co_return begun;
  Status sent = co_await flush();
  co_return sent;
}

// Takes what has arrived, without waiting.
Status AsyncPipelineWriter::look() {
  looks_ = false;
  ended_ = 0;
  const auto grown = connection_.try_fill();
  if (!grown.ok()) return keep(grown.error());
  return keep(take_frames());
}

// Takes all whole frames that have arrived.
Status AsyncPipelineWriter::take_frames() {
  for (;;) {
    auto parsed = parse_frame(connection_.received());
    if (!parsed.ok()) {
      return Error{Errc::kProtocol, connection_.name() + ": " + parsed.error().message};
    }
    if (!parsed->has_value()) return {};
    const Frame& frame = **parsed;
    connection_.note_progress();
    MDFS_CHECK(state_.take(frame));
    connection_.consume(frame.total_bytes());
  }
}

// Without looking for more frames.
std::optional<Result<BlockAck>> AsyncPipelineWriter::known_ack() {
  if (auto ack = state_.take_ack()) return *std::move(ack);
  if (!broken_.ok()) return broken_.error();
  if (state_.unacknowledged() > 0) return std::nullopt;
  return Error{Errc::kInvalidArgument, "no block awaits its ack"};
}

std::optional<Result<BlockAck>> AsyncPipelineWriter::try_wait_ack() {
  auto ack = known_ack();
  if (ack) return ack;
  if (!pending_.empty()) (void)send_gathered();
  if (flushed()) (void)look();
  return known_ack();
}

asio::awaitable<Result<BlockAck>> AsyncPipelineWriter::wait_ack() {
  connection_.note_progress();
  for (auto ack = try_wait_ack();; ack = known_ack()) {
    if (ack) co_return *std::move(ack);
    if (!flushed()) {
      (void)co_await flush();
      continue;
    }
    Status filled = co_await connection_.fill();
    // What has come before an end of the connection still counts.
    Status taken = filled.ok() ? take_frames() : std::move(filled);
    if (!taken.ok()) (void)keep(std::move(taken));
  }
}

void AsyncPipelineWriter::beat() {
  if (!state_.block_is_open() || !broken_.ok() || !flushed()) return;
  std::string frame;
  append_frame(frame, FrameType::kKeepAlive, KeepAlive());
  connection_.send_if_idle(frame);
}

// The nodes give up a writer that stops in the middle of a block. This one may only wait for the
// bytes of a slow source.
void AsyncPipelineWriter::schedule_beat() {
  if (std::exchange(pulse_scheduled_, true)) return;
  pulse_->expires_after(kPulse);
  pulse_->async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (error || alive.expired()) return;
    pulse_scheduled_ = false;
    if (!state_.block_is_open()) return;
    beat();
    schedule_beat();
  });
}

}  // namespace minidfs::transfer
