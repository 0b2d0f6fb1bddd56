#include "client/block_sender.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace minidfs::client {
namespace {

// A block that failed so often within the time-out has been given a fair chance; one that takes
// longer than the time-out gets as many.
constexpr std::uint32_t kFailuresMin = 4;

// Less than this is cheaper to send from memory.
constexpr std::size_t kFromFileBytesMin = 64 * 1024;

bool is_no_space(const Error& error) {
  return error.code == Errc::kNoSpace ||
         error.message.find(errc_info(Errc::kNoSpace).name) != std::string::npos;
}

}  // namespace

Result<SentBlock> settle(WriteSession& session, const BlockGrant& grant, std::uint64_t length,
                         const transfer::BlockAck& ack, bool bytes_may_change) {
  SentBlock sent{{grant.block, grant.generation, length}, {}};
  std::string reasons;
  const bool any = std::find(ack.stored.begin(), ack.stored.end(), true) != ack.stored.end();
  bool excluded = bytes_may_change && !any;
  const std::size_t count = std::min(ack.stored.size(), grant.targets.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (ack.stored[i]) {
      sent.nodes.push_back(grant.targets[i].node);
      continue;
    }
    // Nodes behind a lost one are cut off with it: they are to blame only when they fail again.
    if (!std::exchange(excluded, true)) session.exclude(grant.targets[i].node);
    if (i < ack.errors.size()) reasons += (reasons.empty() ? "" : "; ") + ack.errors[i];
  }
  if (sent.nodes.empty()) return Error{Errc::kUnavailable, reasons};
  return sent;
}

bool WriteRetry::too_late() const {
  return std::chrono::steady_clock::now() - first_failure_ > context_.options.timeout;
}

Result<actors::PipelineGrant> WriteRetry::next(const Error& why, const BlockDemand& demand) {
  if (failures_++ == 0) first_failure_ = std::chrono::steady_clock::now();
  const Error final_error{is_no_space(why) ? Errc::kNoSpace : why.code,
                          "could not be written to any datanode: " + why.message};
  if (failures_ > kFailuresMin && too_late()) return final_error;
  for (;;) {
    auto grants = session_.allocate(demand);
    if (grants.ok() && !grants->empty()) return std::move(grants->front());
    if (grants.ok()) return Error{Errc::kProtocol, "the namenode granted no pipeline"};
    if (grants.error().code != Errc::kNoDatanode) return std::move(grants).error();
    if (!session_.excludes_any() || is_no_space(why) || too_late()) return final_error;
    // All nodes have failed this writer. Perhaps not for ever: a restart takes a second.
    session_.forget_exclusions();
    std::this_thread::sleep_for(backoff_.next(std::random_device{}()));
  }
}

// The first node of the pipeline is lost with the connection, unless the connection had stood idle.
Status BlockAttempt::keep(Status status) {
  if (!status.ok() && !pipeline_.reused) session_.exclude(grant_.targets.front().node);
  return status;
}

Status BlockAttempt::begin(std::uint64_t length_max) {
  auto pipeline = context_.pipelines.take(grant_.targets);
  if (!pipeline.ok()) return keep(std::move(pipeline).error());
  pipeline_ = std::move(*pipeline);
  return keep(pipeline_.writer->begin_block(grant_.block, grant_.generation, length_max));
}

Status BlockAttempt::append(storage::SliceEncoder& encoder, std::span<const std::byte> raw,
                            std::optional<FilePlace> place) {
  if (length_ == 0) encoder.begin_block(grant_.block);
  length_ += raw.size();
  const auto encoded = encoder.encode(raw);
  if (place && encoded.stored.data() == raw.data() && raw.size() >= kFromFileBytesMin) {
    from_file_ = true;
    return keep(pipeline_.writer->append_file(encoded.slices, *place));
  }
  return keep(pipeline_.writer->append(encoded.slices, encoded.stored));
}

Status BlockAttempt::end() { return keep(pipeline_.writer->end_block()); }

Result<SentBlock> BlockAttempt::settle_ack() {
  auto ack = pipeline_.writer->wait_ack();
  if (!ack.ok()) return keep(std::move(ack).error()).error();
  // Nodes behind a failed one stay cut off for the connection's life.
  const bool whole =
      std::all_of(ack->stored.begin(), ack->stored.end(), [](bool it) { return it; });
  if (whole) context_.pipelines.give_back(std::move(pipeline_));
  return settle(session_, grant_, length_, *ack, from_file_);
}

BlockSender::BlockSender(ClientContext& context, WriteSession& session, ProgressMeter& progress,
                         const BlockSenderOptions& options)
    : context_(context),
      session_(session),
      progress_(progress),
      options_(options),
      encoder_(options.compression),
      buffer_(kChunkBytes) {}

Result<SentBlock> BlockSender::send(BlockGrant grant, BlockBytes& bytes) {
  auto sent = try_once(std::move(grant), bytes, true);
  if (sent.ok() || source_error_) return sent;
  return send_again(std::move(sent).error(), bytes);
}

Result<SentBlock> BlockSender::send_again(Error why, BlockBytes& bytes) {
  WriteRetry retry(context_, session_);
  BlockDemand demand;
  demand.block_size = bytes.length();
  demand.replication = options_.replication;
  for (;;) {
    MDFS_TRY(auto pipeline, retry.next(why, demand));
    auto sent = try_once(
        {pipeline.blocks.front(), pipeline.generation, std::move(pipeline.targets)}, bytes, false);
    if (sent.ok() || source_error_) return sent;
    why = std::move(sent).error();
  }
}

Result<SentBlock> BlockSender::try_once(BlockGrant grant, BlockBytes& bytes, bool from_file) {
  BlockAttempt attempt(context_, session_, std::move(grant));
  auto fed = feed(attempt, bytes, from_file);
  if (fed.ok()) {
    auto sent = attempt.settle_ack();
    if (sent.ok()) return sent;
    fed = std::move(sent).error();
  }
  progress_.take_back_bytes(attempt.length());
  return std::move(fed).error();
}

Status BlockSender::feed(BlockAttempt& attempt, BlockBytes& bytes, bool from_file) {
  MDFS_CHECK(attempt.begin(bytes.length()));
  std::uint64_t offset = 0;
  while (offset < bytes.length()) {
    if (options_.stop != nullptr && *options_.stop) {
      source_error_ = Error{Errc::kCancelled, "given up"};
      return *source_error_;
    }
    const auto chunk = std::span(buffer_).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, bytes.length() - offset)));
    if (auto read = bytes.read(offset, chunk); !read.ok()) {
      source_error_ = read.error();
      return read;
    }
    const auto place = from_file ? bytes.place(offset) : std::nullopt;
    offset += chunk.size();
    progress_.add_bytes(chunk.size());
    MDFS_CHECK(attempt.append(encoder_, chunk, place));
  }
  return attempt.end();
}

}  // namespace minidfs::client
