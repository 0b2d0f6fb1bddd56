#include "actors/datanode_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/control_plane.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::actors {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{2000};
constexpr milliseconds kRequestTimeout{5000};
constexpr milliseconds kGoodbyeTimeout{500};
constexpr milliseconds kRetryDelayMin{20};
constexpr milliseconds kRetryDelayMax{500};
constexpr int kBusyBeats = 5;  // In the time of one heartbeat.

std::vector<metadata::Block> blocks_of(const std::vector<storage::ReplicaInfo>& replicas) {
  std::vector<metadata::Block> blocks;
  blocks.reserve(replicas.size());
  for (const auto& replica : replicas) {
    blocks.push_back({replica.block, replica.generation, replica.length});
  }
  return blocks;
}

}  // namespace

void DatanodeActorState::start(Self* self, DatanodeParts parts) {
  self_ = self;
  parts_ = std::move(parts);
  incarnation_ = random_id<NodeId>().low;
  self_->set_down_handler([this](const caf::down_msg& down) {
    if (namenode_ && down.source == namenode_.address()) lost("the connection was closed");
  });
  self_->send(self_, ConnectAtom{});
}

// --- Joining -----------------------------------------------------------------------------------

void DatanodeActorState::connect() {
  if (namenode_) return;
  const auto& address = parts_.namenodes[next_address_++ % parts_.namenodes.size()];
  ConnectOptions options;
  options.role = ControlRole::kDatanode;
  options.cluster = parts_.store->cluster_id();
  options.timeout = kConnectTimeout;
  options.replace = std::exchange(suspect_, false);
  auto connection =
      connect_control<NamenodeActor>(self_->system(), address.host, address.port, options);
  if (!connection.ok()) {
    const auto& error = connection.error();
    if (error.code == Errc::kWrongCluster) {
      parts_.on_refused(error);
      return;
    }
    if (!std::exchange(refusal_logged_, true)) {
      log_warn("datanode", "no namenode yet: {}; trying on", error.message);
    }
    retry_later();
    return;
  }
  refusal_logged_ = false;
  namenode_ = std::move(connection->handle);
  self_->monitor(namenode_);
  log_info("datanode", "connected to the namenode at {}", to_string(address));
  register_node();
}

void DatanodeActorState::retry_later() {
  retry_delay_ = std::clamp(retry_delay_ * 2, kRetryDelayMin, kRetryDelayMax);
  self_->delayed_send(self_, retry_delay_, ConnectAtom{});
}

void DatanodeActorState::lost(const std::string& why) {
  if (!namenode_) return;
  log_warn("datanode", "lost the namenode: {}", why);
  self_->demonitor(namenode_.address());
  namenode_ = nullptr;
  beating_ = false;
  last_chunk_.reset();
  retry_later();
}

void DatanodeActorState::register_node() {
  const auto usage = parts_.store->usage();
  RegisterNode request;
  request.node = parts_.store->node_id();
  request.cluster = parts_.store->cluster_id();
  request.incarnation = incarnation_;
  request.host = parts_.host;
  request.data = parts_.advertised;
  request.rack = parts_.rack;
  request.capacity_bytes = usage.capacity_bytes;
  request.used_bytes = usage.used_bytes;
  request.free_bytes = usage.free_bytes;
  self_->request(namenode_, kRequestTimeout, std::move(request))
      .then([this](const Registered& reply) { registered(reply); },
            [this](const caf::error& failure) {
              const auto error = from_caf(failure);
              if (error.code == Errc::kWrongCluster) {
                parts_.on_refused(error);
                return;
              }
              lost("registration failed: " + error.message);
            });
}

void DatanodeActorState::registered(const Registered& reply) {
  if (auto status = parts_.store->set_cluster_id(reply.cluster); !status.ok()) {
    parts_.on_refused(status.error());
    return;
  }
  retry_delay_ = milliseconds{0};
  beating_ = true;
  beat_later(false);
  start_report(reply.report);
}

// --- Reports -----------------------------------------------------------------------------------

void DatanodeActorState::start_report(std::uint64_t report) {
  report_ = report;
  last_chunk_.reset();
  send_chunk();
}

void DatanodeActorState::send_chunk() {
  BlockId after;
  if (last_chunk_.has_value() && !last_chunk_->replicas.empty()) {
    after = last_chunk_->replicas.back().id;
  }
  auto replicas = parts_.store->list(after, metadata::kReportChunkReplicasMax);
  if (!replicas.ok()) {
    lost("cannot list the replicas: " + replicas.error().message);
    return;
  }
  const auto* previous = last_chunk_.has_value() ? &*last_chunk_ : nullptr;
  last_chunk_ = metadata::next_report_chunk(report_, previous, blocks_of(*replicas));
  BlockReportPart part;
  part.node = parts_.store->node_id();
  part.incarnation = incarnation_;
  part.chunk = metadata::encode_report_chunk(*last_chunk_);
  self_->request(namenode_, kRequestTimeout, std::move(part))
      .then(
          [this](const Accepted&) {
            if (!last_chunk_.has_value()) return;
            if (last_chunk_->ends_report()) {
              last_chunk_.reset();
            } else {
              send_chunk();
            }
          },
          [this](const caf::error& failure) {
            lost("the block report failed: " + from_caf(failure).message);
          });
}

// --- Heartbeats --------------------------------------------------------------------------------

Heartbeat DatanodeActorState::heartbeat() {
  const auto usage = parts_.store->usage();
  const auto load = parts_.server->load();
  Heartbeat request;
  request.node = parts_.store->node_id();
  request.incarnation = incarnation_;
  request.capacity_bytes = usage.capacity_bytes;
  request.used_bytes = usage.used_bytes;
  request.free_bytes = usage.free_bytes;
  request.replicas = usage.replicas;
  for (auto& disk : parts_.store->disks()) {
    request.disks.push_back(
        {std::move(disk.directory), static_cast<DiskHealth>(disk.condition), disk.since_ms});
  }
  request.active_writes = load.active_writes;
  request.active_reads = load.active_reads;
  request.changes = parts_.changes->take();
  request.failed_copies = std::exchange(failed_copies_, {});
  const auto scrub = parts_.scrubber->progress();
  request.scrub = {scrub.checked, scrub.total, scrub.bad, scrub.last_end_ms, scrub.last_requested};
  return request;
}

// While there is news or copies are under way the next heartbeat comes sooner, so that the namenode
// can give out more work.
void DatanodeActorState::beat_later(bool busy) {
  if (std::exchange(beat_pending_, true)) return;
  const auto interval = parts_.heartbeat_interval;
  self_->delayed_send(self_, busy ? interval / kBusyBeats : interval, BeatAtom{});
}

void DatanodeActorState::beat() {
  beat_pending_ = false;
  if (!beating_) return;
  auto request = heartbeat();
  const bool news = !request.changes.empty() || !request.failed_copies.empty();
  auto changes = std::make_shared<metadata::IncrementalReport>(request.changes);
  auto failures = request.failed_copies;
  self_->request(namenode_, kRequestTimeout, std::move(request))
      .then(
          [this, news](const HeartbeatReply& reply) {
            take_orders(reply);
            if (beating_) beat_later(news || copies_under_way_ > 0);
          },
          [this, changes, failures = std::move(failures)](const caf::error& failure) {
            parts_.changes->put_back(*changes);
            failed_copies_.insert(failed_copies_.end(), failures.begin(), failures.end());
            suspect_ = true;
            lost("a heartbeat failed: " + from_caf(failure).message);
          });
}

void DatanodeActorState::take_orders(const HeartbeatReply& reply) {
  if (reply.register_again) {
    beating_ = false;
    register_node();
    return;
  }
  for (const auto& order : reply.remove) self_->send(parts_.orders, order);
  for (const auto& order : reply.copy) begin_copy(order);
  if (reply.report != 0) start_report(reply.report);
  if (reply.scrub_now != 0) parts_.scrubber->request_round(reply.scrub_now);
}

void DatanodeActorState::begin_copy(const CopyOrder& order) {
  const auto& copier = parts_.copiers[next_copier_++ % parts_.copiers.size()];
  ++copies_under_way_;
  self_->request(copier, caf::infinite, order)
      .then(
          [this, block = order.block.id](const CopyDone& done) {
            --copies_under_way_;
            if (done.source_failed) failed_copies_.push_back({block, parts_.advertised});
            for (const auto& target : done.failed_targets) {
              failed_copies_.push_back({block, target});
            }
          },
          [this](const caf::error&) { --copies_under_way_; });
}

caf::result<bool> DatanodeActorState::leave() {
  beating_ = false;
  auto promise = self_->make_response_promise<bool>();
  if (!namenode_) {
    promise.deliver(false);
    return promise;
  }
  self_->request(namenode_, kGoodbyeTimeout, Goodbye{parts_.store->node_id(), incarnation_})
      .then([promise](const Accepted&) mutable { promise.deliver(true); },
            [promise](const caf::error&) mutable { promise.deliver(false); });
  return promise;
}

DatanodeActor::behavior_type datanode_actor(
    DatanodeActor::stateful_pointer<DatanodeActorState> self,
    std::shared_ptr<DatanodeParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  return {
      [state](ConnectAtom) { state->connect(); },
      [state](BeatAtom) { state->beat(); },
      [state](LeaveAtom) { return state->leave(); },
  };
}

}  // namespace minidfs::actors
