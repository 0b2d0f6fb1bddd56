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

void SimWriter::next_block(const PutPtr& put) {
  if (put->over) return;
  if (put->blocks_left == 0) return commit(put);
  put->writing = std::make_shared<BlockWriting>();
  put->writing->length = put->blocks_left == 1 ? 1 + cluster_.world.below(kBlockSize) : kBlockSize;
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
      return send_block(put, writing);
    case Kind::kDone:
      return block_written(put, writing);
    case Kind::kGiveUp:
      return end(put, false);
  }
}

void SimWriter::ask_pipeline(const PutPtr& put, const WritingPtr& writing) {
  actors::AllocateBlocks request;
  request.client = client_;
  request.session = put->session;
  request.block_size = kBlockSize;
  request.replication = put->copies;
  request.excluded = put->excluded;
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
          put->granted.push_back(writing->grant.blocks.front());
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

// Everything from the start, in the pipeline granted last.
void SimWriter::send_block(const PutPtr& put, const WritingPtr& writing) {
  writing->happened.clear();
  if (writing->sending != nullptr) {
    if (!writing->sending->over()) cluster_.world.note("a block begun again in a better pipeline");
    writing->sending->close();
  }
  const auto& grant = writing->grant;
  WrittenReplicas tried;
  tried.block = {grant.blocks.front(), grant.generation, writing->length};
  tried.content = ++cluster_.last_content;
  cluster_.world.trace([&] {
    return "writer " + std::to_string(place_) + " writes block " + to_string(tried.block.id) +
           " of " + put->path + " in session " + std::to_string(put->session);
  });
  Transfer transfer{tried.block, tried.content, 1 + cluster_.world.below(kPiecesMax), {}};
  for (const auto& target : grant.targets) transfer.targets.push_back(target.data);
  writing->sending = Sender::open(
      cluster_, process_, place_, transfer,
      {[this, put, writing] { send_piece_later(put, writing->sending); },
       [this, put, writing, targets = grant.targets](const Stored& left) {
         avoid_first_lost(put, targets, left);
         const auto copies = static_cast<std::size_t>(std::count(left.begin(), left.end(), true));
         if (copies == 0) return;  // The end of the try tells of it.
         happened(put, writing, client::NodesLost{copies, 0, true});
       },
       [this, put, writing, tried, targets = grant.targets](const Stored& stored) {
         try_ended(put, writing, tried, targets, stored);
       }});
  send_piece_later(put, writing->sending);
}

// The source of the bytes takes its time.
void SimWriter::send_piece_later(const PutPtr& put, const std::shared_ptr<Sender>& sender) {
  if (put->over || sender->over() || sender->pieces_left() == 0) return;
  const auto pause = cluster_.world.chance(12) ? milliseconds{4000} : milliseconds{5};
  process_.later(cluster_.world.between(milliseconds{0}, pause), [put, sender] {
    if (!put->over && !sender->over()) sender->send_piece();
  });
}

void SimWriter::avoid_first_lost(const PutPtr& put,
                                 const std::vector<metadata::ReplicaLocation>& targets,
                                 const Stored& stored) {
  const auto blamed = client::target_to_blame(ack_of(stored), false);
  if (blamed.has_value()) put->excluded.push_back(targets[*blamed].node);
}

void SimWriter::try_ended(const PutPtr& put, const WritingPtr& writing, WrittenReplicas tried,
                          const std::vector<metadata::ReplicaLocation>& targets,
                          const Stored& stored) {
  if (put->over) return;
  avoid_first_lost(put, targets, stored);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (stored[i]) tried.nodes.push_back(targets[i].node);
  }
  if (tried.nodes.size() > writing->best.nodes.size()) writing->best = tried;
  client::TryEnded ended;
  ended.whole = tried.nodes.size() == targets.size();
  ended.copies = writing->best.nodes.size();
  ended.bytes = writing->length;
  ended.why = {Errc::kTimedOut, "a datanode was lost"};
  happened(put, writing, ended);
}

void SimWriter::block_written(const PutPtr& put, const WritingPtr& writing) {
  put->written.push_back(writing->best);
  put->writing.reset();
  --put->blocks_left;
  const auto pause = cluster_.world.chance(3) ? milliseconds{3000} : milliseconds{50};
  process_.later(cluster_.world.between(milliseconds{0}, pause), [this, put] { next_block(put); });
}

}  // namespace minidfs::sim
