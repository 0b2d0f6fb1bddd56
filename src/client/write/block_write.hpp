// Gets blocks stored: sends them through a pipeline of datanodes, and again through others when
// WritePolicy says so. One writer for a block of a file or of a stream and for a batch of small
// files, whose blocks go through one pipeline without waiting for one another.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/client_context.hpp"
#include "client/progress_meter.hpp"
#include "client/write/block_bytes.hpp"
#include "client/write/write_policy.hpp"
#include "client/write/write_session.hpp"
#include "storage/blocks/slice_codec.hpp"

namespace minidfs::client {

// What is read and sent at a time: large enough for few system calls, small enough to stay in the
// processor's cache between reading, summing and sending. A frame of a pipeline takes as much.
inline constexpr std::size_t kChunkBytes = 512 * 1024;
static_assert(kChunkBytes % storage::kSliceBytes == 0);

// A block to be written, and what became of it.
struct WrittenPart {
  BlockBytes* bytes = nullptr;
  metadata::Block block{};      // As it is stored.
  std::vector<NodeId> nodes{};  // Who has it. None for a block without bytes, which is no block.
  std::size_t targets = 0;      // Nodes of its pipeline: more than `nodes` when some were lost.
  bool over = false;            // Its source has nothing more to give: it is empty, or failed.
  std::optional<Error> unreadable{};  // How it failed.
  std::uint64_t counted = 0;          // Of its bytes, in the progress.
};

struct BlockWriteOptions {
  storage::Compression compression;
  std::uint8_t replication = 0;
  const std::atomic<bool>* stop = nullptr;  // Set by whoever gives the whole file up. May be null.
};

// What one thread sends with; serves one block after another.
struct SendingSpace {
  explicit SendingSpace(const storage::Compression& compression)
      : encoder(compression), buffer(kChunkBytes) {}
  storage::SliceEncoder encoder;
  std::vector<std::byte> buffer;
};

// For one thread at a time. finish() may run on another than feed() did.
class BlockWrite {
 public:
  // All references outlive it; `space` is used by feed() only.
  BlockWrite(ClientContext& context, WriteSession& session, ProgressMeter& progress,
             const BlockWriteOptions& options, SendingSpace& space);

  // Sends the parts once, or more often when there is a reason on the way. Afterwards their sources
  // have been read, unless gave_up(). `first` is the namenode's answer to the request for them.
  void feed(std::span<WrittenPart> parts, Result<actors::PipelineGrant> first);
  // For a source whose rest was only kept after gave_up(): finish() begins with new patience.
  void start_again();
  // Waits until every part is stored, however often it must be sent for that, or unreadable. What
  // is stored stays so when others of the parts are not, which is the error.
  Status finish();

  bool gave_up() const { return command_.kind == WriteCommand::Kind::kGiveUp; }
  // It gave up for want of nodes, which may come back.
  bool may_start_again() const;

 private:
  struct Sent {
    WrittenPart* part;
    BlockId block;
    std::uint64_t length;
  };

  BlockDemand demand() const;
  void step(const WriteEvent& event);
  void advance(bool to_the_end);
  void ask();
  void take_answer(Result<actors::PipelineGrant> granted);
  bool transmit();
  bool transmit(WrittenPart& part, BlockId block);
  bool open_pipeline(WrittenPart& part, BlockId block, std::size_t first_bytes);
  bool send(std::span<const std::byte> chunk);
  bool goes_on_here(const WrittenPart& part, std::uint64_t bytes_sent);
  bool stopped();
  bool keep(Status status);
  void end_try();
  void take_acks();
  void take_ack(const Sent& sent, const transfer::BlockAck& ack);
  void blame(const transfer::BlockAck& ack);
  Status repeatable() const;
  bool is_complete(const WrittenPart& part) const;

  ClientContext& context_;
  WriteSession& session_;
  ProgressMeter& progress_;
  BlockWriteOptions options_;
  std::size_t copies_min_;
  WritePolicy policy_;
  WriteCommand command_;
  SendingSpace* space_;
  std::unique_ptr<SendingSpace> own_space_;  // Made when something is sent again by finish().
  std::vector<WrittenPart*> pending_;        // Not complete.

  // Of the present try.
  actors::PipelineGrant grant_;
  Pipeline pipeline_;
  bool awaits_acks_ = false;  // Everything was sent.
  std::vector<Sent> sent_;    // In the order of their acks.
  std::uint64_t bytes_ = 0;
  std::chrono::nanoseconds busy_{0};  // Spent in calls of the pipeline.
  std::ptrdiff_t lost_ = 0;           // Nodes known to be lost.
  bool spoiled_ = false;              // The connection is of no more use, whoever is to blame.
  Status broken_;                     // How the connection failed.
  Error why_;                         // What became of copies that are missing.
};

// The fewest copies that a block of `replication` may have for its write to succeed.
std::size_t copies_min(const Options& options, std::uint8_t replication);

// Whether a part is stored, or needs not be because it is empty, after finish() has given
// `finished`. Pure.
Status outcome_of(const WrittenPart& part, const Status& finished, std::size_t copies_min);

}  // namespace minidfs::client
