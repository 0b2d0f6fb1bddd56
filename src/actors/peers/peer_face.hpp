// What a member shows to the others' processes: takes their greetings and messages on the thread
// that received them. Looks like an actor to CAF, but has no mailbox (as RequestSwitch).
#pragma once

#include <caf/monitorable_actor.hpp>
#include <memory>

#include "actors/peers/peer_connections.hpp"
#include "actors/peers/peer_types.hpp"

namespace minidfs::actors {

class PeerFace final : public caf::monitorable_actor {
 public:
  static caf::strong_actor_ptr make(caf::actor_system& system,
                                    std::shared_ptr<PeerConnections> connections);
  // Before its system ends.
  static void close(const caf::strong_actor_ptr& made);

  // For CAF.
  PeerFace(caf::actor_config& config, std::shared_ptr<PeerConnections> connections);
  const char* name() const override { return "peers"; }
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* host) override;

 private:
  const std::shared_ptr<PeerConnections> connections_;
};

}  // namespace minidfs::actors
