#include "client/write/block_sender.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

namespace minidfs::client {
namespace {

// A block that failed so often within the time-out has been given a fair chance; one that takes
// longer than the time-out gets as many.
constexpr std::uint32_t kFailuresMin = 4;

// Adds how long it lives to a sum.
class BusyTime {
 public:
  explicit BusyTime(std::chrono::nanoseconds& sum) : sum_(sum) {}
  ~BusyTime() { sum_ += std::chrono::steady_clock::now() - start_; }
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;

 private:
  std::chrono::nanoseconds& sum_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool is_no_space(const Error& error) {
  return error.code == Errc::kNoSpace ||
         error.message.find(errc_info(Errc::kNoSpace).name) != std::string::npos;
}

}  // namespace

Result<SentBlock> settle(WriteSession& session, const BlockGrant& grant, std::uint64_t length,
                         const transfer::BlockAck& ack, bool reused) {
  SentBlock sent{{grant.block, grant.generation, length}, {}, grant.targets.size(), {}};
  bool excluded = false;
  const std::size_t count = std::min(ack.stored.size(), grant.targets.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (ack.stored[i]) {
      sent.nodes.push_back(grant.targets[i].node);
      continue;
    }
    const bool hangs = i < ack.timed_out.size() && ack.timed_out[i];
    if (!std::exchange(excluded, true) && (hangs || !reused)) {
      session.exclude(grant.targets[i].node);
    }
    if (i < ack.errors.size()) sent.losses += (sent.losses.empty() ? "" : "; ") + ack.errors[i];
  }
  if (sent.nodes.empty()) return Error{Errc::kUnavailable, std::move(sent.losses)};
  return sent;
}

std::size_t copies_min(const Options& options, std::uint8_t replication) {
  return std::max<std::size_t>(1, std::min(options.min_replication, replication));
}

Error too_few_copies(const SentBlock& sent, std::size_t copies_min) {
  return {Errc::kUnavailable, "only " + std::to_string(sent.nodes.size()) + " of at least " +
                                  std::to_string(copies_min) +
                                  " copies could be written (client.min_replication)" +
                                  (sent.losses.empty() ? "" : ": " + sent.losses)};
}

bool WriteRetry::too_late() const {
  return std::chrono::steady_clock::now() - first_failure_ > context_.options.timeout;
}

bool WriteRetry::enough(const actors::PipelineGrant& grant, const BlockDemand& demand) const {
  return grant.targets.size() >= copies_min(context_.options, demand.replication);
}

Result<actors::PipelineGrant> WriteRetry::next(const Error& why, const BlockDemand& demand) {
  if (failures_++ == 0) first_failure_ = std::chrono::steady_clock::now();
  const auto wanted = copies_min(context_.options, demand.replication);
  const std::string where = wanted == 1 ? "any datanode"
                                        : "the " + std::to_string(wanted) +
                                              " datanodes that client.min_replication asks for";
  const Error final_error{is_no_space(why) ? Errc::kNoSpace : why.code,
                          "could not be written to " + where + ": " + why.message};
  if (failures_ > kFailuresMin && too_late()) return final_error;
  for (;;) {
    auto grants = session_.allocate(demand);
    if (grants.ok() && grants->empty()) {
      return Error{Errc::kProtocol, "the namenode granted no pipeline"};
    }
    if (grants.ok() && enough(grants->front(), demand)) return std::move(grants->front());
    if (!grants.ok() && grants.error().code != Errc::kNoDatanode) return std::move(grants).error();
    if (!session_.excludes_any() || is_no_space(why) || too_late()) return final_error;
    // All nodes have failed this writer. Perhaps not for ever: a restart takes a second.
    session_.forget_exclusions();
    std::this_thread::sleep_for(backoff_.next(std::random_device{}()));
  }
}

// The first node of the pipeline is lost with the connection, unless the connection had stood idle
// and was only found closed.
Status BlockAttempt::keep(Status status) {
  if (status.ok()) return status;
  const auto& first = grant_.targets.front();
  if (!pipeline_.reused || status.error().code == Errc::kTimedOut) session_.exclude(first.node);
  context_.pipelines.forget(first.data);
  return status;
}

Status BlockAttempt::begin(std::uint64_t length_max) {
  auto pipeline = context_.pipelines.take(grant_.targets, fresh_);
  if (!pipeline.ok()) return keep(std::move(pipeline).error());
  pipeline_ = std::move(*pipeline);
  return keep(pipeline_.writer->begin_block(grant_.block, grant_.generation, length_max));
}

Status BlockAttempt::append(storage::SliceEncoder& encoder, std::span<const std::byte> raw) {
  if (length_ == 0) encoder.begin_block(grant_.block);
  length_ += raw.size();
  const auto encoded = encoder.encode(raw);
  const BusyTime busy(busy_);
  return keep(pipeline_.writer->append(encoded.slices, encoded.stored));
}

Status BlockAttempt::end() {
  const BusyTime busy(busy_);
  return keep(pipeline_.writer->end_block());
}

Result<SentBlock> BlockAttempt::settle_ack() {
  auto ack = [&] {
    const BusyTime busy(busy_);
    return pipeline_.writer->wait_ack();
  }();
  if (!ack.ok()) return keep(std::move(ack).error()).error();
  auto sent = judge(*ack);
  // Nodes behind a failed one stay cut off for the connection's life.
  if (sent.ok() && sent->nodes.size() == grant_.targets.size()) {
    context_.health.note_block(sent->nodes, length_, busy_);
    context_.pipelines.give_back(std::move(pipeline_));
  }
  return sent;
}

// As settle(); idle connections to nodes that failed are closed.
Result<SentBlock> BlockAttempt::judge(const transfer::BlockAck& ack) {
  for (std::size_t i = 0; i < std::min(ack.stored.size(), grant_.targets.size()); ++i) {
    if (!ack.stored[i]) context_.pipelines.forget(grant_.targets[i].data);
  }
  return settle(session_, grant_, length_, ack, pipeline_.reused);
}

Result<std::optional<BlockGrant>> BlockAttempt::replacement(BlockRewrites& rewrites,
                                                            const BlockDemand& demand) {
  const auto& losses = pipeline_.writer->losses();
  if (!losses) return std::optional<BlockGrant>();
  const auto lost = std::count(losses->stored.begin(), losses->stored.end(), false);
  if (std::exchange(lost_, lost) == lost) return std::optional<BlockGrant>();
  MDFS_TRY(const auto left, judge(*losses));
  if (length_ > kRewriteBytesMax) return std::optional<BlockGrant>();
  return rewrites.better_pipeline(left.nodes.size(), demand);
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
  BlockRewrites rewrites(session_);
  auto sent = try_once(std::move(grant), bytes, Try::kFirst, rewrites);
  if (sent.ok()) sent = complete(std::move(*sent), bytes, rewrites);
  if (sent.ok() || source_error_) return sent;
  return send_again(std::move(sent).error(), bytes, rewrites);
}

BlockDemand BlockSender::demand_for(const BlockBytes& bytes) const {
  BlockDemand demand;
  demand.block_size = bytes.length();
  demand.replication = options_.replication;
  return demand;
}

Result<SentBlock> BlockSender::complete(SentBlock sent, BlockBytes& bytes,
                                        BlockRewrites& rewrites) {
  const auto length = bytes.length();
  while (sent.nodes.size() < sent.targets && length <= kRewriteBytesMax) {
    auto better = rewrites.better_pipeline(sent.nodes.size(), demand_for(bytes));
    if (!better) break;
    progress_.take_back_bytes(length);
    auto again = try_once(*std::move(better), bytes, Try::kAgain, rewrites);
    if (!again.ok()) progress_.add_bytes(length);
    // The first writing stands, whatever has become of the source.
    if (std::exchange(source_error_, std::nullopt)) break;
    if (again.ok() && again->nodes.size() > sent.nodes.size()) sent = std::move(*again);
  }
  const auto wanted = copies_min(context_.options, options_.replication);
  if (sent.nodes.size() >= wanted) return sent;
  progress_.take_back_bytes(length);
  return too_few_copies(sent, wanted);
}

Result<SentBlock> BlockSender::send_again(Error why, BlockBytes& bytes, BlockRewrites& rewrites) {
  WriteRetry retry(context_, session_);
  for (;;) {
    MDFS_TRY(auto pipeline, retry.next(why, demand_for(bytes)));
    auto sent =
        try_once({pipeline.blocks.front(), pipeline.generation, std::move(pipeline.targets)}, bytes,
                 Try::kAgain, rewrites);
    if (sent.ok()) sent = complete(std::move(*sent), bytes, rewrites);
    if (sent.ok() || source_error_) return sent;
    why = std::move(sent).error();
  }
}

Result<SentBlock> BlockSender::try_once(BlockGrant grant, BlockBytes& bytes, Try which,
                                        BlockRewrites& rewrites) {
  for (bool first = which == Try::kFirst;; first = false) {
    BlockAttempt attempt(context_, session_, std::move(grant), !first);
    auto better = feed(attempt, bytes, rewrites);
    if (better.ok() && !better->has_value()) {
      auto sent = attempt.settle_ack();
      if (sent.ok()) return sent;
      better = std::move(sent).error();
    }
    progress_.take_back_bytes(attempt.length());
    if (!better.ok()) return std::move(better).error();
    grant = **std::move(better);
  }
}

Result<std::optional<BlockGrant>> BlockSender::feed(BlockAttempt& attempt, BlockBytes& bytes,
                                                    BlockRewrites& rewrites) {
  const auto demand = demand_for(bytes);
  MDFS_CHECK(attempt.begin(bytes.length()));
  std::uint64_t offset = 0;
  while (offset < bytes.length()) {
    auto better = attempt.replacement(rewrites, demand);
    if (!better.ok() || better->has_value()) return better;
    if (options_.stop != nullptr && *options_.stop) {
      source_error_ = Error{Errc::kCancelled, "given up"};
      return *source_error_;
    }
    const auto chunk = std::span(buffer_).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, bytes.length() - offset)));
    if (auto read = bytes.read(offset, chunk); !read.ok()) {
      source_error_ = read.error();
      return *source_error_;
    }
    offset += chunk.size();
    progress_.add_bytes(chunk.size());
    MDFS_CHECK(attempt.append(encoder_, chunk));
  }
  MDFS_CHECK(attempt.end());
  return std::optional<BlockGrant>();
}

}  // namespace minidfs::client
