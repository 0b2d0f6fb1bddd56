#include "actors/datanode_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/control_plane.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "metadata/block_identity.hpp"

namespace minidfs::actors {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{2000};
constexpr milliseconds kGoodbyeTimeout{500};

std::vector<metadata::Block> blocks_of(const std::vector<storage::ReplicaInfo>& replicas) {
  std::vector<metadata::Block> blocks;
  blocks.reserve(replicas.size());
  for (const auto& replica : replicas) {
    blocks.push_back({replica.block, replica.generation, replica.length});
  }
  return blocks;
}

// From one mark's first replica to the next mark's, without going through all replicas.
std::vector<metadata::BlockMark> marks_in(storage::BlockStore& store) {
  std::vector<metadata::BlockMark> marks;
  BlockId after;
  while (marks.size() < kMarksMax) {
    const auto next = store.list(after, 1);
    if (!next.ok() || next->empty() || next->front().block > metadata::kBlockIdMax) break;
    marks.push_back(metadata::mark_of(next->front().block));
    after = BlockId{next->front().block.value | metadata::kBlockCountMax};
  }
  return marks;
}

}  // namespace

void DatanodeActorState::start(Self* self, DatanodeParts parts) {
  self_ = self;
  parts_ = std::move(parts);
  MDFS_ASSERT(!parts_.namenodes.empty() && !parts_.copiers.empty());
  if (!parts_.dial) {
    parts_.dial = [this](const metadata::Endpoint& address, bool replace) {
      return dial_control_plane(address, replace);
    };
  }
  incarnation_ = random_id<NodeId>().low;
  membership_.emplace(parts_.membership, parts_.known);
  wake_later();
}

// --- The membership's events and effects ---------------------------------------------------------

void DatanodeActorState::step(const metadata::MembershipEvent& event) {
  for (const auto& effect : membership_->step(event, self_->clock().now())) {
    std::visit([this](const auto& e) { perform(e); }, effect);
  }
  wake_later();
}

void DatanodeActorState::wake_later() {
  const auto due = membership_->next_wake();
  if (!due.has_value() || due == wake_at_) return;
  wake_at_ = due;
  const auto left = std::chrono::ceil<milliseconds>(*due - self_->clock().now());
  self_->delayed_send(self_, std::max(left, milliseconds{0}), WakeAtom{}, ++wake_number_);
}

void DatanodeActorState::wake(std::uint64_t number) {
  if (number != wake_number_) return;
  wake_at_.reset();
  step(metadata::Woken{});
}

void DatanodeActorState::closed(std::uint64_t connection) {
  step(metadata::ConnectionClosed{connection});
}

// Without a time-out of CAF's: how long an answer may take is the membership's affair. The handler
// of an answer that never comes holds two numbers.
template <class Reply, class Request, class Answered>
void DatanodeActorState::ask(Request request, std::uint64_t number, Answered answered) {
  self_->request(namenode_, caf::infinite, std::move(request))
      .then([answered](const Reply& reply) { answered(reply); },
            [this, number, connection = connection_](const caf::error& failure) {
              auto error = from_caf(failure);
              const bool from_namenode = failure.category() == caf::atom("minidfs");
              if (!from_namenode && error.code == Errc::kUnavailable) {
                step(metadata::ConnectionClosed{connection});
                return;
              }
              if (connection == connection_) complain("the namenode refuses: " + error.message);
              step(metadata::RequestFailed{connection, number, std::move(error)});
            });
}

void DatanodeActorState::complain(const std::string& problem) {
  if (problem == last_complaint_) return;
  last_complaint_ = problem;
  log_warn("datanode", "{}; trying on", problem);
}

// --- Connections -------------------------------------------------------------------------------

Result<NamenodeActor> DatanodeActorState::dial_control_plane(const metadata::Endpoint& address,
                                                             bool replace) {
  ConnectOptions options;
  options.role = auth::Role::kDatanode;
  options.cluster = parts_.store->cluster_id();
  options.timeout = kConnectTimeout;
  options.replace = replace;
  options.credentials = parts_.credentials;
  MDFS_TRY(auto connection,
           connect_control<NamenodeActor>(self_->system(), address.host, address.port, options));
  return std::move(connection.handle);
}

void DatanodeActorState::perform(const metadata::Dial& dial) {
  const auto& address = parts_.namenodes[next_address_++ % parts_.namenodes.size()];
  auto reached = parts_.dial(address, dial.replace);
  if (!reached.ok()) {
    complain("no namenode yet: " + reached.error().message);
    step(metadata::Dialed{dial.connection, reached.error()});
    return;
  }
  last_complaint_.clear();
  namenode_ = std::move(reached).value();
  connection_ = dial.connection;
  // Not a monitor: its message names the actor, and the same namenode over a new connection is the
  // same actor.
  caf::actor_cast<caf::strong_actor_ptr>(namenode_)->get()->attach_functor(
      [me = caf::actor_cast<DatanodeActor>(self_), number = connection_](const caf::error&) {
        caf::anon_send(me, ClosedAtom{}, number);
      });
  log_info("datanode", "connected to the namenode at {}", to_string(address));
  step(metadata::Dialed{dial.connection, {}});
}

void DatanodeActorState::perform(const metadata::HangUp& hang_up) {
  log_warn("datanode", "lost the namenode: {}",
           hang_up.was_silent ? "nothing was answered for long" : "the connection was closed");
  namenode_ = nullptr;
  put_back_told();
}

void DatanodeActorState::perform(const metadata::Refused& refused) {
  parts_.on_refused(refused.error);
}

// --- Registration and reports --------------------------------------------------------------------

void DatanodeActorState::perform(const metadata::SendRegistration& send) {
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
  request.epoch = membership_->known().epoch;
  request.change = membership_->known().change;
  request.marks = marks_in(*parts_.store);
  put_back_told();
  parts_.changes->tell_bad_again(*parts_.store);
  ask<Registered>(std::move(request), send.request,
                  [this, send](const Registered& reply) { registered(send, reply); });
}

void DatanodeActorState::registered(const metadata::SendRegistration& asked,
                                    const Registered& reply) {
  if (asked.connection != connection_ || !namenode_) return;
  if (auto status = parts_.store->set_cluster_id(reply.cluster); !status.ok()) {
    step(metadata::RequestFailed{asked.connection, asked.request,
                                 Error{Errc::kWrongCluster, status.error().message}});
    return;
  }
  last_complaint_.clear();
  if (reply.later) {
    log_warn("datanode",
             "the namenode is behind what this node knows of the cluster (leadership {}, change {} "
             "of life {}): it is told everything and obeyed in nothing",
             membership_->known().epoch.leadership, membership_->known().change,
             to_string(membership_->known().epoch.life));
  }
  step(metadata::RegistrationAnswered{asked.connection,
                                      asked.request,
                                      reply.report,
                                      {reply.epoch, reply.change},
                                      reply.from,
                                      reply.later});
}

void DatanodeActorState::perform(const metadata::SendChunk& send) {
  if (const auto status = next_chunk(send); !status.ok()) {
    complain("cannot list the replicas: " + status.error().message);
    step(metadata::ListingFailed{send.connection, send.request});
    return;
  }
  BlockReportPart part;
  part.node = parts_.store->node_id();
  part.incarnation = incarnation_;
  part.chunk = metadata::encode_report_chunk(*last_chunk_);
  ask<Accepted>(std::move(part), send.request,
                [this, send, ends = last_chunk_->ends_report()](const Accepted&) {
                  step(metadata::ChunkAccepted{send.connection, send.request, ends});
                });
}

Status DatanodeActorState::next_chunk(const metadata::SendChunk& send) {
  using Part = metadata::SendChunk::Part;
  if (send.part == Part::kAgain && last_chunk_.has_value()) return {};
  if (send.part == Part::kFirst) last_chunk_.reset();
  const auto position =
      last_chunk_.has_value() ? metadata::position_after(*last_chunk_) : send.from;
  const BlockId after{position.first.value == 0 ? 0 : position.first.value - 1};
  MDFS_TRY(const auto replicas, parts_.store->list(after, metadata::kReportChunkReplicasMax));
  last_chunk_ = metadata::report_chunk_at(send.report, position, blocks_of(replicas));
  return {};
}

// --- Heartbeats --------------------------------------------------------------------------------

Heartbeat DatanodeActorState::heartbeat() {
  const auto usage = parts_.store->usage();
  const auto load = parts_.load();
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
  request.scrub = parts_.scrub();
  return request;
}

// A heartbeat that is asked again tells the news of the last one again, with what came since.
void DatanodeActorState::perform(const metadata::SendHeartbeat& send) {
  put_back_told();
  auto request = heartbeat();
  told_ = {send.request, request.changes, request.failed_copies};
  ask<HeartbeatReply>(std::move(request), send.request,
                      [this, send](const HeartbeatReply& reply) { beaten(send, reply); });
}

void DatanodeActorState::beaten(const metadata::SendHeartbeat& asked, const HeartbeatReply& reply) {
  bool news = false;
  // A namenode that does not know this process has not taken the news either.
  if (asked.request == told_.request && !reply.register_again) {
    news = !told_.changes.empty() || !told_.failed_copies.empty();
    told_ = {};
  }
  parts_.changes->doubt(reply.doubted);
  const bool busy = news || copies_queued_ > 0 || parts_.changes->removals_queued() > 0;
  orders_ = &reply;
  step(metadata::HeartbeatAnswered{asked.connection,
                                   asked.request,
                                   reply.register_again,
                                   busy,
                                   reply.report,
                                   {reply.epoch, reply.change},
                                   reply.from});
  orders_ = nullptr;
}

void DatanodeActorState::put_back_told() {
  parts_.changes->put_back(told_.changes);
  failed_copies_.insert(failed_copies_.end(), told_.failed_copies.begin(),
                        told_.failed_copies.end());
  told_ = {};
}

// --- Orders ------------------------------------------------------------------------------------

void DatanodeActorState::perform(const metadata::FenceOrders& fence) {
  *parts_.gate = fence.fence;
  parts_.changes->fence_removals(fence.fence);
  self_->request(parts_.orders, caf::infinite, fence).then([this, number = fence.fence](bool) {
    step(metadata::Fenced{number});
  });
}

void DatanodeActorState::perform(const metadata::KeepKnown& keep) {
  self_->send(parts_.orders, keep);
}

void DatanodeActorState::perform(const metadata::ObeyOrders& obey) {
  MDFS_ASSERT(orders_ != nullptr);
  // What is told and not answered yet is so with a later heartbeat.
  auto removals = parts_.changes->accept(orders_->remove, told_.changes);
  if (!removals.empty()) self_->send(parts_.orders, RemoveBatch{obey.fence, std::move(removals)});
  for (const auto& order : orders_->copy) begin_copy(order, obey.fence);
  if (orders_->scrub_now != 0) parts_.scrub_now(orders_->scrub_now);
}

void DatanodeActorState::begin_copy(const CopyOrder& order, std::uint64_t fence) {
  if (copies_queued_ >= kCopiesQueuedMax) {
    failed_copies_.push_back({order.block.id, parts_.advertised});
    return;
  }
  const auto& copier = parts_.copiers[next_copier_++ % parts_.copiers.size()];
  ++copies_queued_;
  self_->request(copier, caf::infinite, FencedCopy{fence, order})
      .then(
          [this, block = order.block.id](const CopyDone& done) {
            --copies_queued_;
            if (done.source_failed) failed_copies_.push_back({block, parts_.advertised});
            for (const auto& target : done.failed_targets) {
              failed_copies_.push_back({block, target});
            }
          },
          [this](const caf::error&) { --copies_queued_; });
}

caf::result<bool> DatanodeActorState::leave() {
  step(metadata::LeaveWanted{});
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
      [state](WakeAtom, std::uint64_t number) { state->wake(number); },
      [state](ClosedAtom, std::uint64_t connection) { state->closed(connection); },
      [state](LeaveAtom) { return state->leave(); },
  };
}

}  // namespace minidfs::actors
