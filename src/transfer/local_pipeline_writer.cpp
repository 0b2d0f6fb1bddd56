#include "transfer/local_pipeline_writer.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace minidfs::transfer {
namespace {

// What the next nodes say, each one place further on.
void take_over(const BlockAck& behind, BlockAck& ack) {
  for (std::size_t i = 0; i < behind.stored.size(); ++i) {
    ack.stored[i + 1] = behind.stored[i];
    ack.errors[i + 1] = behind.errors[i];
    ack.timed_out[i + 1] = behind.timed_out[i];
    ack.codes[i + 1] = behind.codes[i];
  }
}

}  // namespace

// Wakes who waits until less stands before the disk.
class LocalPipelineWriter::Room {
 public:
  // From any thread.
  void make() {
    std::function<void(bool)> wake;
    {
      const std::lock_guard lock(mutex_);
      wake = std::exchange(wake_, nullptr);
    }
    if (wake) wake(true);
  }
  void when_made(std::function<void(bool)> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }

 private:
  std::mutex mutex_;
  std::function<void(bool)> wake_;
};

// The one of a block that is kept here.
struct LocalPipelineWriter::Replica {
  Replica(const asio::any_io_executor& executor, BlockId its_block)
      : block(its_block), outcome(executor) {}

  BlockId block;
  bool further = false;                            // The next nodes have it too.
  std::unique_ptr<storage::ReplicaWriter> writer;  // None when it is lost.
  std::shared_ptr<Room> room = std::make_shared<Room>();
  std::shared_ptr<WriteBacklog> backlog =
      std::make_shared<WriteBacklog>([room = room] { room->make(); });
  std::shared_ptr<CountFile> file;  // None for one that goes into a pack.
  std::uint64_t stored_bytes = 0;
  Status lost;
  net::Answer<Result<storage::ReplicaInfo>> outcome;  // Of what was ended without being lost.

  void lose(Error why) {
    lost = std::move(why);
    writer.reset();
  }
};

LocalPipelineWriter::LocalPipelineWriter(ServerContext& context,
                                         const asio::any_io_executor& executor,
                                         std::vector<metadata::Endpoint> targets,
                                         const ConnectionOptions& options)
    : context_(context),
      executor_(executor),
      targets_(std::move(targets)),
      readers_(options.background ? storage::Readers::kNobody : storage::Readers::kHere) {
  MDFS_ASSERT(!targets_.empty());
  if (targets_.size() == 1) return;
  ConnectionOptions behind = options;
  behind.nodes_ahead = static_cast<std::uint8_t>(options.nodes_ahead + 1);
  further_.emplace(executor, std::vector(targets_.begin() + 1, targets_.end()), behind);
}

LocalPipelineWriter::~LocalPipelineWriter() = default;

void LocalPipelineWriter::cancel() {
  if (broken_.ok()) broken_ = Error{Errc::kCancelled, "cancelled"};
  if (further_) further_->cancel();
  if (end_wait_) end_wait_();
}

void LocalPipelineWriter::leave_loop() {
  MDFS_ASSERT(!open_ && ended_.empty() && broken_.ok());
  if (goes_further()) further_->leave_loop();
  executor_ = {};
}

void LocalPipelineWriter::join_loop(const asio::any_io_executor& executor) {
  executor_ = executor;
  if (!goes_further()) return;
  further_->join_loop(executor);
  further_proven_ = false;
}

void LocalPipelineWriter::beat() {
  if (goes_further()) further_->beat();
}

// --- The next nodes ----------------------------------------------------------------------------

// What came of a call of theirs. An error is one of the whole pipeline.
Status LocalPipelineWriter::note_further(Status status) {
  if (!broken_.ok() || status.ok()) return broken_;
  if (!further_proven_) {
    broken_ = std::move(status);
  } else if (further_lost_.ok()) {
    further_lost_ = std::move(status);
  }
  return broken_;
}

asio::awaitable<Status> LocalPipelineWriter::open() {
  if (!further_) co_return broken_;
  further_proven_ = true;
  Status opened = co_await further_->open();
  co_return note_further(std::move(opened));
}

// Who stands behind the first of them is cut off with it.
void LocalPipelineWriter::lose_further(BlockAck& ack) const {
  const auto& why = further_lost_.error();
  const Error behind{Errc::kUnavailable, "behind " + metadata::to_string(targets_[1]) +
                                             ", which failed: " + why.message};
  for (std::size_t i = 1; i < targets_.size(); ++i) {
    ack.note_lost(i, targets_[i], i == 1 ? why : behind);
  }
}

// --- A block -----------------------------------------------------------------------------------

Status LocalPipelineWriter::begin_block(BlockId block, std::uint64_t generation,
                                        std::uint64_t stored_bytes_hint) {
  MDFS_CHECK(broken_);
  if (open_) {
    return Error{Errc::kInvalidArgument,
                 "block " + to_string(block) + " begins inside block " + to_string(open_->block)};
  }
  auto replica = std::make_unique<Replica>(executor_, block);
  if (goes_further()) {
    MDFS_CHECK(note_further(further_->begin_block(block, generation, stored_bytes_hint)));
    replica->further = goes_further();
  }
  auto writer = context_.store.create(block, generation, stored_bytes_hint);
  if (writer.ok()) {
    replica->writer = *std::move(writer);
    replica->writer->expect(readers_);
  } else {
    replica->lose(std::move(writer).error());
  }
  const bool has_file =
      stored_bytes_hint == 0 || stored_bytes_hint > context_.options.packed_bytes_max;
  if (has_file) replica->file = std::make_shared<CountFile>(context_);
  open_ = std::move(replica);
  active_.emplace(context_.active_writes);
  note_losses();
  return {};
}

asio::awaitable<Status> LocalPipelineWriter::append(std::span<const storage::Slice> slices,
                                                    std::span<const std::byte> stored) {
  if (!broken_.ok()) co_return broken_;
  MDFS_ASSERT(open_ != nullptr);
  // What the next node takes at once travels while the disk works here.
  if (goes_further()) (void)note_further(further_->begin_append(slices, stored));
  if (broken_.ok()) co_await store_here(slices, stored);
  if (broken_.ok() && goes_further() && !further_->flushed()) {
    Status sent = co_await further_->flush();
    (void)note_further(std::move(sent));
  }
  note_losses();
  co_return broken_;
}

asio::awaitable<void> LocalPipelineWriter::store_here(std::span<const storage::Slice> slices,
                                                      std::span<const std::byte> stored) {
  auto& replica = *open_;
  while (!slices.empty() && replica.writer) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < slices.size() &&
           bytes + slices[count].stored_bytes <= ReceiveMemory::kPieceBytesMax) {
      bytes += slices[count++].stored_bytes;
    }
    co_await wait_for_disk(replica);
    const auto memory = co_await take_memory(bytes);
    if (!memory) co_return;
    std::copy_n(stored.begin(), bytes, memory->bytes().begin());
    const auto kept = memory->bytes().first(bytes);
    Status appended =
        replica.writer->append(slices.first(count), kept, replica.backlog->hold(memory, bytes));
    if (!appended.ok()) replica.lose(std::move(appended).error());
    context_.bytes_received.fetch_add(bytes, std::memory_order_relaxed);
    replica.stored_bytes += bytes;
    slices = slices.subspan(count);
    stored = stored.subspan(bytes);
  }
}

// The store lets go of what it holds, whatever becomes of the disk.
asio::awaitable<void> LocalPipelineWriter::wait_for_disk(Replica& replica) {
  while (broken_.ok() && replica.backlog->full()) {
    net::Answer<bool> room(executor_);
    replica.room->when_made(room.giver());
    if (!replica.backlog->full()) break;
    end_wait_ = [&room] { room.cancel(); };
    (void)co_await room.take(Clock::time_point::max());
    end_wait_ = nullptr;
  }
}

// None: the pipeline is broken. What is held waits for the disk only, and for no further node.
asio::awaitable<std::shared_ptr<ReceiveMemory::Piece>> LocalPipelineWriter::take_memory(
    std::size_t bytes) {
  if (!broken_.ok()) co_return nullptr;
  const auto limit = context_.options.memory_timeout;
  MemoryWait wait(executor_, context_.memory, 0, bytes, Clock::now() + limit);
  end_wait_ = [&wait] { wait.cancel(); };
  std::shared_ptr<ReceiveMemory::Piece> piece = co_await wait.piece();
  end_wait_ = nullptr;
  if (!piece && broken_.ok()) {
    broken_ = Error{Errc::kUnavailable, "this datanode had no memory to receive for " +
                                            std::to_string(limit.count()) + " ms"};
  }
  co_return piece;
}

asio::awaitable<Status> LocalPipelineWriter::end_block(Next next) {
  if (!broken_.ok()) co_return broken_;
  if (!open_) co_return Error{Errc::kInvalidArgument, "no block is open"};
  if (goes_further()) {
    Status ended = co_await further_->end_block(next);
    (void)note_further(std::move(ended));
    if (!broken_.ok()) co_return broken_;
  }
  finish_here(*open_);
  ended_.push_back(std::move(open_));
  active_.reset();
  losses_.reset();
  co_return Status();
}

// The datanode hears of it though nobody waits any more.
void LocalPipelineWriter::finish_here(Replica& replica) {
  if (!replica.writer) return;
  replica.writer->finish([&events = context_.events, file = std::move(replica.file),
                          tell = replica.outcome.giver()](Result<storage::ReplicaInfo> stored) {
    if (stored.ok()) events.replica_stored(*stored);
    tell(std::move(stored));
  });
}

// --- Acks --------------------------------------------------------------------------------------

// Of the open block.
void LocalPipelineWriter::note_losses() {
  losses_.reset();
  const auto* behind = goes_further() && further_->losses() ? &*further_->losses() : nullptr;
  if (open_->lost.ok() && further_lost_.ok() && behind == nullptr) return;
  losses_ = BlockAck::of_all(open_->block, targets_.size());
  if (!open_->lost.ok()) losses_->note_lost(0, targets_.front(), open_->lost.error());
  if (!further_lost_.ok()) {
    lose_further(*losses_);
  } else if (behind != nullptr) {
    take_over(*behind, *losses_);
  }
}

asio::awaitable<Result<BlockAck>> LocalPipelineWriter::wait_ack() {
  if (ended_.empty()) {
    if (!broken_.ok()) co_return broken_.error();
    co_return Error{Errc::kInvalidArgument, "no block awaits its ack"};
  }
  // What was stored before the pipeline broke still counts.
  auto& replica = *ended_.front();
  auto ack = BlockAck::of_all(replica.block, targets_.size());
  ack.stored_bytes = replica.stored_bytes;
  Status answered = co_await wait_further(replica, ack);
  if (answered.ok()) answered = co_await wait_here(replica, ack);
  if (!answered.ok()) co_return std::move(answered).error();
  ended_.pop_front();
  co_return ack;
}

asio::awaitable<Status> LocalPipelineWriter::wait_further(const Replica& replica, BlockAck& ack) {
  if (replica.further) {
    const auto behind = co_await further_->wait_ack();
    if (behind.ok()) {
      further_proven_ = true;
      take_over(*behind, ack);
      co_return Status();
    }
    Status noted = note_further(behind.error());
    if (!noted.ok()) co_return noted;
  }
  if (!further_lost_.ok()) lose_further(ack);
  co_return Status();
}

asio::awaitable<Status> LocalPipelineWriter::wait_here(Replica& replica, BlockAck& ack) {
  if (replica.lost.ok()) {
    end_wait_ = [&replica] { replica.outcome.cancel(); };
    const auto outcome = co_await replica.outcome.take(Clock::time_point::max());
    end_wait_ = nullptr;
    if (!outcome) co_return broken_;
    if (!outcome->ok()) replica.lose(outcome->error());
  }
  if (!replica.lost.ok()) ack.note_lost(0, targets_.front(), replica.lost.error());
  co_return Status();
}

}  // namespace minidfs::transfer
