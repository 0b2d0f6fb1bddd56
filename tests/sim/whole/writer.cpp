#include "sim/whole/writer.hpp"

#include <utility>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {
SimWriter::SimWriter(Cluster& cluster, Place place)
    : cluster_(cluster),
      place_(place),
      process_(cluster.world),
      link_(cluster.world, cluster.network, cluster.namenode, process_, place),
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
  link_.ask<metadata::ChangeReply>(
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
  link_.ask<metadata::ChangeReply>(
      [change](SimNamenode& namenode, const auto& respond) { namenode.change(change, respond); },
      [then = std::move(then)](const Result<metadata::ChangeReply>&) { then(); });
}

// --- Putting ----------------------------------------------------------------------------------

void SimWriter::put() {
  auto put = put_ = std::make_shared<Put>();
  put->path = some_path();
  put->overwrite = !cluster_.world.chance(4);
  put->copies = static_cast<std::uint8_t>(1 + cluster_.world.below(3));
  put->blocks_left = 1 + cluster_.world.below(4);
  put->repeatable = !cluster_.world.chance(5);
  next_blocks(put);
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
  link_.ask<metadata::ChangeReply>(
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

std::vector<metadata::Block> SimWriter::written_blocks() const {
  std::vector<metadata::Block> blocks;
  if (put_ == nullptr) return blocks;
  for (const auto& written : put_->written) blocks.push_back(written.block);
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
    const actors::RenewSession request{client_, put->session, ranges(*put)};
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
    actors::EndSession request{client_, put->session, {}};
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
