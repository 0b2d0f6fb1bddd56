#include "transfer/async_pipeline_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <mutex>

#include "net/blocking_loop.hpp"
#include "transfer/pipeline_writer.hpp"
#include "transfer/writer_pulse.hpp"

namespace minidfs::transfer {

struct PipelineWriter::Parts {
  Parts(std::unique_ptr<net::BlockingLoop> own_loop, std::vector<metadata::Endpoint> targets,
        const ConnectionOptions& options)
      : loop(std::move(own_loop)), writer(loop->executor(), std::move(targets), options) {}

  // Most of the time the kernel has taken everything at once.
  Status flush() { return writer.flushed() ? Status() : loop->run(writer, writer.flush()); }
  void beat() {
    const std::unique_lock lock(in_call, std::try_to_lock);
    if (lock) writer.beat();
  }

  std::unique_ptr<net::BlockingLoop> loop;
  AsyncPipelineWriter writer;
  // The loop stands still between calls, so that another thread must give the signs of life.
  std::mutex in_call;  // Held by calls.
  WriterPulse pulse{[this] { beat(); }};
};

PipelineWriter::PipelineWriter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

PipelineWriter::~PipelineWriter() = default;

Result<std::unique_ptr<PipelineWriter>> PipelineWriter::open(
    std::vector<metadata::Endpoint> targets, const ConnectionOptions& options) {
  MDFS_TRY(auto loop, net::BlockingLoop::make(options.cancelled));
  auto parts = std::make_unique<Parts>(std::move(loop), std::move(targets), options);
  MDFS_CHECK(parts->loop->run(parts->writer, parts->writer.open()));
  return std::unique_ptr<PipelineWriter>(new PipelineWriter(std::move(parts)));
}

Status PipelineWriter::begin_block(BlockId block, std::uint64_t generation,
                                   std::uint64_t stored_bytes_hint) {
  const std::lock_guard lock(parts_->in_call);
  return parts_->writer.begin_block(block, generation, stored_bytes_hint);
}

Status PipelineWriter::append(std::span<const storage::Slice> slices,
                              std::span<const std::byte> stored) {
  const std::lock_guard lock(parts_->in_call);
  MDFS_CHECK(parts_->writer.begin_append(slices, stored));
  return parts_->flush();
}

Status PipelineWriter::end_block() {
  const std::lock_guard lock(parts_->in_call);
  MDFS_CHECK(parts_->writer.begin_end_block());
  return parts_->flush();
}

const std::optional<BlockAck>& PipelineWriter::losses() const { return parts_->writer.losses(); }

std::size_t PipelineWriter::unacknowledged() const { return parts_->writer.unacknowledged(); }

Result<BlockAck> PipelineWriter::wait_ack() {
  const std::lock_guard lock(parts_->in_call);
  if (auto ack = parts_->writer.try_wait_ack()) return *std::move(ack);
  return parts_->loop->run(parts_->writer, parts_->writer.wait_ack());
}

}  // namespace minidfs::transfer
