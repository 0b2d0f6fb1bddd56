// The actor of a datanode that speaks with the namenodes of its cluster. When it connects to one,
// registers, reports and beats, and whom it obeys is decided by metadata::Memberships; this shell
// carries it out: it has namenodes dialed, fills messages from the store, and passes on the orders
// that come back. Detached, because it reads the store's index.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/dial_actor.hpp"
#include "actors/interfaces.hpp"
#include "actors/order_actors.hpp"
#include "actors/replica_changes.hpp"
#include "metadata/memberships.hpp"
#include "storage/blocks/block_store.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::actors {

using WakeAtom = caf::atom_constant<caf::atom("wake")>;
using ClosedAtom = caf::atom_constant<caf::atom("closed")>;
using LeaveAtom = caf::atom_constant<caf::atom("leave")>;

using DatanodeActor =
    caf::typed_actor<caf::reacts_to<WakeAtom, std::uint64_t>,
                     // The membership's connection with this number has ended.
                     caf::reacts_to<ClosedAtom, metadata::MembershipNumber, std::uint64_t>,
                     // The process serves HTTP at `http` from now on; the namenodes are told.
                     caf::reacts_to<AnnounceHttp>,
                     // Says goodbye to the namenodes; answered when each has answered or failed,
                     // with whether any has taken it.
                     caf::replies_to<LeaveAtom>::with<bool>>;

// What the wiring hands to the actor. Everything pointed to outlives it.
struct DatanodeParts {
  std::vector<metadata::Endpoint> namenodes;  // As given; others are learnt from them.
  // Makes one for each namenode; the datanode actor ends it.
  std::function<DialActor()> make_dialer;
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

  ~DatanodeActorState();

  void start(Self* self, DatanodeParts parts);
  void wake(std::uint64_t number);
  void closed(metadata::MembershipNumber number, std::uint64_t connection);
  void serves_http(const AnnounceHttp& where);
  caf::result<bool> leave();

 private:
  using Number = metadata::MembershipNumber;

  // The news that went with the heartbeat whose answer is awaited.
  struct Told {
    std::uint64_t request = 0;
    metadata::IncrementalReport changes;
    std::vector<CopyFailure> failed_copies;
  };
  // What this shell holds for one membership.
  struct Namenode {
    DialActor dialer;
    NamenodeActor actor;  // None while away.
    std::uint64_t connection = 0;
    InterfaceVersion version = 0;
    bool http_told = false;  // Where HTTP is served, in this registration.
    std::uint64_t incarnation = 0;
    std::string last_complaint;  // So that a lasting problem is logged once.
    Told told;
    std::optional<metadata::ReportChunk> last_chunk;
    std::vector<CopyFailure> failed_copies;  // To be told with the next heartbeat.
  };

  void step(Number number, const metadata::MembershipEvent& event);
  void carry_out(const std::vector<metadata::MembershipStep>& steps);
  void wake_later();
  void learn(Number number, const metadata::QuorumView& view);
  void follow_memberships();
  template <class Reply, class Request, class Answered>
  void ask(Number number, Request request, std::uint64_t request_number, Answered answered);

  void perform(Number number, const metadata::Dial& dial);
  void perform(Number number, const metadata::HangUp& hang_up);
  void perform(Number number, const metadata::SendRegistration& send);
  void perform(Number number, const metadata::SendHeartbeat& send);
  void perform(Number number, const metadata::SendChunk& send);
  void perform(Number number, const metadata::FenceOrders& fence);
  void perform(Number number, const metadata::KeepKnown& keep);
  void perform(Number number, const metadata::ObeyOrders& obey);
  void perform(Number number, const metadata::Refused& refused);

  void dialed(Number number, std::uint64_t connection, const DialEnded& ended);
  void registered(Number number, const metadata::SendRegistration& asked, const Registered& reply);
  void beaten(Number number, const metadata::SendHeartbeat& asked, const HeartbeatReply& reply);
  Status next_chunk(Namenode& namenode, const metadata::SendChunk& send);
  RegisterNode registration(const Namenode& namenode);
  Heartbeat heartbeat(Number number);
  void put_back_told(Number number);
  void tell_http(Number number);
  void begin_copy(Number number, const CopyOrder& order, std::uint64_t fence);
  void copy_failed(Number number, BlockId block, const metadata::Endpoint& node);
  void complain(Number number, const std::string& problem);

  Self* self_ = nullptr;
  DatanodeParts parts_;
  std::optional<metadata::Memberships> memberships_;
  std::map<Number, Namenode> namenodes_;  // Those of memberships_.
  std::uint64_t incarnation_ = 0;
  AnnounceHttp http_;  // Without a port while none is served.
  std::uint64_t wake_number_ = 0;
  std::optional<metadata::TimePoint> wake_at_;
  const HeartbeatReply* orders_ = nullptr;  // During the step about it.
  std::size_t copies_queued_ = 0;
  std::size_t next_copier_ = 0;
};

DatanodeActor::behavior_type datanode_actor(
    DatanodeActor::stateful_pointer<DatanodeActorState> self, std::shared_ptr<DatanodeParts> parts);

}  // namespace minidfs::actors
