// The half of BlockWriter that sends what is pending, once, and takes the acks.
#include <algorithm>
#include <utility>

#include "client/write/block_writer.hpp"
#include "transfer/writer_pulse.hpp"

namespace minidfs::client {
namespace {

using Kind = WriteCommand::Kind;
using SteadyClock = std::chrono::steady_clock;

// Adds how long it lives to a sum.
class BusyTime {
 public:
  explicit BusyTime(std::chrono::nanoseconds& sum) : sum_(sum) {}
  ~BusyTime() { sum_ += SteadyClock::now() - start_; }
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;

 private:
  std::chrono::nanoseconds& sum_;
  SteadyClock::time_point start_ = SteadyClock::now();
};

// Every lost target's reason; no space is what the whole fails for, if one of them has none.
Error losses_of(const transfer::BlockAck& ack) {
  Error losses{Errc::kUnavailable, {}};
  for (std::size_t i = 0; i < ack.stored.size(); ++i) {
    if (ack.stored[i]) continue;
    if (i < ack.codes.size() && ack.codes[i] == Errc::kNoSpace) losses.code = Errc::kNoSpace;
    if (i < ack.errors.size()) {
      losses.message += (losses.message.empty() ? "" : "; ") + ack.errors[i];
    }
  }
  return losses;
}

}  // namespace

// Everything that is pending, once. False when something else is to be done next.
asio::awaitable<bool> BlockWriter::send_all() {
  for (std::size_t i = 0; i < pending_.size() && !try_.spoiled; ++i) {
    const bool goes_on = co_await send_block(*pending_[i], try_.pipeline.blocks[i]);
    if (!goes_on) co_return false;
  }
  if (!try_.spoiled && !try_.sent.empty()) co_return true;
  co_await end_try();
  co_return false;
}

// Of a block that cannot be read, or of a connection that fails, the end of the try takes care.
asio::awaitable<bool> BlockWriter::send_block(BlockToWrite& block, BlockId id) {
  std::uint64_t offset = 0;
  for (;;) {
    if (must_wait(*block.source, offset)) co_await wait_for_bytes(*block.source, offset);
    if (stopped()) co_return false;
    if (offset > 0) {
      const bool here = co_await goes_on_here(block, offset);
      if (!here) co_return false;
    }
    auto chunk = read(*block.source, offset);
    if (!chunk.ok()) block.unreadable = std::move(chunk).error();
    if (block.unreadable || (offset == 0 && chunk->empty())) {
      block.over = true;
      try_.spoiled = offset > 0;
      co_return true;
    }
    if (offset == 0) {
      const bool begun = co_await begin_block(block, id, chunk->size());
      if (!begun) co_return true;
    }
    offset += chunk->size();
    if (offset > block.counted) {
      progress_.add_bytes(offset - std::exchange(block.counted, offset));
    }
    if (!chunk->empty()) {
      const bool sent = co_await append(*chunk);
      if (!sent) co_return true;
    }
    if (chunk->size() < space_.buffer.size()) break;
  }
  const bool ended = co_await end_block(block);
  if (ended) try_.sent.push_back({&block, id, offset});
  co_return true;
}

// Whether the next chunk has not been brought yet.
bool BlockWriter::must_wait(const BlockSource& source, std::uint64_t offset) const {
  return !source.has_come(offset, space_.buffer.size());
}

asio::awaitable<void> BlockWriter::wait_for_bytes(BlockSource& source, std::uint64_t offset) {
  end_wait_ = [&source] { source.end_wait(); };
  while (!cancelled_ && must_wait(source, offset)) {
    co_await source.wait(offset, space_.buffer.size());
  }
  end_wait_ = nullptr;
}

// A source may have nothing for hours.
Result<std::span<const std::byte>> BlockWriter::read(BlockSource& source, std::uint64_t offset) {
  std::optional<transfer::WriterPulse> pulse;
  if (offset > 0) pulse.emplace([writer = try_.pipeline.connection.get()] { writer->beat(); });
  return source.read(offset, space_.buffer);
}

asio::awaitable<bool> BlockWriter::begin_block(BlockToWrite& block, BlockId id,
                                               std::size_t first_bytes) {
  auto& pipeline = try_.pipeline;
  if (!pipeline.connection) {
    Status connected = co_await session_.connect(executor_, pipeline, command_.fresh);
    if (!connection_holds(std::move(connected))) co_return false;
  }
  space_.encoder.begin_block(id, pipeline.generation);
  // Of a block that outgrew what was announced, a node takes no more; it is sent again.
  const auto hint =
      std::max<std::uint64_t>({block.source->length_max(), first_bytes, block.counted});
  co_return connection_holds(pipeline.connection->begin_block(id, pipeline.generation, hint));
}

asio::awaitable<bool> BlockWriter::append(std::span<const std::byte> chunk) {
  const auto encoded = space_.encoder.encode(chunk);
  try_.bytes += chunk.size();
  const BusyTime busy(try_.busy);
  Status sent = co_await try_.pipeline.connection->append(encoded.slices, encoded.stored);
  co_return connection_holds(std::move(sent));
}

asio::awaitable<bool> BlockWriter::end_block(const BlockToWrite& block) {
  using Next = transfer::BlockPipeline::Next;
  const BusyTime busy(try_.busy);
  const auto next = &block == pending_.back() ? Next::kSomeDay : Next::kAtOnce;
  Status ended = co_await try_.pipeline.connection->end_block(next);
  co_return connection_holds(std::move(ended));
}

// In the middle of a block: not when its pipeline has lost nodes and there is a better one. A batch
// learns of losses from its acks, which come soon.
asio::awaitable<bool> BlockWriter::goes_on_here(const BlockToWrite& block,
                                                std::uint64_t bytes_sent) {
  const auto& losses = try_.pipeline.connection->losses();
  if (!losses || pending_.size() > 1) co_return true;
  const auto lost = std::count(losses->stored.begin(), losses->stored.end(), false);
  if (std::exchange(try_.lost, lost) == lost) co_return true;
  blame(*losses);
  const auto left = static_cast<std::ptrdiff_t>(losses->stored.size()) - lost;
  if (left == 0) {
    try_.why = losses_of(*losses);
    try_.spoiled = true;
    co_await end_try();
    co_return false;
  }
  step(NodesLost{static_cast<std::size_t>(left), bytes_sent, block.source->repeatable().ok()});
  if (command_.kind == Kind::kAsk) co_await ask();
  co_return command_.kind == Kind::kGoOn;
}

// With the connection the first target is lost.
bool BlockWriter::connection_holds(Status status) {
  if (status.ok()) return true;
  if (!cancelled_) {
    session_.note_lost(try_.pipeline.targets.front(),
                       first_target_to_blame(status.error(), try_.pipeline.reused));
  }
  try_.spoiled = true;
  try_.broken = std::move(status);
  return false;
}

// Takes the acks that are due and says how the try ended.
asio::awaitable<void> BlockWriter::end_try() {
  if (try_.pipeline.connection) co_await take_acks();
  try_.pipeline.connection.reset();
  std::erase_if(pending_, [&](const BlockToWrite* block) { return is_complete(*block); });
  TryEnded ended;
  ended.whole = pending_.empty();
  ended.copies = SIZE_MAX;
  for (const auto* block : pending_) {
    ended.copies = std::min(ended.copies, block->stored.nodes.size());
  }
  ended.bytes = try_.bytes;
  ended.why = try_.broken.ok() ? try_.why : try_.broken.error();
  if (auto again = repeatable(); !again.ok()) {
    ended.repeatable = false;
    ended.why.message += "; it cannot be sent again: " + again.error().message;
  }
  step(ended);
}

// After a failure of the connection the acks that came before it still count.
asio::awaitable<void> BlockWriter::take_acks() {
  bool whole = !try_.spoiled;
  for (const auto& sent : try_.sent) {
    auto ack = co_await wait_ack();
    if (!ack.ok()) {
      if (try_.broken.ok()) (void)connection_holds(std::move(ack).error());
      co_return;
    }
    whole = whole && std::find(ack->stored.begin(), ack->stored.end(), false) == ack->stored.end();
    take_ack(sent, *ack);
  }
  // Nodes behind a failed one stay cut off for the connection's life.
  if (!whole) co_return;
  if (try_.sent.size() == 1) {
    context_.health.note_block(try_.sent.front().block->stored.nodes, try_.bytes, try_.busy);
  }
  session_.give_back(std::move(try_.pipeline));
}

asio::awaitable<Result<transfer::BlockAck>> BlockWriter::wait_ack() {
  const BusyTime busy(try_.busy);
  auto ack = co_await try_.pipeline.connection->wait_ack();
  co_return ack;
}

// What an earlier try achieved stays unless this one has more copies.
void BlockWriter::take_ack(const Sent& sent, const transfer::BlockAck& ack) {
  const auto& targets = try_.pipeline.targets;
  std::vector<NodeId> nodes;
  const auto count = std::min(ack.stored.size(), targets.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (ack.stored[i]) nodes.push_back(targets[i].node);
  }
  if (nodes.size() < count) {
    blame(ack);
    try_.why = losses_of(ack);
  }
  if (nodes.size() <= sent.block->stored.nodes.size()) return;
  sent.block->stored = {{sent.id, try_.pipeline.generation, sent.length}, std::move(nodes)};
  sent.block->targets = targets.size();
}

void BlockWriter::blame(const transfer::BlockAck& ack) {
  const auto& targets = try_.pipeline.targets;
  const auto to_blame = target_to_blame(ack, try_.pipeline.reused);
  for (std::size_t i = 0; i < std::min(ack.stored.size(), targets.size()); ++i) {
    if (!ack.stored[i]) session_.note_lost(targets[i], i == to_blame);
  }
}

// The first writing stands, whatever has become of the source since.
bool BlockWriter::is_complete(const BlockToWrite& block) const {
  return block.over || block.stored.nodes.size() >= std::max(block.targets, copies_min_);
}

}  // namespace minidfs::client
