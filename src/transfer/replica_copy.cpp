#include "transfer/replica_copy.hpp"

#include <poll.h>

#include <algorithm>

#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

using Clock = std::chrono::steady_clock;

// Waits until `sent_bytes` since `start` are within the rate, or until `cancelled`.
void keep_rate(Clock::time_point start, std::uint64_t sent_bytes, std::uint64_t bytes_per_second,
               const std::atomic<bool>* cancelled) {
  if (bytes_per_second == 0) return;
  const double due_ms =
      1000.0 * static_cast<double>(sent_bytes) / static_cast<double>(bytes_per_second);
  while (cancelled == nullptr || !*cancelled) {
    const double passed_ms =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    const double wait_ms = std::min(due_ms - passed_ms, 100.0);
    if (wait_ms < 1.0) return;
    ::poll(nullptr, 0, static_cast<int>(wait_ms));
  }
}

Status check_slices(SlicePlace first, std::span<const storage::Slice> slices,
                    std::span<const std::byte> stored) {
  for (const auto& slice : slices) {
    if (slice_checksum(first, stored.first(slice.stored_bytes)) != slice.checksum) {
      return Error{Errc::kCorrupt, "slice " + std::to_string(first.slice) + " of block " +
                                       to_string(first.block) + " has a wrong checksum on disk"};
    }
    stored = stored.subspan(slice.stored_bytes);
    ++first.slice;
  }
  return {};
}

}  // namespace

Result<BlockAck> ReplicaCopier::copy(BlockId block, std::uint64_t generation,
                                     const std::vector<metadata::Endpoint>& targets) {
  MDFS_TRY(const auto replica, store_.open_replica(block, generation));
  const bool reused = writer_ && targets == targets_;
  for (int attempt = reused ? 0 : 1;; ++attempt) {
    if (!writer_ || targets != targets_) {
      writer_.reset();
      MDFS_TRY(writer_, PipelineWriter::open(targets, options_));
      targets_ = targets;
    }
    auto ack = send(*replica);
    const auto stored = [&](bool some) {
      return ack.ok() &&
             std::find(ack->stored.begin(), ack->stored.end(), some) != ack->stored.end();
    };
    if (ack.ok() && !stored(false)) return ack;
    // A node that was lost stays cut off for the life of the pipeline.
    writer_.reset();
    // A pipeline that had stood open may have broken for that reason alone.
    const bool broken = ack.ok() ? !stored(true) : ack.error().code == Errc::kUnavailable;
    if (attempt > 0 || !broken) return ack;
  }
}

Result<BlockAck> ReplicaCopier::send(storage::ReplicaReader& replica) {
  const BlockId block = replica.info().block;
  const auto slices = replica.slices();
  MDFS_CHECK(writer_->begin_block(block, replica.info().generation, replica.info().stored_bytes));
  const auto start = Clock::now();
  const std::uint64_t first_offset = replica.stored_offset(0);
  // Of the store, should its disk hang.
  const auto buffer = std::make_shared<std::vector<std::byte>>();
  for (std::size_t first = 0; first < slices.size();) {
    const std::size_t count = std::min(kFrameSlicesMax, slices.size() - first);
    const std::uint64_t offset = replica.stored_offset(first);
    const std::size_t bytes = replica.stored_offset(first + count) - offset;
    if (bytes > kFrameDataMax) {
      return Error{Errc::kCorrupt, "the slices of block " + to_string(block) + " do not add up"};
    }
    MDFS_CHECK(replica.read(buffer, offset, bytes));
    const std::span<const std::byte> part = *buffer;
    MDFS_CHECK(check_slices({block, replica.info().generation, first}, slices.subspan(first, count),
                            part));
    keep_rate(start, offset - first_offset, bytes_per_second_, options_.cancelled);
    MDFS_CHECK(writer_->append(slices.subspan(first, count), part));
    first += count;
  }
  MDFS_CHECK(writer_->end_block());
  return writer_->wait_ack();
}

Result<BlockAck> copy_replica(storage::BlockStore& store, BlockId block, std::uint64_t generation,
                              std::vector<metadata::Endpoint> targets,
                              const ConnectionOptions& options, std::uint64_t bytes_per_second) {
  return ReplicaCopier(store, options, bytes_per_second).copy(block, generation, targets);
}

}  // namespace minidfs::transfer
