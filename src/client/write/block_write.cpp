#include "client/write/block_write.hpp"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

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

std::size_t copies_min(const Options& options, std::uint8_t replication) {
  return std::max<std::size_t>(1, std::min(options.min_replication, replication));
}

Status outcome_of(const WrittenPart& part, const Status& finished, std::size_t copies_min) {
  if (part.over && !part.unreadable && part.nodes.empty()) return {};
  if (!part.nodes.empty() && part.nodes.size() >= copies_min) return {};
  return part.unreadable ? Status(*part.unreadable) : finished;
}

BlockWrite::BlockWrite(ClientContext& context, WriteSession& session, ProgressMeter& progress,
                       const BlockWriteOptions& options, SendingSpace& space)
    : context_(context),
      session_(session),
      progress_(progress),
      options_(options),
      copies_min_(client::copies_min(context.options, options.replication)),
      policy_(copies_min_, context.options.timeout),
      space_(&space) {}

void BlockWrite::feed(std::span<WrittenPart> parts, Result<actors::PipelineGrant> first) {
  for (auto& part : parts) pending_.push_back(&part);
  command_ = policy_.start();
  take_answer(std::move(first));
  advance(false);
  space_ = nullptr;
}

void BlockWrite::start_again() { command_ = policy_.start_again(SteadyClock::now()); }

Status BlockWrite::finish() {
  if (std::exchange(awaits_acks_, false)) end_try();
  advance(true);
  MDFS_ASSERT(gave_up() || command_.kind == Kind::kDone);
  return gave_up() ? Status(command_.error) : Status();
}

bool BlockWrite::may_start_again() const {
  const auto code = command_.error.code;
  return gave_up() && repeatable().ok() && session_.alive().ok() &&
         (code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kNoDatanode);
}

void BlockWrite::step(const WriteEvent& event) {
  command_ = policy_.step(command_.epoch, event, SteadyClock::now());
}

// Does as it is told until that is over, or everything was sent.
void BlockWrite::advance(bool to_the_end) {
  for (;;) {
    if (command_.kind == Kind::kAsk) {
      ask();
    } else if (command_.kind == Kind::kSend) {
      if (!transmit()) continue;
      if (!to_the_end) {
        awaits_acks_ = true;
        return;
      }
      end_try();
    } else {
      return;
    }
  }
}

BlockDemand BlockWrite::demand() const {
  BlockDemand demand;
  for (const auto* part : pending_) {
    demand.block_size = std::max({demand.block_size, part->bytes->length_max(), part->counted});
  }
  demand.block_size = std::max<std::uint64_t>(demand.block_size, 1);
  demand.blocks_per_pipeline = static_cast<std::uint32_t>(pending_.size());
  demand.replication = options_.replication;
  return demand;
}

void BlockWrite::ask() {
  if (command_.delay.count() > 0) std::this_thread::sleep_for(command_.delay);
  if (command_.forgive) session_.forget_exclusions();
  if (stopped()) return;
  auto grants = session_.allocate(demand());
  if (!grants.ok()) return take_answer(std::move(grants).error());
  if (grants->empty()) return take_answer(Error{Errc::kProtocol, "the namenode granted nothing"});
  take_answer(std::move(grants->front()));
}

void BlockWrite::take_answer(Result<actors::PipelineGrant> granted) {
  if (granted.ok() && granted->blocks.size() < pending_.size()) {
    return step(WriteCancelled{
        {Errc::kProtocol, "the namenode granted " + std::to_string(granted->blocks.size()) +
                              " blocks of " + std::to_string(pending_.size())}});
  }
  PipelineAnswer answer;
  if (granted.ok()) answer.nodes = granted->targets.size();
  if (!granted.ok()) answer.refused = granted.error();
  answer.avoids_nodes = session_.excludes_any();
  answer.random = std::random_device{}();
  step(answer);
  if (command_.kind == Kind::kSend) grant_ = std::move(*granted);
}

// Everything that is pending, once. False when something else is to be done next.
bool BlockWrite::transmit() {
  if (space_ == nullptr) {
    own_space_ = std::make_unique<SendingSpace>(options_.compression);
    space_ = own_space_.get();
  }
  pipeline_ = {};
  sent_.clear();
  bytes_ = 0;
  busy_ = {};
  lost_ = 0;
  spoiled_ = false;
  broken_ = {};
  why_ = {Errc::kUnavailable, {}};
  for (std::size_t i = 0; i < pending_.size() && !spoiled_; ++i) {
    if (!transmit(*pending_[i], grant_.blocks[i])) return false;
  }
  if (!spoiled_ && !sent_.empty()) return true;
  end_try();
  return false;
}

// Of a part that cannot be read, or of a connection that fails, the end of the try takes care.
bool BlockWrite::transmit(WrittenPart& part, BlockId block) {
  std::uint64_t offset = 0;
  for (;;) {
    if (stopped() || (offset > 0 && !goes_on_here(part, offset))) return false;
    auto chunk = part.bytes->read(offset, space_->buffer);
    if (!chunk.ok()) part.unreadable = std::move(chunk).error();
    if (part.unreadable || (offset == 0 && chunk->empty())) {
      part.over = true;
      spoiled_ = offset > 0;
      return true;
    }
    if (offset == 0 && !open_pipeline(part, block, chunk->size())) return true;
    offset += chunk->size();
    if (offset > part.counted) {
      progress_.add_bytes(offset - std::exchange(part.counted, offset));
    }
    if (!chunk->empty() && !send(*chunk)) return true;
    if (chunk->size() < space_->buffer.size()) break;
  }
  const BusyTime busy(busy_);
  if (keep(pipeline_.writer->end_block())) sent_.push_back({&part, block, offset});
  return true;
}

bool BlockWrite::open_pipeline(WrittenPart& part, BlockId block, std::size_t first_bytes) {
  if (!pipeline_.writer) {
    auto taken = context_.pipelines.take(grant_.targets, command_.fresh);
    if (!taken.ok()) return keep(std::move(taken).error());
    pipeline_ = std::move(*taken);
  }
  space_->encoder.begin_block(block, grant_.generation);
  const auto hint = std::max<std::uint64_t>(part.bytes->length_max(), first_bytes);
  return keep(pipeline_.writer->begin_block(block, grant_.generation, hint));
}

bool BlockWrite::send(std::span<const std::byte> chunk) {
  const auto encoded = space_->encoder.encode(chunk);
  bytes_ += chunk.size();
  const BusyTime busy(busy_);
  return keep(pipeline_.writer->append(encoded.slices, encoded.stored));
}

// In the middle of a block: not when its pipeline has lost nodes and there is a better one. A batch
// learns of losses from its acks, which come soon.
bool BlockWrite::goes_on_here(const WrittenPart& part, std::uint64_t bytes_sent) {
  const auto& losses = pipeline_.writer->losses();
  if (!losses || pending_.size() > 1) return true;
  const auto lost = std::count(losses->stored.begin(), losses->stored.end(), false);
  if (std::exchange(lost_, lost) == lost) return true;
  blame(*losses);
  const auto left = static_cast<std::ptrdiff_t>(losses->stored.size()) - lost;
  if (left == 0) {
    why_ = losses_of(*losses);
    spoiled_ = true;
    end_try();
    return false;
  }
  step(NodesLost{static_cast<std::size_t>(left), bytes_sent, part.bytes->repeatable().ok()});
  if (command_.kind == Kind::kAsk) ask();
  return command_.kind == Kind::kGoOn;
}

// Nobody wants the blocks any more, or their session is over.
bool BlockWrite::stopped() {
  if (options_.stop != nullptr && *options_.stop) {
    step(WriteCancelled{{Errc::kCancelled, "given up"}});
    return true;
  }
  auto alive = session_.alive();
  if (alive.ok()) return false;
  step(WriteCancelled{std::move(alive).error()});
  return true;
}

// The first node of the pipeline is lost with the connection.
bool BlockWrite::keep(Status status) {
  if (status.ok()) return true;
  const auto& first = grant_.targets.front();
  if (first_target_to_blame(status.error(), pipeline_.reused)) session_.exclude(first.node);
  context_.pipelines.forget(first.data);
  spoiled_ = true;
  broken_ = std::move(status);
  return false;
}

// Takes the acks that are due and says how the try ended.
void BlockWrite::end_try() {
  if (pipeline_.writer) take_acks();
  pipeline_ = {};
  std::erase_if(pending_, [&](const WrittenPart* part) { return is_complete(*part); });
  TryEnded ended;
  ended.whole = pending_.empty();
  ended.copies = SIZE_MAX;
  for (const auto* part : pending_) ended.copies = std::min(ended.copies, part->nodes.size());
  ended.bytes = bytes_;
  ended.why = broken_.ok() ? why_ : broken_.error();
  if (auto again = repeatable(); !again.ok()) {
    ended.repeatable = false;
    ended.why.message += "; it cannot be sent again: " + again.error().message;
  }
  step(ended);
}

// After a failure of the connection the acks that came before it still count.
void BlockWrite::take_acks() {
  bool whole = !spoiled_;
  for (const auto& sent : sent_) {
    auto ack = [&] {
      const BusyTime busy(busy_);
      return pipeline_.writer->wait_ack();
    }();
    if (!ack.ok()) {
      if (broken_.ok()) (void)keep(std::move(ack).error());
      return;
    }
    whole = whole && std::find(ack->stored.begin(), ack->stored.end(), false) == ack->stored.end();
    take_ack(sent, *ack);
  }
  // Nodes behind a failed one stay cut off for the connection's life.
  if (!whole) return;
  if (sent_.size() == 1) context_.health.note_block(sent_.front().part->nodes, bytes_, busy_);
  context_.pipelines.give_back(std::move(pipeline_));
}

// What an earlier try achieved stays unless this one has more copies.
void BlockWrite::take_ack(const Sent& sent, const transfer::BlockAck& ack) {
  std::vector<NodeId> nodes;
  const auto count = std::min(ack.stored.size(), grant_.targets.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (ack.stored[i]) nodes.push_back(grant_.targets[i].node);
  }
  if (nodes.size() < count) {
    blame(ack);
    why_ = losses_of(ack);
  }
  if (nodes.size() <= sent.part->nodes.size()) return;
  sent.part->block = {sent.block, grant_.generation, sent.length};
  sent.part->nodes = std::move(nodes);
  sent.part->targets = grant_.targets.size();
}

// Idle connections to nodes that failed are closed, and the one to blame gets no further block.
void BlockWrite::blame(const transfer::BlockAck& ack) {
  for (std::size_t i = 0; i < std::min(ack.stored.size(), grant_.targets.size()); ++i) {
    if (!ack.stored[i]) context_.pipelines.forget(grant_.targets[i].data);
  }
  const auto target = target_to_blame(ack, pipeline_.reused);
  if (target && *target < grant_.targets.size()) session_.exclude(grant_.targets[*target].node);
}

// The first writing stands, whatever has become of the source since.
bool BlockWrite::is_complete(const WrittenPart& part) const {
  return part.over || part.nodes.size() >= std::max(part.targets, copies_min_);
}

Status BlockWrite::repeatable() const {
  for (const auto* part : pending_) MDFS_CHECK(part->bytes->repeatable());
  return {};
}

}  // namespace minidfs::client
