// The actor of a datanode that speaks with the namenode. When it connects, registers, reports and
// beats is decided by metadata::Membership; this shell carries it out: it dials, fills messages
// from the store, and passes on the orders that come back. Detached, because dialing blocks.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/order_actors.hpp"
#include "actors/replica_changes.hpp"
#include "metadata/membership.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::actors {

using WakeAtom = caf::atom_constant<caf::atom("wake")>;
using ClosedAtom = caf::atom_constant<caf::atom("closed")>;
using LeaveAtom = caf::atom_constant<caf::atom("leave")>;

using DatanodeActor =
    caf::typed_actor<caf::reacts_to<WakeAtom, std::uint64_t>,
                     // The connection with this number has ended.
                     caf::reacts_to<ClosedAtom, std::uint64_t>,
                     // Says goodbye to the namenode; answered when that is done or has failed.
                     caf::replies_to<LeaveAtom>::with<bool>>;

// What the wiring hands to the actor. Everything pointed to outlives it.
struct DatanodeParts {
  std::vector<metadata::Endpoint> namenodes;  // Tried in turn.
  // Reaches the namenode there; may block for seconds. With `replace` a connection that still looks
  // open is ended first. Empty: by the control plane.
  std::function<Result<NamenodeActor>(const metadata::Endpoint& namenode, bool replace)> dial;
  auth::CredentialsPtr credentials{};  // Of the dial by the control plane; null: without a secret.
  storage::BlockStore* store = nullptr;
  ReplicaChanges* changes = nullptr;
  std::function<transfer::DataServerLoad()> load;
  std::function<ScrubState()> scrub;
  std::function<void(std::uint64_t request)> scrub_now;
  metadata::Endpoint advertised;  // Of the data port.
  std::string host;               // This machine's name.
  std::string rack;
  metadata::MembershipOptions membership;
  metadata::KnownEpoch known;  // What the disk says.
  OrderGate* gate = nullptr;
  OrderActor orders;
  std::vector<CopyActor> copiers;  // At least one.
  // Called when the node can never join: it belongs to another cluster.
  std::function<void(const Error&)> on_refused;
};

// Copies that are not carried out yet. More are not accepted, and told as failed.
inline constexpr std::size_t kCopiesQueuedMax = 4096;

class DatanodeActorState {
 public:
  static inline const char* name = "datanode";

  using Self = DatanodeActor::stateful_base<DatanodeActorState>;

  void start(Self* self, DatanodeParts parts);
  void wake(std::uint64_t number);
  void closed(std::uint64_t connection);
  caf::result<bool> leave();

 private:
  // The news that went with the heartbeat whose answer is awaited.
  struct Told {
    std::uint64_t request = 0;
    metadata::IncrementalReport changes;
    std::vector<CopyFailure> failed_copies;
  };

  void step(const metadata::MembershipEvent& event);
  void wake_later();
  template <class Reply, class Request, class Answered>
  void ask(Request request, std::uint64_t number, Answered answered);

  void perform(const metadata::Dial& dial);
  void perform(const metadata::HangUp& hang_up);
  void perform(const metadata::SendRegistration& send);
  void perform(const metadata::SendHeartbeat& send);
  void perform(const metadata::SendChunk& send);
  void perform(const metadata::FenceOrders& fence);
  void perform(const metadata::KeepKnown& keep);
  void perform(const metadata::ObeyOrders& obey);
  void perform(const metadata::Refused& refused);

  Result<NamenodeActor> dial_control_plane(const metadata::Endpoint& address, bool replace);
  void registered(const metadata::SendRegistration& asked, const Registered& reply);
  void beaten(const metadata::SendHeartbeat& asked, const HeartbeatReply& reply);
  Status next_chunk(const metadata::SendChunk& send);
  Heartbeat heartbeat();
  void put_back_told();
  void begin_copy(const CopyOrder& order, std::uint64_t fence);
  void complain(const std::string& problem);

  Self* self_ = nullptr;
  DatanodeParts parts_;
  std::optional<metadata::Membership> membership_;
  std::uint64_t incarnation_ = 0;
  NamenodeActor namenode_;  // None while away.
  std::uint64_t connection_ = 0;
  std::size_t next_address_ = 0;
  std::string last_complaint_;  // So that a lasting problem is logged once.
  std::uint64_t wake_number_ = 0;
  std::optional<metadata::TimePoint> wake_at_;
  Told told_;
  const HeartbeatReply* orders_ = nullptr;  // During the step about it.
  std::optional<metadata::ReportChunk> last_chunk_;
  std::size_t copies_queued_ = 0;
  std::size_t next_copier_ = 0;
  std::vector<CopyFailure> failed_copies_;  // To be told with the next heartbeat.
};

DatanodeActor::behavior_type datanode_actor(
    DatanodeActor::stateful_pointer<DatanodeActorState> self, std::shared_ptr<DatanodeParts> parts);

}  // namespace minidfs::actors
