// Gets blocks stored: sends them through a pipeline of datanodes, and again through others when
// WritePolicy says so. One writer for a block of a file or of a stream and for a batch of small
// files, whose blocks go through one pipeline without waiting for one another. Coroutines on the
// loop of the caller; a thread that writes has a loop of its own (SendingThread).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "net/blocking_loop.hpp"
// The above comes first: see net/asio.hpp.
#include "base/raw_buffer.hpp"
#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_source.hpp"
#include "client/write/write_policy.hpp"
#include "client/write/write_session.hpp"
#include "storage/blocks/slice_codec.hpp"

namespace minidfs::client {

// What is read and sent at a time: large enough for few system calls, small enough to stay in the
// processor's cache between reading, summing and sending. A frame of a pipeline takes as much.
inline constexpr std::size_t kChunkBytes = 512 * 1024;
static_assert(kChunkBytes % storage::kSliceBytes == 0);

// A block to be written, and what became of it.
struct BlockToWrite {
  BlockSource* source = nullptr;
  StoredBlock stored{};     // On no node before it is, and when it has no bytes, thus is no block.
  std::size_t targets = 0;  // Nodes of its pipeline: more than it is stored on when some were lost.
  bool over = false;        // Its source has nothing more to give: it is empty, or failed.
  std::optional<Error> unreadable{};  // How it failed.
  std::uint64_t counted = 0;          // Of its bytes, in the progress.
};

struct BlockWriteOptions {
  storage::Compression compression;
  std::uint8_t replication = 0;
  const std::atomic<bool>* stop = nullptr;  // Set by whoever gives the whole file up. May be null.
};

// What blocks are sent with, one writer after another.
struct SendingSpace {
  explicit SendingSpace(const storage::Compression& compression)
      : encoder(compression), buffer(kChunkBytes) {}
  storage::SliceEncoder encoder;
  RawBuffer buffer;
};

// The same for a thread that does nothing else, with the loop on which it waits.
struct SendingThread {
  // kUnavailable when there are no descriptors for the loop.
  static Result<std::unique_ptr<SendingThread>> make(const storage::Compression& compression) {
    MDFS_TRY(auto loop, net::BlockingLoop::make());
    return std::unique_ptr<SendingThread>(
        new SendingThread{std::move(loop), SendingSpace(compression)});
  }

  std::unique_ptr<net::BlockingLoop> loop;
  SendingSpace space;
};

// Belongs to the loop of its executor; one operation at a time, which the object outlives. Sources
// are read on the loop, which stands still for so long: the writer's signs of life go on. Bytes
// that are brought meanwhile are waited for, however long that takes. Every other wait is bounded
// by the options' time-outs, and cancel() ends them all.
class BlockWriter {
 public:
  // All references outlive it.
  BlockWriter(asio::any_io_executor executor, WriteSession& session, ProgressMeter& progress,
              const BlockWriteOptions& options, SendingSpace& space);

  // Sends the blocks once, or more often when there is a reason on the way. Afterwards their
  // sources have been read to their ends, unless it has failed. `first` is the namenode's answer to
  // the request for a pipeline.
  asio::awaitable<void> send(std::span<BlockToWrite> blocks, Result<Pipeline> first);
  // Waits until every block is stored, however often it must be sent for that, or unreadable. What
  // is stored stays so when others of the blocks are not, which is the error.
  asio::awaitable<Status> finish();
  // The operation under way ends with kCancelled, and all that follow.
  void cancel();
  // Why it has given up, if it has.
  Status failure() const { return gave_up() ? Status(command_.error) : Status(); }

 private:
  // Sent, and not acknowledged yet.
  struct Sent {
    BlockToWrite* block;
    BlockId id;
    std::uint64_t length;
  };
  // One pass of all that is pending through one pipeline.
  struct Try {
    Pipeline pipeline;
    std::vector<Sent> sent;  // In the order of their acks.
    std::uint64_t bytes = 0;
    std::chrono::nanoseconds busy{0};   // Spent in calls of the connection.
    std::ptrdiff_t lost = 0;            // Targets known to be lost.
    bool spoiled = false;               // The connection is of no more use, whoever is to blame.
    Status broken;                      // How the connection failed.
    Error why{Errc::kUnavailable, {}};  // What became of copies that are missing.
  };

  void step(const WriteEvent& event);
  asio::awaitable<void> obey(bool to_the_end);
  asio::awaitable<void> ask();
  asio::awaitable<void> pause(std::chrono::milliseconds delay);
  asio::awaitable<Result<Pipeline>> request_pipeline();
  void take_answer(Result<Pipeline> pipeline);
  PipelineDemand demand() const;
  asio::awaitable<bool> send_all();
  asio::awaitable<bool> send_block(BlockToWrite& block, BlockId id);
  Result<std::span<const std::byte>> read(BlockSource& source, std::uint64_t offset);
  asio::awaitable<bool> begin_block(BlockToWrite& block, BlockId id, std::size_t first_bytes);
  asio::awaitable<bool> append(std::span<const std::byte> chunk);
  asio::awaitable<bool> end_block(const BlockToWrite& block);
  asio::awaitable<bool> goes_on_here(const BlockToWrite& block, std::uint64_t bytes_sent);
  bool stopped();
  bool must_wait(const BlockSource& source, std::uint64_t offset) const;
  asio::awaitable<void> wait_for_bytes(BlockSource& source, std::uint64_t offset);
  asio::awaitable<void> keep_rest();
  bool wants_rest() const;
  bool may_start_again() const;
  bool connection_holds(Status status);
  asio::awaitable<void> end_try();
  asio::awaitable<void> take_acks();
  asio::awaitable<Result<transfer::BlockAck>> wait_ack();
  void take_ack(const Sent& sent, const transfer::BlockAck& ack);
  void blame(const transfer::BlockAck& ack);
  bool is_complete(const BlockToWrite& block) const;
  Status repeatable() const;
  bool gave_up() const { return command_.kind == WriteCommand::Kind::kGiveUp; }

  asio::any_io_executor executor_;
  WriteSession& session_;
  ClientContext& context_;
  ProgressMeter& progress_;
  const BlockWriteOptions options_;
  const std::size_t copies_min_;
  SendingSpace& space_;
  WritePolicy policy_;
  WriteCommand command_;                // The last one, which is obeyed.
  std::vector<BlockToWrite*> pending_;  // Not complete.
  Try try_;                             // The present one; between two the one to come.
  bool awaits_acks_ = false;            // Everything was sent.
  bool cancelled_ = false;
  std::function<void()> end_wait_;  // The present wait for anything but the connection.
};

// The fewest copies that a block of `replication` may have for its write to succeed.
std::size_t copies_min(const Options& options, std::uint8_t replication);

// Whether a block is stored, or needs not be because it is empty, after finish() has given
// `finished`. Pure.
Status outcome_of(const BlockToWrite& block, const Status& finished, std::size_t copies_min);

}  // namespace minidfs::client
