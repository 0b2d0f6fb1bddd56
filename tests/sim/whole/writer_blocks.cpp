// How a simulated writer gets its blocks to datanodes: what follows on what is decided by the real
// client/write/write_policy.
#include <algorithm>
#include <utility>

#include "sim/whole/cluster.hpp"
#include "sim/whole/writer.hpp"

namespace minidfs::sim {
namespace {

using Kind = client::WriteCommand::Kind;

constexpr std::size_t kPiecesMax = 4;

// As the client tells of it.
transfer::BlockAck ack_of(const Stored& stored) {
  transfer::BlockAck ack;
  ack.stored = stored;
  return ack;
}

}  // namespace

std::vector<SimWriter::BlockToWrite*> SimWriter::BlockWriting::pending() {
  std::vector<BlockToWrite*> pending;
  for (auto& block : blocks) {
    if (!block.complete()) pending.push_back(&block);
  }
  return pending;
}

std::uint64_t SimWriter::BlockWriting::pending_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& block : blocks) bytes += block.complete() ? 0 : block.length;
  return bytes;
}

// The next one, or some through one pipeline, as small files go. Only the last one may be short.
void SimWriter::next_blocks(const PutPtr& put) {
  if (put->over) return;
  if (put->blocks_left == 0) return commit(put);
  put->writing = std::make_shared<BlockWriting>();
  const auto count = cluster_.world.chance(2) ? 1 : 1 + cluster_.world.below(put->blocks_left);
  put->writing->blocks.resize(count);
  put->blocks_left -= count;
  for (auto& block : put->writing->blocks) block.length = kBlockSize;
  if (put->blocks_left == 0) {
    put->writing->blocks.back().length = 1 + cluster_.world.below(kBlockSize);
  }
  obey(put, put->writing, put->writing->policy.start());
}

// What the pipeline tells while the namenode is being asked waits for the answer.
void SimWriter::happened(const PutPtr& put, const WritingPtr& writing,
                         const client::WriteEvent& event) {
  writing->happened.push_back(event);
  take_events(put, writing);
}

void SimWriter::take_events(const PutPtr& put, const WritingPtr& writing) {
  while (!put->over && !writing->asking && !writing->happened.empty()) {
    const auto event = writing->happened.front();
    writing->happened.pop_front();
    obey(put, writing, writing->policy.step(writing->epoch, event, cluster_.world.now()));
  }
}

void SimWriter::obey(const PutPtr& put, const WritingPtr& writing,
                     const client::WriteCommand& command) {
  if (command.kind == Kind::kNothing) return;
  writing->epoch = command.epoch;
  switch (command.kind) {
    case Kind::kNothing:
    case Kind::kGoOn:
      return;
    case Kind::kAsk:
      writing->asking = true;
      if (command.forgive) put->excluded.clear();
      process_.later(command.delay, [this, put, writing] { ask_pipeline(put, writing); });
      return;
    case Kind::kSend:
      return send_blocks(put, writing, command.fresh);
    case Kind::kDone:
      return blocks_written(put, writing);
    case Kind::kGiveUp:
      return end(put, false);
  }
}

void SimWriter::ask_pipeline(const PutPtr& put, const WritingPtr& writing) {
  actors::AllocateBlocks request;
  request.client = put->client;
  request.session = put->session;
  request.block_size = kBlockSize;
  request.replication = put->copies;
  request.excluded = put->excluded;
  request.blocks_per_pipeline = static_cast<std::uint32_t>(writing->pending().size());
  link_.ask<actors::WriteGrant>(
      [request](SimNamenode& namenode, const auto& respond) {
        namenode.allocate(request, respond);
      },
      [this, put, writing,
       avoids = !request.excluded.empty()](const Result<actors::WriteGrant>& grant) {
        if (put->over) return;
        client::PipelineAnswer answer;
        answer.avoids_nodes = avoids;
        answer.random = cluster_.world.random()();
        if (grant.ok()) {
          if (std::exchange(put->session, grant->session) == 0) {
            renew_later(put, milliseconds{grant->renew_within_ms});
          }
          writing->grant = grant->pipelines.front();
          put->granted.insert(put->granted.end(), writing->grant.blocks.begin(),
                              writing->grant.blocks.end());
          answer.nodes = writing->grant.targets.size();
        } else {
          answer.refused = grant.error();
        }
        writing->asking = false;
        obey(put, writing, writing->policy.step(writing->epoch, answer, cluster_.world.now()));
        take_events(put, writing);
      },
      request.excluded.empty() ? std::nullopt : std::optional(Errc::kNoDatanode));
}

// Everything that is pending from the start, in the pipeline granted last.
void SimWriter::send_blocks(const PutPtr& put, const WritingPtr& writing, bool fresh) {
  writing->happened.clear();
  if (writing->sending != nullptr) {
    if (!writing->sending->over()) cluster_.world.note("a block begun again in a better pipeline");
    writing->sending->close();
  }
  writing->targets = writing->grant.targets;
  const auto pending = writing->pending();
  std::vector<SentBlock> blocks;
  std::vector<WrittenReplicas> tried;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const metadata::Block block{writing->grant.blocks[i], writing->grant.generation,
                                pending[i]->length};
    tried.push_back({block, ++cluster_.last_content, {}});
    blocks.push_back({block, tried.back().content, 1 + cluster_.world.below(kPiecesMax)});
    cluster_.world.trace([&] {
      return "writer " + std::to_string(place_) + " writes block " + to_string(block.id) + " of " +
             put->paths.front() + " in session " + std::to_string(put->session);
    });
  }
  writing->sending = connect(put, writing, fresh);
  writing->sending->begin(
      std::move(blocks),
      {[this, put, writing] { send_piece_later(put, writing->sending); },
       [this, put, writing](const Stored& left) { nodes_lost(put, writing, left); },
       [this, put, writing, tried = std::move(tried)](const std::vector<Stored>& stored) {
         try_ended(put, writing, tried, stored);
       }});
  send_piece_later(put, writing->sending);
}

// Over the connection that stands idle, when it leads the same way.
std::shared_ptr<Sender> SimWriter::connect(const PutPtr& put, const WritingPtr& writing,
                                           bool fresh) {
  std::vector<metadata::Endpoint> targets;
  for (const auto& target : writing->targets) targets.push_back(target.data);
  auto idle = std::exchange(put->idle, nullptr);
  writing->reused = idle != nullptr && idle->idle() && idle->targets() == targets && !fresh;
  if (writing->reused) {
    cluster_.world.note("a connection used for the next blocks of its file");
    return idle;
  }
  if (idle != nullptr) idle->close();
  return Sender::open(cluster_, process_, place_, std::move(targets));
}

// The source of the bytes takes its time.
void SimWriter::send_piece_later(const PutPtr& put, const std::shared_ptr<Sender>& sender) {
  if (put->over || sender->over() || sender->pieces_left() == 0) return;
  const auto pause = cluster_.world.chance(12) ? milliseconds{4000} : milliseconds{5};
  process_.later(cluster_.world.between(milliseconds{0}, pause), [put, sender] {
    if (!put->over && !sender->over()) sender->send_piece();
  });
}

void SimWriter::nodes_lost(const PutPtr& put, const WritingPtr& writing, const Stored& left) {
  avoid_first_lost(put, writing, left);
  const auto copies = static_cast<std::size_t>(std::count(left.begin(), left.end(), true));
  if (copies == 0) return;  // The end of the try tells of it.
  if (!put->repeatable) cluster_.world.note("a stream that lost a node and cannot begin again");
  happened(put, writing, client::NodesLost{copies, 0, put->repeatable});
}

void SimWriter::avoid_first_lost(const PutPtr& put, const WritingPtr& writing,
                                 const Stored& stored) {
  const auto blamed = client::target_to_blame(ack_of(stored), writing->reused);
  if (blamed.has_value()) put->excluded.push_back(writing->targets[*blamed].node);
}

// What an earlier try achieved stays unless this one has more copies.
void SimWriter::try_ended(const PutPtr& put, const WritingPtr& writing,
                          const std::vector<WrittenReplicas>& tried,
                          const std::vector<Stored>& stored) {
  if (put->over) return;
  if (writing->sending->idle()) put->idle = writing->sending;
  const auto& targets = writing->targets;
  const auto pending = writing->pending();
  client::TryEnded ended;
  ended.bytes = writing->pending_bytes();
  for (std::size_t i = 0; i < pending.size(); ++i) {
    avoid_first_lost(put, writing, stored[i]);
    auto written = tried[i];
    for (std::size_t target = 0; target < targets.size(); ++target) {
      if (stored[i][target]) written.nodes.push_back(targets[target].node);
    }
    if (written.nodes.size() <= pending[i]->best.nodes.size()) continue;
    pending[i]->best = std::move(written);
    pending[i]->targets = targets.size();
  }
  const auto left = writing->pending();
  ended.whole = left.empty();
  ended.copies = SIZE_MAX;
  for (const auto* block : left) ended.copies = std::min(ended.copies, block->best.nodes.size());
  ended.repeatable = put->repeatable;
  ended.why = {Errc::kTimedOut, "a datanode was lost"};
  happened(put, writing, ended);
}

void SimWriter::blocks_written(const PutPtr& put, const WritingPtr& writing) {
  for (const auto& block : writing->blocks) put->written.push_back(block.best);
  put->writing.reset();
  const auto pause = cluster_.world.chance(3) ? milliseconds{3000} : milliseconds{50};
  const bool stages = put->stages && put->blocks_left > 0;
  process_.later(cluster_.world.between(milliseconds{0}, pause),
                 [this, put, stages] { stages ? stage(put) : next_blocks(put); });
}

}  // namespace minidfs::sim
