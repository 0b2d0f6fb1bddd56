// The actor of a datanode that speaks with the namenode: connects, registers, reports its replicas,
// sends heartbeats and passes on the orders that come back. Detached, because connecting blocks.
//
//            connect ok            Registered            last chunk accepted
//   (away) ────────────> (joining) ──────────> (reporting) ──────────> (member)
//     ^                      │                      │                     │
//     └──────────────────────┴──── connection lost, request failed ───────┘
//                 heartbeats run from Registered on; "register again" leads back to (joining)
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
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/scrubber.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::actors {

using ConnectAtom = caf::atom_constant<caf::atom("connect")>;
using BeatAtom = caf::atom_constant<caf::atom("beat")>;
using LeaveAtom = caf::atom_constant<caf::atom("leave")>;

using DatanodeActor =
    caf::typed_actor<caf::reacts_to<ConnectAtom>, caf::reacts_to<BeatAtom>,
                     // Says goodbye to the namenode; answered when that is done or has failed.
                     caf::replies_to<LeaveAtom>::with<bool>>;

// What the wiring hands to the actor. Everything pointed to outlives it.
struct DatanodeParts {
  std::vector<metadata::Endpoint> namenodes;  // Tried in turn.
  storage::BlockStore* store = nullptr;
  const transfer::DataServer* server = nullptr;
  ReplicaChanges* changes = nullptr;
  storage::Scrubber* scrubber = nullptr;
  metadata::Endpoint advertised;  // Of the data port.
  std::string host;               // This machine's name.
  std::string rack;
  std::chrono::milliseconds heartbeat_interval{1000};
  OrderActor orders;
  std::vector<CopyActor> copiers;  // At least one.
  // Called when the node can never join: it belongs to another cluster.
  std::function<void(const Error&)> on_refused;
};

class DatanodeActorState {
 public:
  static inline const char* name = "datanode";

  using Self = DatanodeActor::stateful_base<DatanodeActorState>;

  void start(Self* self, DatanodeParts parts);
  void connect();
  void beat();
  caf::result<bool> leave();

 private:
  void register_node();
  void registered(const Registered& reply);
  void start_report(std::uint64_t report);
  void send_chunk();
  void take_orders(const HeartbeatReply& reply);
  void lost(const std::string& why);
  void retry_later();
  Heartbeat heartbeat();
  void beat_later(bool busy);
  void begin_copy(const CopyOrder& order);

  Self* self_ = nullptr;
  DatanodeParts parts_;
  std::uint64_t incarnation_ = 0;
  NamenodeActor namenode_;  // None while away.
  std::size_t next_address_ = 0;
  std::chrono::milliseconds retry_delay_{0};
  bool suspect_ = false;  // The connection may be dead although it looks open.
  bool refusal_logged_ = false;
  bool beating_ = false;       // Registered, heartbeats are due.
  bool beat_pending_ = false;  // A BeatAtom is on its way.
  std::size_t next_copier_ = 0;
  std::size_t copies_under_way_ = 0;
  std::vector<CopyFailure> failed_copies_;  // To be told with the next heartbeat.
  std::uint64_t report_ = 0;
  std::optional<metadata::ReportChunk> last_chunk_;
};

DatanodeActor::behavior_type datanode_actor(
    DatanodeActor::stateful_pointer<DatanodeActorState> self, std::shared_ptr<DatanodeParts> parts);

}  // namespace minidfs::actors
