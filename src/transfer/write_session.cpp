#include "transfer/write_session.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace minidfs::transfer {
namespace {

constexpr std::size_t kPendingMax = 512;
constexpr std::size_t kOutputMax = 64 * 1024;
// At least so much is on its way to the next node before the disk has it.
constexpr std::size_t kForwardEarlyBytes = 32 * 1024;
// How much of a large frame is waited for before its slices are taken: large writes are cheap.
constexpr std::size_t kBatchBytes = 512 * 1024;
// A condition is looked at again after so long, though every change of it is signalled.
constexpr std::chrono::seconds kLookAgain{1};

}  // namespace

WriteSession::WriteSession(std::shared_ptr<Connection> connection, OpenPipeline open)
    : connection_(std::move(connection)),
      loop_(connection_->loop()),
      pipeline_(std::move(open)),
      last_keep_alive_(Clock::now()),
      changed_(loop_.io()) {}

asio::awaitable<Status> WriteSession::run() {
  const auto self = shared_from_this();
  if (!pipeline_.targets.empty()) {
    downstream_ = std::make_shared<Downstream>(loop_, self, pipeline_);
    co_await downstream_->open();
  }
  receiving_ = true;
  Status status = co_await receive();
  if (block_) {
    block_.reset();  // Half a block is abandoned.
    loop_.context().active_writes.fetch_sub(1, std::memory_order_relaxed);
  }
  if (downstream_) downstream_->end_sending();
  // What was ended stays, whether or not somebody still listens.
  connection_->expect_nothing();
  while (!pending_.empty() && !connection_->closed()) {
    co_await changed_.wait(Clock::now() + kLookAgain);
  }
  if (!connection_->closed()) co_await connection_->drain();
  if (downstream_) downstream_->drop(Error{Errc::kCancelled, "the pipeline has ended"});
  co_return status;
}

asio::awaitable<Status> WriteSession::receive() {
  for (;;) {
    const bool open = co_await wait_for_room();
    if (!open) co_return Status();
    const auto more =
        co_await connection_->receive(pipeline_.targets.size(), need_, block_.has_value());
    if (!more.ok()) co_return more.error();
    if (!*more) co_return Status();
    Status taken = co_await take_received();
    if (!taken.ok()) co_return taken;
  }
}

asio::awaitable<bool> WriteSession::wait_for_room() {
  while (!connection_->closed() && is_full()) {
    if (connection_->out_bytes() >= kOutputMax) connection_->expect_output_taken();
    co_await changed_.wait(Clock::now() + kLookAgain);
  }
  connection_->expect_nothing();
  co_return !connection_->closed();
}

// What a disk owes us ends with its deadline at the latest.
bool WriteSession::is_full() const {
  return pending_.size() >= kPendingMax || connection_->out_bytes() >= kOutputMax ||
         (block_ && block_->writer && block_->backlog->full());
}

// Takes what is whole of the bytes received, then sends the next node those that it does not have
// yet. Everything is forwarded as it came.
asio::awaitable<Status> WriteSession::take_received() {
  taken_ = forwarded_ = 0;
  Status status = take_whole();
  if (forwards() && forwarded_ < taken_) {
    co_await downstream_->send(connection_->received().subspan(forwarded_, taken_ - forwarded_));
  }
  const std::size_t taken = taken_;
  connection_->consume(taken);
  connection_->release();
  co_await connection_->share_thread(taken);
  co_return status;
}

// Frames, and slices of the frame whose end has not arrived.
Status WriteSession::take_whole() {
  for (;;) {
    if (frame_) {
      if (!take_slices()) {
        need_ = need_of_frame();
        return {};
      }
      continue;
    }
    MDFS_TRY(const auto parsed, parse_frame(untaken()));
    if (!parsed) {
      // No frame has a data part but those whose head is enough.
      const std::size_t head = std::min(wanted_bytes(untaken()), kControlFrameMax);
      need_ = {head, head};
      return {};
    }
    if (parsed->type == FrameType::kWriteSlices) {
      MDFS_CHECK(begin_slices(*parsed));
      taken_ += parsed->head_bytes();
    } else {
      MDFS_CHECK(take_frame(*parsed));
      taken_ += parsed->total_bytes();
    }
  }
}

Connection::Need WriteSession::need_of_frame() const {
  return {frame_->array.slices.at(frame_->next).stored_bytes, std::min(frame_->bytes, kBatchBytes)};
}

Status WriteSession::take_frame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::kBeginBlock: {
      MDFS_TRY(const auto begin, parse_begin_block(frame.control));
      return begin_block(begin);
    }
    case FrameType::kEndBlock: {
      MDFS_TRY(const auto end, parse_end_block(frame.control));
      return end_block(end);
    }
    case FrameType::kKeepAlive: {
      // It has arrived: that is all.
      MDFS_TRY([[maybe_unused]] const auto alive, parse_keep_alive(frame.control));
      return {};
    }
    default:
      return Error{Errc::kProtocol,
                   "unexpected " + std::string(to_string(frame.type)) + " frame in a pipeline"};
  }
}

Status WriteSession::begin_block(const BeginBlock& begin) {
  if (block_) {
    return Error{Errc::kProtocol, "block " + to_string(begin.block) + " begins inside block " +
                                      to_string(block_->begin.block)};
  }
  ServerContext& context = loop_.context();
  context.active_writes.fetch_add(1, std::memory_order_relaxed);
  block_.emplace();
  block_->begin = begin;
  auto writer = context.store.create(begin.block, begin.generation, begin.stored_bytes_hint);
  if (writer.ok()) {
    block_->writer = *std::move(writer);
    block_->writer->on_lost([loop = loop_.shared_from_this(), session = weak_from_this(),
                             block = begin.block](const Error& error) {
      asio::post(loop->io(), [session, block, error] {
        if (const auto alive = session.lock()) alive->store_lost(block, error);
      });
    });
    block_->writer->expect(readers());
    block_->backlog = make_backlog();
  } else {
    fail_block(writer.error());
  }
  tell_cut_off();
  return {};
}

std::shared_ptr<WriteBacklog> WriteSession::make_backlog() {
  return std::make_shared<WriteBacklog>(
      [loop = loop_.shared_from_this(), session = weak_from_this()] {
        asio::post(loop->io(), [session] {
          if (const auto alive = session.lock()) alive->changed_.notify();
        });
      });
}

// The first node of a pipeline is the nearest to the writer: its replica is the one that is kept at
// hand.
storage::Readers WriteSession::readers() const {
  if (pipeline_.background != 0) return storage::Readers::kNobody;
  return pipeline_.ahead > 0 ? storage::Readers::kElsewhere : storage::Readers::kHere;
}

Status WriteSession::begin_slices(const Frame& frame) {
  MDFS_TRY(const SliceArray array, parse_slices(frame));
  if (!block_ || block_->short_slice) {
    return Error{Errc::kProtocol,
                 block_ ? "slices after the last slice of block " + to_string(block_->begin.block)
                        : std::string("slices outside a block")};
  }
  block_->short_slice = array.slices[array.count - 1].raw_bytes < storage::kSliceBytes;
  frame_ = OpenFrame{array, 0, frame.data_bytes};
  return {};
}

// Takes the slices of the open frame that have arrived whole; false when there are none.
bool WriteSession::take_slices() {
  const auto slices = frame_->array.span().subspan(frame_->next);
  const std::size_t there = untaken().size();
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < slices.size() && bytes + slices[count].stored_bytes <= there) {
    bytes += slices[count++].stored_bytes;
  }
  if (count == 0) return false;
  write_slices(slices.first(count), untaken().first(bytes));
  taken_ += bytes;
  frame_->next += count;
  frame_->bytes -= bytes;
  if (frame_->next == frame_->array.count) frame_.reset();
  return true;
}

void WriteSession::write_slices(std::span<const storage::Slice> slices,
                                std::span<const std::byte> stored) {
  const BlockId block = block_->begin.block;
  const std::uint64_t generation = block_->begin.generation;
  Status status;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const auto bytes = stored.subspan(offset, slices[i].stored_bytes);
    offset += slices[i].stored_bytes;
    block_->length += slices[i].raw_bytes;
    if (status.ok() &&
        slice_checksum({block, generation, block_->slices + i}, bytes) != slices[i].checksum) {
      status = Error{Errc::kCorrupt, "slice " + std::to_string(block_->slices + i) + " of block " +
                                         to_string(block) + " arrived with a wrong checksum"};
    }
  }
  block_->slices += slices.size();
  if (forwards() && stored.size() >= kForwardEarlyBytes) forward(taken_ + stored.size());
  if (block_->writer && status.ok()) {
    status = block_->writer->append(slices, stored,
                                    block_->backlog->hold(connection_->memory(), stored.size()));
  }
  if (block_->writer && !status.ok()) fail_block(status.error());
}

// Sends the next node what goes without waiting of the bytes up to `end`.
void WriteSession::forward(std::size_t end) {
  forwarded_ +=
      downstream_->try_send(connection_->received().subspan(forwarded_, end - forwarded_));
}

Status WriteSession::end_block(const EndBlock& end) {
  if (!block_ || block_->slices != end.slices || block_->length != end.length) {
    return Error{Errc::kProtocol, "the end of a block of " + std::to_string(end.slices) +
                                      " slices and " + std::to_string(end.length) +
                                      " bytes where another one stands"};
  }
  PendingBlock pending{block_->begin.block, 0, nullptr, {}, {}};
  const std::uint64_t sequence = first_pending_ + pending_.size();
  if (!block_->writer) pending.own = block_->failure;
  if (!downstream_) {
    pending.below.emplace();
  } else if (!downstream_->usable()) {
    pending.below = downstream_->outcomes();
  }
  pending.writer = std::move(block_->writer);
  pending_.push_back(std::move(pending));
  block_.reset();
  loop_.context().active_writes.fetch_sub(1, std::memory_order_relaxed);
  if (pending_.back().writer) {
    finish(*pending_.back().writer, sequence);
  } else {
    send_acks();
  }
  return {};
}

}  // namespace minidfs::transfer
