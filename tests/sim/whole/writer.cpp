#include "sim/whole/writer.hpp"

#include <utility>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {
namespace {

using std::chrono::seconds;

constexpr milliseconds kSilence{1500};  // Then the connection is made anew.
constexpr milliseconds kPatience{30'000};
constexpr milliseconds kRetry{300};
constexpr milliseconds kProgress{2000};  // A target that says nothing for so long is left.
constexpr std::uint64_t kBlockSize = 1 << 20;

bool is_asked_again(const Error& error) {
  return errc_info(error.code).retryable || error.code == Errc::kSafeMode;
}

}  // namespace

SimWriter::SimWriter(Cluster& cluster, Place place)
    : cluster_(cluster),
      place_(place),
      process_(cluster.world),
      link_(cluster.network, cluster.namenode, process_, place),
      client_{9, static_cast<std::uint64_t>(place)} {}

void SimWriter::start() {
  process_.start();
  link_.reconnect();
  next();
}

void SimWriter::finished() {
  ++done_;
  process_.later(cluster_.world.between(milliseconds{10}, milliseconds{800}), [this] { next(); });
}

void SimWriter::next() {
  idle_ = leaves_off_;
  if (idle_) return;
  switch (cluster_.world.below(6)) {
    case 0:
      return remove();
    case 1:
      return set_copies();
    default:
      return put();
  }
}

std::string SimWriter::some_path() {
  if (cluster_.world.chance(2)) return "/shared" + std::to_string(cluster_.world.below(3));
  return "/w" + std::to_string(place_) + "-" + std::to_string(cluster_.world.below(6));
}

metadata::RequestId SimWriter::next_request() {
  ++last_sequence_;
  return {client_, last_sequence_, last_sequence_};
}

// --- Asking -----------------------------------------------------------------------------------

template <class Reply>
void SimWriter::ask(std::function<void(SimNamenode&, const Respond<Reply>&)> request,
                    Respond<Reply> answered) {
  auto asking = std::make_shared<Asking<Reply>>();
  asking->request = std::move(request);
  asking->answered = std::move(answered);
  asking->deadline = cluster_.world.now() + kPatience;
  attempt(std::move(asking));
}

template <class Reply>
void SimWriter::attempt(std::shared_ptr<Asking<Reply>> asking) {
  if (cluster_.world.now() >= asking->deadline) {
    asking->over = true;
    asking->answered(Error{Errc::kTimedOut, "no answer"});
    return;
  }
  const auto number = ++asking->attempt;
  link_.ask<Reply>(asking->request, [this, asking, number](const Result<Reply>& reply) {
    if (asking->over || asking->attempt != number) return;
    if (!reply.ok() && is_asked_again(reply.error())) {
      ++asking->attempt;
      process_.later(kRetry, [this, asking] { attempt(asking); });
      return;
    }
    asking->over = true;
    asking->answered(reply);
  });
  process_.later(kSilence, [this, asking, number] {
    if (asking->over || asking->attempt != number) return;
    link_.reconnect();
    attempt(asking);
  });
}

// --- Small changes ----------------------------------------------------------------------------

void SimWriter::remove() {
  metadata::Remove change;
  change.path = some_path();
  change.request = next_request();
  const auto operation =
      cluster_.ledger.remove({client_.low, change.request.sequence}, change.path);
  ask<metadata::ChangeReply>(
      [change](SimNamenode& namenode, const auto& respond) { namenode.change(change, respond); },
      [this, operation](const Result<metadata::ChangeReply>& reply) {
        if (reply.ok() && reply->outcomes.front().ok()) cluster_.ledger.acknowledged(operation);
        if (reply.ok() && !reply->outcomes.front().ok()) cluster_.ledger.refused(operation);
        finished();
      });
}

void SimWriter::set_copies() {
  metadata::SetReplication change;
  change.path = some_path();
  change.request = next_request();
  change.replication = static_cast<std::uint8_t>(1 + cluster_.world.below(3));
  ask<metadata::ChangeReply>(
      [change](SimNamenode& namenode, const auto& respond) { namenode.change(change, respond); },
      [this](const Result<metadata::ChangeReply>&) { finished(); });
}

// --- Putting ----------------------------------------------------------------------------------

void SimWriter::put() {
  auto put = std::make_shared<Put>();
  put->path = some_path();
  put->overwrite = !cluster_.world.chance(4);
  put->copies = static_cast<std::uint8_t>(1 + cluster_.world.below(3));
  put->blocks_left = 1 + cluster_.world.below(3);
  next_block(put);
}

void SimWriter::next_block(const PutPtr& put) {
  if (put->over) return;
  if (put->blocks_left == 0) return commit(put);
  actors::AllocateBlocks request;
  request.client = client_;
  request.session = put->session;
  request.block_size = kBlockSize;
  request.replication = put->copies;
  request.excluded = put->excluded;
  ask<actors::WriteGrant>([request](SimNamenode& namenode,
                                    const auto& respond) { namenode.allocate(request, respond); },
                          [this, put](const Result<actors::WriteGrant>& grant) {
                            if (put->over) return;
                            if (!grant.ok()) return end(put, false);
                            if (std::exchange(put->session, grant->session) == 0) {
                              renew_later(put, milliseconds{grant->renew_within_ms});
                            }
                            write_block(put, grant->pipelines.front());
                          });
}

void SimWriter::write_block(const PutPtr& put, const actors::PipelineGrant& grant) {
  struct Pipeline {
    WrittenReplicas written;
    std::size_t answers = 0;
    bool over = false;
  };
  const bool is_last = put->blocks_left == 1;
  auto pipeline = std::make_shared<Pipeline>();
  pipeline->written.block = {grant.blocks.front(), grant.generation,
                             is_last ? 1 + cluster_.world.below(kBlockSize) : kBlockSize};
  pipeline->written.content = ++cluster_.last_content;
  put->granted.push_back(grant.blocks.front());
  cluster_.world.trace([&] {
    return "writer " + std::to_string(place_) + " writes block " + to_string(grant.blocks.front()) +
           " of " + put->path + " in session " + std::to_string(put->session);
  });
  const auto settle = [this, put, pipeline] {
    if (!std::exchange(pipeline->over, true)) block_written(put, pipeline->written);
  };
  for (const auto& target : grant.targets) {
    auto* node = cluster_.at(target.data);
    const auto answered = [node, pipeline, settle, count = grant.targets.size()](bool stored) {
      if (pipeline->over) return;
      if (stored) pipeline->written.nodes.push_back(node->id());
      if (++pipeline->answers == count) settle();
    };
    cluster_.to_node(
        place_, *node, [this, node, answered, life = process_.life(), written = pipeline->written] {
          node->store(written.block, written.content, [this, node, answered, life](bool stored) {
            cluster_.network.send(node->place(), place_, cluster_.network.connect(),
                                  [this, answered, life, stored] {
                                    process_.arrive(life, [=] { answered(stored); });
                                  });
          });
        });
  }
  process_.later(kProgress, settle);
}

void SimWriter::block_written(const PutPtr& put, const WrittenReplicas& written) {
  if (put->over) return;
  if (written.nodes.empty()) {
    if (--put->attempts_left == 0) return end(put, false);
    return next_block(put);
  }
  put->written.push_back(written);
  --put->blocks_left;
  // The source of the bytes takes its time.
  const auto pause = cluster_.world.chance(3) ? milliseconds{3000} : milliseconds{50};
  process_.later(cluster_.world.between(milliseconds{0}, pause), [this, put] { next_block(put); });
}

void SimWriter::commit(const PutPtr& put) {
  actors::CommitWrite request;
  request.session = put->session;
  request.change.request = next_request();
  auto& file = request.change.files.emplace_back();
  file.path = put->path;
  file.overwrite = put->overwrite;
  file.block_size = kBlockSize;
  file.replication = put->copies;
  Ledger::WrittenFile record{put->path, {}};
  for (const auto& written : put->written) {
    file.blocks.push_back(written.block);
    request.written.push_back({written.block.id, written.nodes});
    record.blocks.emplace_back(written.block, written.content);
  }
  cluster_.world.trace(
      [&] { return "writer " + std::to_string(place_) + " commits " + put->path; });
  const auto operation =
      cluster_.ledger.put({client_.low, request.change.request.sequence}, std::move(record));
  ask<metadata::ChangeReply>(
      [request](SimNamenode& namenode, const auto& respond) { namenode.commit(request, respond); },
      [this, put, operation](const Result<metadata::ChangeReply>& reply) {
        const bool done = reply.ok() && reply->outcomes.front().ok();
        const bool unknown = !reply.ok() && reply.error().code == Errc::kTimedOut;
        cluster_.world.trace([&] {
          return "writer " + std::to_string(place_) + " is told that " + put->path +
                 (done      ? " was put"
                  : unknown ? " may have been put"
                            : " was not put");
        });
        if (done) cluster_.ledger.acknowledged(operation);
        if (!done && !unknown) cluster_.ledger.refused(operation);
        end(put, done || unknown);
      });
}

// --- Sessions ---------------------------------------------------------------------------------

std::vector<metadata::BlockRange> SimWriter::ranges(const Put& put) const {
  std::vector<metadata::BlockRange> ranges;
  for (const auto id : put.granted) ranges.push_back({id, 1});
  return ranges;
}

void SimWriter::renew_later(const PutPtr& put, milliseconds within) {
  process_.later(within, [this, put, within] {
    if (put->over) return;
    const actors::RenewSession request{client_, put->session, ranges(*put)};
    link_.ask<actors::Accepted>(
        [request](SimNamenode& namenode, const Respond<actors::Accepted>& respond) {
          const auto status = namenode.renew(request);
          respond(status.ok() ? Result<actors::Accepted>(actors::Accepted{}) : status.error());
        },
        [this, put](const Result<actors::Accepted>& reply) {
          if (put->over || reply.ok() || reply.error().code != Errc::kExpired) return;
          cluster_.world.note("a renewal that came too late");
        });
    renew_later(put, within);
  });
}

// A commit whose end nobody knows may have named the blocks: then they are not given up.
void SimWriter::end(const PutPtr& put, bool committed) {
  if (std::exchange(put->over, true)) return;
  if (put->session != 0) {
    actors::EndSession request{client_, put->session, {}};
    if (!committed) request.abandoned = ranges(*put);
    link_.ask<actors::Accepted>(
        [request](SimNamenode& namenode, const Respond<actors::Accepted>& respond) {
          static_cast<void>(namenode.end_session(request));
          respond(actors::Accepted{});
        },
        [](const Result<actors::Accepted>&) {});
  }
  finished();
}

}  // namespace minidfs::sim
