#include "sim/whole/writer.hpp"

#include <utility>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {
SimWriter::SimWriter(Cluster& cluster, Place place)
    : cluster_(cluster),
      place_(place),
      process_(cluster.world),
      link_(cluster.world, cluster.network, cluster.namenode, process_, place) {}

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
  if (client_.is_none()) return ask_client();
  if (!copies_.empty()) {
    const auto copies = copies_.front();
    copies_.pop_front();
    return set_copies_from(0, copies);
  }
  switch (cluster_.world.below(6)) {
    case 0:
      return remove();
    case 1:
      return set_copies();
    default:
      return put();
  }
}

void SimWriter::ask_client() {
  link_.ask<ClientId>([](SimNamenode& namenode,
                         const Respond<ClientId>& respond) { respond(namenode.new_client()); },
                      [this](const Result<ClientId>& client) {
                        if (client.ok()) client_ = *client;
                        next();
                      });
}

// As client/link/link_actor.cpp: what was asked for once, and is not known, was not done.
void SimWriter::ask_change(AskingLink::Request<metadata::ChangeReply> request,
                           Respond<metadata::ChangeReply> answered) {
  link_.ask<metadata::ChangeReply>(
      std::move(request),
      [this, answered = std::move(answered)](const Result<metadata::ChangeReply>& reply) {
        if (!reply.ok() || !metadata::is_forgotten(*reply)) return answered(reply);
        client_ = {};
        if (link_.tries() == 1) {
          cluster_.world.note("a first request of a client that was forgotten");
          return answered(reply);
        }
        cluster_.world.note("a request asked again when its client was forgotten");
        answered(Error{Errc::kTimedOut, "nobody knows whether it was done"});
      });
}

std::string SimWriter::some_path() {
  if (cluster_.world.chance(2)) return "/shared" + std::to_string(cluster_.world.below(3));
  return own_path(cluster_.world.below(kOwnPaths));
}

std::string SimWriter::own_path(std::uint64_t i) const {
  return "/w" + std::to_string(place_) + "-" + std::to_string(i);
}

metadata::RequestId SimWriter::next_request() {
  ++last_sequence_;
  return {client_, last_sequence_, last_sequence_};
}

// --- Small changes ----------------------------------------------------------------------------

void SimWriter::remove() {
  metadata::Remove change;
  change.path = some_path();
  change.request = next_request();
  const auto operation =
      cluster_.ledger.remove({client_.low, change.request.sequence}, change.path);
  ask_change(
      [change](SimNamenode& namenode, const auto& respond) { namenode.change(change, respond); },
      [this, operation](const Result<metadata::ChangeReply>& reply) {
        if (reply.ok() && reply->outcomes.front().ok()) cluster_.ledger.acknowledged(operation);
        if (reply.ok() && !reply->outcomes.front().ok()) cluster_.ledger.refused(operation);
        finished();
      });
}

void SimWriter::set_copies() {
  set_copies_of(some_path(), static_cast<std::uint8_t>(1 + cluster_.world.below(3)),
                [this] { finished(); });
}

void SimWriter::set_copies_from(std::uint64_t i, std::uint8_t copies) {
  if (i == kOwnPaths) {
    // Something of it is done before the next one.
    process_.later(cluster_.world.between(milliseconds{500}, milliseconds{5000}),
                   [this] { finished(); });
    return;
  }
  set_copies_of(own_path(i), copies, [this, i, copies] { set_copies_from(i + 1, copies); });
}

void SimWriter::set_copies_of(std::string path, std::uint8_t copies, std::function<void()> then) {
  metadata::SetReplication change;
  change.path = std::move(path);
  change.request = next_request();
  change.replication = copies;
  ask_change(
      [change](SimNamenode& namenode, const auto& respond) { namenode.change(change, respond); },
      [then = std::move(then)](const Result<metadata::ChangeReply>&) { then(); });
}

// --- Putting ----------------------------------------------------------------------------------

void SimWriter::put() {
  auto put = put_ = std::make_shared<Put>();
  put->client = client_;
  put->overwrite = !cluster_.world.chance(4);
  put->copies = static_cast<std::uint8_t>(1 + cluster_.world.below(3));
  put->blocks_left = 1 + cluster_.world.below(4);
  put->repeatable = !cluster_.world.chance(5);
  switch (cluster_.world.below(4)) {
    case 0:  // A batch.
      for (std::uint64_t i = 0; i < put->blocks_left; ++i) put->paths.push_back(own_path(i));
      break;
    case 1:
      put->stages = true;
      put->blocks_left += 2;
      [[fallthrough]];
    default:
      put->paths.push_back(some_path());
  }
  next_blocks(put);
}

// What was written since the last time goes into the namespace, under no name yet.
void SimWriter::stage(const PutPtr& put) {
  actors::StageWrite request;
  auto& part = request.change;
  part.request = next_request();
  part.client = put->client;
  part.session = put->session;
  part.position = std::exchange(put->staged, put->written.size());
  part.block_size = kBlockSize;
  part.replication = put->copies;
  part.generation = put->written.back().block.generation;
  Ledger::WrittenBlocks blocks;
  for (auto i = part.position; i < put->written.size(); ++i) {
    const auto& written = put->written[i];
    part.blocks.push_back({written.block.id, 1});
    request.written.push_back({written.block.id, written.nodes});
    blocks.emplace_back(written.block, written.content);
  }
  const auto operation =
      cluster_.ledger.stage({client_.low, part.request.sequence}, std::move(blocks));
  ask_change(
      [request](SimNamenode& namenode, const auto& respond) { namenode.stage(request, respond); },
      [this, put, operation](const Result<metadata::ChangeReply>& reply) {
        if (answered({operation}, reply) && reply.ok()) return next_blocks(put);
        end(put, false);
      });
}

// Whether anything was done, or may have been.
bool SimWriter::answered(const std::vector<Operation>& operations,
                         const Result<metadata::ChangeReply>& reply) {
  if (!reply.ok() && reply.error().code == Errc::kTimedOut) return true;
  std::size_t done = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (reply.ok() && i < reply->outcomes.size() && reply->outcomes[i].ok()) {
      ++done;
      cluster_.ledger.acknowledged(operations[i]);
    } else {
      cluster_.ledger.refused(operations[i]);
    }
  }
  if (done > 0 && done < operations.size()) cluster_.world.note("a batch of which a part was put");
  return done > 0;
}

actors::CommitWrite SimWriter::commit_of(const Put& put) {
  actors::CommitWrite request;
  request.client = put.client;
  request.session = put.session;
  request.staged = put.staged;
  request.change.request = next_request();
  for (const auto& path : put.paths) {
    auto& file = request.change.files.emplace_back();
    file.path = path;
    file.overwrite = put.overwrite;
    file.block_size = kBlockSize;
    file.replication = put.copies;
  }
  for (auto i = put.staged; i < put.written.size(); ++i) {
    const auto& written = put.written[i];
    request.change.files[put.file_of(i)].blocks.push_back(written.block);
    request.written.push_back({written.block.id, written.nodes});
  }
  return request;
}

std::vector<Operation> SimWriter::record_commit(const Put& put,
                                                const metadata::RequestId& request) {
  std::vector<Ledger::WrittenFile> files;
  for (const auto& path : put.paths) files.push_back({path, {}});
  for (std::size_t i = 0; i < put.written.size(); ++i) {
    files[put.file_of(i)].blocks.emplace_back(put.written[i].block, put.written[i].content);
  }
  return cluster_.ledger.put({client_.low, request.sequence}, std::move(files));
}

void SimWriter::commit(const PutPtr& put) {
  const auto request = commit_of(*put);
  cluster_.world.trace(
      [&] { return "writer " + std::to_string(place_) + " commits " + put->paths.front(); });
  const auto operations = record_commit(*put, request.change.request);
  ask_change(
      [request](SimNamenode& namenode, const auto& respond) { namenode.commit(request, respond); },
      [this, put, operations](const Result<metadata::ChangeReply>& reply) {
        const bool done = answered(operations, reply);
        cluster_.world.trace([&] {
          return "writer " + std::to_string(place_) + " is told that " + put->paths.front() +
                 (!done        ? " was not put"
                  : reply.ok() ? " was put"
                               : " may have been put");
        });
        if (put->staged > 0 && done && reply.ok()) {
          cluster_.world.note("a staged file that was committed");
        }
        end(put, done);
      });
}

std::vector<metadata::Block> SimWriter::written_blocks() const {
  std::vector<metadata::Block> blocks;
  if (put_ == nullptr) return blocks;
  for (auto i = put_->staged; i < put_->written.size(); ++i) {
    blocks.push_back(put_->written[i].block);
  }
  return blocks;
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
    const actors::RenewSession request{put->client, put->session, ranges(*put)};
    link_.ask_once<actors::Accepted>(
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
  if (put->writing != nullptr && put->writing->sending != nullptr) put->writing->sending->close();
  put->writing.reset();
  if (put->idle != nullptr) put->idle->close();
  put_.reset();
  if (put->session != 0) {
    actors::EndSession request{put->client, put->session, {}};
    if (!committed) request.abandoned = ranges(*put);
    link_.ask_once<actors::Accepted>(
        [request](SimNamenode& namenode, const Respond<actors::Accepted>& respond) {
          static_cast<void>(namenode.end_session(request));
          respond(actors::Accepted{});
        },
        [](const Result<actors::Accepted>&) {});
  }
  finished();
}

}  // namespace minidfs::sim
