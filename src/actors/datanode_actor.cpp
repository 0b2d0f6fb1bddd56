#include "actors/datanode_actor.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "metadata/block_identity.hpp"

namespace minidfs::actors {
namespace {

using std::chrono::milliseconds;

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

DatanodeActorState::~DatanodeActorState() {
  for (const auto& [number, namenode] : namenodes_) {
    caf::anon_send_exit(namenode.dialer, caf::exit_reason::user_shutdown);
  }
}

void DatanodeActorState::start(Self* self, DatanodeParts parts) {
  self_ = self;
  parts_ = std::move(parts);
  MDFS_ASSERT(!parts_.namenodes.empty() && !parts_.copiers.empty());
  incarnation_ = random_id<NodeId>().low;
  memberships_.emplace(parts_.membership, parts_.known, parts_.namenodes);
  follow_memberships();
  wake_later();
}

// --- The memberships' events and effects ---------------------------------------------------------

void DatanodeActorState::step(Number number, const metadata::MembershipEvent& event) {
  carry_out(memberships_->step(number, event, self_->clock().now()));
}

void DatanodeActorState::carry_out(const std::vector<metadata::MembershipStep>& steps) {
  for (const auto& one : steps) {
    if (!namenodes_.contains(one.number)) continue;
    std::visit([&](const auto& effect) { perform(one.number, effect); }, one.effect);
  }
  wake_later();
}

void DatanodeActorState::wake_later() {
  const auto due = memberships_->next_wake();
  if (!due.has_value() || due == wake_at_) return;
  wake_at_ = due;
  const auto left = std::chrono::ceil<milliseconds>(*due - self_->clock().now());
  self_->delayed_send(self_, std::max(left, milliseconds{0}), WakeAtom{}, ++wake_number_);
}

void DatanodeActorState::wake(std::uint64_t number) {
  if (number != wake_number_) return;
  wake_at_.reset();
  carry_out(memberships_->wake(self_->clock().now()));
}

void DatanodeActorState::learn(Number number, const metadata::QuorumView& view) {
  memberships_->learn(number, view);
  follow_memberships();
  wake_later();
}

void DatanodeActorState::follow_memberships() {
  std::erase_if(namenodes_, [this](const auto& entry) {
    const auto& [number, namenode] = entry;
    if (memberships_->contains(number)) return false;
    parts_.changes->forget(number);
    caf::anon_send_exit(namenode.dialer, caf::exit_reason::user_shutdown);
    return true;
  });
  for (const auto number : memberships_->numbers()) {
    const auto [at, added] = namenodes_.try_emplace(number);
    if (!added) continue;
    at->second.dialer = parts_.make_dialer();
    at->second.incarnation = incarnation_;
    parts_.changes->listen(number);
  }
}

// Without a time-out of CAF's: how long an answer may take is the membership's affair. The handler
// of an answer that never comes holds a few numbers.
template <class Reply, class Request, class Answered>
void DatanodeActorState::ask(Number number, Request request, std::uint64_t request_number,
                             Answered answered) {
  const auto& namenode = namenodes_.at(number);
  self_->request(namenode.actor, caf::infinite, std::move(request))
      .then([answered](const Reply& reply) { answered(reply); },
            [this, number, request_number,
             connection = namenode.connection](const caf::error& failure) {
              auto error = from_caf(failure);
              const bool from_namenode = failure.category() == caf::atom("minidfs");
              if (!from_namenode && error.code == Errc::kUnavailable) {
                step(number, metadata::ConnectionClosed{connection});
                return;
              }
              const auto found = namenodes_.find(number);
              if (found == namenodes_.end()) return;
              if (connection == found->second.connection) {
                complain(number, "the namenode refuses: " + error.message);
              }
              step(number, metadata::RequestFailed{connection, request_number, std::move(error)});
            });
}

void DatanodeActorState::complain(Number number, const std::string& problem) {
  auto& last = namenodes_.at(number).last_complaint;
  if (problem == last) return;
  last = problem;
  log_warn("datanode", "{}; trying on", problem);
}

// --- Connections -------------------------------------------------------------------------------

void DatanodeActorState::perform(Number number, const metadata::Dial& dial) {
  const DialWanted wanted{memberships_->address(number), dial.replace};
  self_->request(namenodes_.at(number).dialer, caf::infinite, wanted)
      .then(
          [this, number, dial](const DialEnded& ended) { dialed(number, dial.connection, ended); });
}

void DatanodeActorState::dialed(Number number, std::uint64_t connection, const DialEnded& ended) {
  const auto found = namenodes_.find(number);
  if (found == namenodes_.end()) return;
  if (ended.failure.has_value()) {
    if (ended.failure->code != Errc::kCancelled) {
      complain(number, "no namenode yet: " + ended.failure->message);
    }
    step(number, metadata::Dialed{connection, ended.failure});
    return;
  }
  auto& namenode = found->second;
  namenode.last_complaint.clear();
  namenode.actor = ended.namenode;
  namenode.connection = connection;
  namenode.version = ended.version;
  // Not a monitor: its message names the actor, and the same namenode over a new connection is the
  // same actor.
  caf::actor_cast<caf::strong_actor_ptr>(namenode.actor)
      ->get()
      ->attach_functor(
          [me = caf::actor_cast<DatanodeActor>(self_), number, connection](const caf::error&) {
            caf::anon_send(me, ClosedAtom{}, number, connection);
          });
  log_info("datanode", "connected to the namenode at {}", to_string(memberships_->address(number)));
  step(number, metadata::Dialed{connection, {}});
}

void DatanodeActorState::closed(Number number, std::uint64_t connection) {
  step(number, metadata::ConnectionClosed{connection});
}

void DatanodeActorState::perform(Number number, const metadata::HangUp& hang_up) {
  log_warn("datanode", "lost the namenode at {}: {}", to_string(memberships_->address(number)),
           hang_up.was_silent ? "nothing was answered for long" : "the connection was closed");
  namenodes_.at(number).actor = nullptr;
  put_back_told(number);
}

// One that another cluster has at an address that was learnt long ago ends nothing.
void DatanodeActorState::perform(Number number, const metadata::Refused& refused) {
  if (namenodes_.size() == 1) return parts_.on_refused(refused.error);
  complain(number, "refused: " + refused.error.message);
}

// --- Registration and reports --------------------------------------------------------------------

RegisterNode DatanodeActorState::registration(const Namenode& namenode) {
  const auto usage = parts_.store->usage();
  RegisterNode request;
  request.node = parts_.store->node_id();
  request.cluster = parts_.store->cluster_id();
  request.incarnation = namenode.incarnation;
  request.host = parts_.host;
  request.data = parts_.advertised;
  request.rack = parts_.rack;
  request.capacity_bytes = usage.capacity_bytes;
  request.used_bytes = usage.used_bytes;
  request.free_bytes = usage.free_bytes;
  request.epoch = memberships_->known().epoch;
  request.change = memberships_->known().change;
  request.marks = marks_in(*parts_.store);
  return request;
}

void DatanodeActorState::perform(Number number, const metadata::SendRegistration& send) {
  put_back_told(number);
  parts_.changes->tell_bad_again(*parts_.store, number);
  ask<Registered>(
      number, registration(namenodes_.at(number)), send.request,
      [this, number, send](const Registered& reply) { registered(number, send, reply); });
}

void DatanodeActorState::registered(Number number, const metadata::SendRegistration& asked,
                                    const Registered& reply) {
  const auto found = namenodes_.find(number);
  if (found == namenodes_.end() || asked.connection != found->second.connection ||
      !found->second.actor) {
    return;
  }
  if (auto status = parts_.store->set_cluster_id(reply.cluster); !status.ok()) {
    step(number, metadata::RequestFailed{asked.connection, asked.request,
                                         Error{Errc::kWrongCluster, status.error().message}});
    return;
  }
  found->second.last_complaint.clear();
  found->second.http_told = false;
  if (reply.later) {
    const auto& known = memberships_->known();
    log_warn("datanode",
             "the namenode is behind what this node knows of the cluster (leadership {}, change {} "
             "of life {}): it is told everything and obeyed in nothing",
             known.epoch.leadership, known.change, to_string(known.epoch.life));
  }
  step(number, metadata::RegistrationAnswered{asked.connection,
                                              asked.request,
                                              reply.report,
                                              {reply.epoch, reply.change},
                                              reply.from,
                                              reply.later,
                                              reply.quorum.leads()});
  tell_http(number);
  learn(number, reply.quorum);
}

void DatanodeActorState::perform(Number number, const metadata::SendChunk& send) {
  auto& namenode = namenodes_.at(number);
  if (const auto status = next_chunk(namenode, send); !status.ok()) {
    complain(number, "cannot list the replicas: " + status.error().message);
    step(number, metadata::ListingFailed{send.connection, send.request});
    return;
  }
  BlockReportPart part;
  part.node = parts_.store->node_id();
  part.incarnation = namenode.incarnation;
  part.chunk = metadata::encode_report_chunk(*namenode.last_chunk);
  ask<Accepted>(number, std::move(part), send.request,
                [this, number, send, ends = namenode.last_chunk->ends_report()](const Accepted&) {
                  step(number, metadata::ChunkAccepted{send.connection, send.request, ends});
                });
}

Status DatanodeActorState::next_chunk(Namenode& namenode, const metadata::SendChunk& send) {
  using Part = metadata::SendChunk::Part;
  auto& last = namenode.last_chunk;
  if (send.part == Part::kAgain && last.has_value()) return {};
  if (send.part == Part::kFirst) last.reset();
  const auto position = last.has_value() ? metadata::position_after(*last) : send.from;
  const BlockId after{position.first.value == 0 ? 0 : position.first.value - 1};
  MDFS_TRY(const auto replicas, parts_.store->list(after, metadata::kReportChunkReplicasMax));
  last = metadata::report_chunk_at(send.report, position, blocks_of(replicas));
  return {};
}

// --- Heartbeats --------------------------------------------------------------------------------

Heartbeat DatanodeActorState::heartbeat(Number number) {
  auto& namenode = namenodes_.at(number);
  if (parts_.changes->take_overflow(number)) namenode.incarnation = random_id<NodeId>().low;
  const auto usage = parts_.store->usage();
  const auto load = parts_.load();
  Heartbeat request;
  request.node = parts_.store->node_id();
  request.incarnation = namenode.incarnation;
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
  request.changes = parts_.changes->take(number);
  request.failed_copies = std::exchange(namenode.failed_copies, {});
  request.scrub = parts_.scrub();
  return request;
}

// A heartbeat that is asked again tells the news of the last one again, with what came since.
void DatanodeActorState::perform(Number number, const metadata::SendHeartbeat& send) {
  put_back_told(number);
  auto request = heartbeat(number);
  namenodes_.at(number).told = {send.request, request.changes, request.failed_copies};
  ask<HeartbeatReply>(
      number, std::move(request), send.request,
      [this, number, send](const HeartbeatReply& reply) { beaten(number, send, reply); });
}

void DatanodeActorState::beaten(Number number, const metadata::SendHeartbeat& asked,
                                const HeartbeatReply& reply) {
  const auto found = namenodes_.find(number);
  if (found == namenodes_.end()) return;
  auto& told = found->second.told;
  bool news = false;
  // A namenode that does not know this process has not taken the news either.
  if (asked.request == told.request && !reply.register_again) {
    news = !told.changes.empty() || !told.failed_copies.empty();
    told = {};
  }
  parts_.changes->doubt(reply.doubted);
  const bool busy = news || copies_queued_ > 0 || parts_.changes->removals_queued() > 0;
  orders_ = &reply;
  step(number, metadata::HeartbeatAnswered{asked.connection,
                                           asked.request,
                                           reply.register_again,
                                           busy,
                                           reply.report,
                                           {reply.epoch, reply.change},
                                           reply.from,
                                           reply.quorum.leads()});
  orders_ = nullptr;
  tell_http(number);
  learn(number, reply.quorum);
}

void DatanodeActorState::put_back_told(Number number) {
  auto& namenode = namenodes_.at(number);
  auto told = std::exchange(namenode.told, {});
  parts_.changes->put_back(number, told.changes);
  namenode.failed_copies.insert(namenode.failed_copies.end(), told.failed_copies.begin(),
                                told.failed_copies.end());
}

DatanodeActor::behavior_type datanode_actor(
    DatanodeActor::stateful_pointer<DatanodeActorState> self,
    std::shared_ptr<DatanodeParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  return {
      [state](WakeAtom, std::uint64_t number) { state->wake(number); },
      [state](ClosedAtom, metadata::MembershipNumber number, std::uint64_t connection) {
        state->closed(number, connection);
      },
      [state](const AnnounceHttp& where) { state->serves_http(where); },
      [state](LeaveAtom) { return state->leave(); },
  };
}

}  // namespace minidfs::actors
