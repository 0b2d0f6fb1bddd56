#include "client/write/block_writer.hpp"

#include <algorithm>
#include <utility>

#include "base/random_id.hpp"
#include "net/answer.hpp"
#include "net/wait.hpp"

namespace minidfs::client {
namespace {

using Kind = WriteCommand::Kind;
using SteadyClock = std::chrono::steady_clock;

}  // namespace

std::size_t copies_min(const Options& options, std::uint8_t replication) {
  return std::max<std::size_t>(1, std::min(options.min_replication, replication));
}

Status outcome_of(const BlockToWrite& block, const Status& finished, std::size_t copies_min) {
  const auto copies = block.stored.nodes.size();
  if (block.over && !block.unreadable && copies == 0) return {};
  if (copies > 0 && copies >= copies_min) return {};
  return block.unreadable ? Status(*block.unreadable) : finished;
}

BlockWriter::BlockWriter(asio::any_io_executor executor, WriteSession& session,
                         ProgressMeter& progress, const BlockWriteOptions& options,
                         SendingSpace& space)
    : executor_(std::move(executor)),
      session_(session),
      context_(session.context()),
      progress_(progress),
      options_(options),
      copies_min_(client::copies_min(context_.options, options.replication)),
      space_(space),
      policy_(copies_min_, context_.options.timeout) {}

void BlockWriter::cancel() {
  cancelled_ = true;
  if (try_.pipeline.connection) try_.pipeline.connection->cancel();
  if (end_wait_) end_wait_();
}

// --- What the policy says ----------------------------------------------------------------------

asio::awaitable<void> BlockWriter::send(std::span<BlockToWrite> blocks, Result<Pipeline> first) {
  for (auto& block : blocks) pending_.push_back(&block);
  command_ = policy_.start();
  take_answer(std::move(first));
  co_await obey(false);
  if (wants_rest()) co_await keep_rest();
}

asio::awaitable<Status> BlockWriter::finish() {
  if (std::exchange(awaits_acks_, false)) co_await end_try();
  co_await obey(true);
  MDFS_ASSERT(gave_up() || command_.kind == Kind::kDone);
  co_return failure();
}

void BlockWriter::step(const WriteEvent& event) {
  command_ = policy_.step(command_.epoch, event, SteadyClock::now());
}

// Does as it is told until that is over, or everything was sent.
asio::awaitable<void> BlockWriter::obey(bool to_the_end) {
  for (;;) {
    if (command_.kind == Kind::kAsk) {
      co_await ask();
    } else if (command_.kind == Kind::kSend) {
      const bool sent = co_await send_all();
      if (!sent) continue;
      if (!to_the_end) {
        awaits_acks_ = true;
        co_return;
      }
      co_await end_try();
    } else {
      co_return;
    }
  }
}

asio::awaitable<void> BlockWriter::ask() {
  if (command_.delay.count() > 0) co_await pause(command_.delay);
  if (command_.forgive) session_.forgive_nodes();
  if (stopped()) co_return;
  auto pipeline = co_await request_pipeline();
  if (!stopped()) take_answer(std::move(pipeline));
}

asio::awaitable<void> BlockWriter::pause(std::chrono::milliseconds delay) {
  asio::steady_timer timer(executor_, delay);
  end_wait_ = [&timer] { timer.cancel(); };
  if (!cancelled_) co_await net::wait(timer);
  end_wait_ = nullptr;
}

asio::awaitable<Result<Pipeline>> BlockWriter::request_pipeline() {
  net::Answer<Result<Pipeline>> answer(executor_);
  end_wait_ = [&answer] { answer.cancel(); };
  session_.request_pipeline(demand(), answer.giver());
  auto pipeline = co_await answer.wait();
  end_wait_ = nullptr;
  co_return pipeline;
}

void BlockWriter::take_answer(Result<Pipeline> pipeline) {
  if (pipeline.ok() && pipeline->blocks.size() < pending_.size()) {
    return step(WriteCancelled{
        {Errc::kProtocol, "the namenode granted " + std::to_string(pipeline->blocks.size()) +
                              " blocks of " + std::to_string(pending_.size())}});
  }
  PipelineAnswer answer;
  if (pipeline.ok()) answer.nodes = pipeline->targets.size();
  if (!pipeline.ok()) answer.refused = pipeline.error();
  answer.avoids_nodes = session_.avoids_nodes();
  answer.random = random_128().low;
  step(answer);
  if (command_.kind != Kind::kSend) return;
  try_ = {};
  try_.pipeline = std::move(*pipeline);
}

PipelineDemand BlockWriter::demand() const {
  PipelineDemand demand;
  demand.block_size = 1;
  for (const auto* block : pending_) {
    demand.block_size = std::max({demand.block_size, block->source->length_max(), block->counted});
  }
  demand.blocks = static_cast<std::uint32_t>(pending_.size());
  demand.replication = options_.replication;
  return demand;
}

// Nobody wants the blocks any more, or their session is over.
bool BlockWriter::stopped() {
  auto alive = session_.alive();
  if (cancelled_) alive = Error{Errc::kCancelled, "cancelled"};
  if (options_.stop != nullptr && *options_.stop) alive = Error{Errc::kCancelled, "given up"};
  if (alive.ok()) return false;
  step(WriteCancelled{std::move(alive).error()});
  return true;
}

// A stream may take hours for one block. When there are no nodes in the meantime it is only kept,
// and sent at its end, with new patience.
asio::awaitable<void> BlockWriter::keep_rest() {
  auto& block = *pending_.front();
  while (wants_rest()) {
    if (must_wait(*block.source, block.source->kept())) {
      co_await wait_for_bytes(*block.source, block.source->kept());
      if (cancelled_) co_return;
    }
    if (auto kept = block.source->keep_next(space_.buffer); !kept.ok()) {
      block.unreadable = std::move(kept).error();
      co_return;
    }
  }
  if (block.source->whole()) command_ = policy_.start_again(SteadyClock::now());
}

bool BlockWriter::wants_rest() const {
  return may_start_again() && !pending_.front()->source->whole();
}

// It gave up for want of nodes, which may come back.
bool BlockWriter::may_start_again() const {
  const auto code = command_.error.code;
  return gave_up() && repeatable().ok() && session_.alive().ok() &&
         (code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kNoDatanode);
}

Status BlockWriter::repeatable() const {
  for (const auto* block : pending_) MDFS_CHECK(block->source->repeatable());
  return {};
}

}  // namespace minidfs::client
