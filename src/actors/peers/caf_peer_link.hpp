// The way between the members of a cluster: typed CAF messages over admitted connections, through
// an actor_system of their own, so that what clients and datanodes send holds up no heartbeat. Two
// processes have one connection at most; the listener is the namenode's only one, and leads members
// here (MemberDoor). Owned by the namenode's wiring: made after the listener, and gone after the
// log and the listener.
#pragma once

#include <caf/actor_system.hpp>
#include <map>
#include <memory>

#include "actors/admission.hpp"
#include "actors/peers/peer_connections.hpp"
#include "actors/peers/peer_dialler.hpp"
#include "actors/peers/peer_types.hpp"
#include "consensus/peer_link.hpp"

namespace minidfs::actors {

struct PeerLinkOptions {
  // The cluster and its secret; on_twin is called when another process under this member's id
  // keeps it out: on a thread of the link, once, and must not stop the link.
  PeerDialOptions dial;
  PeerTable::Times times{};
};

class CafPeerLink final : public consensus::PeerLink {
 public:
  CafPeerLink(PeerLinkOptions options, const ControlListener& listener);
  ~CafPeerLink() override;
  CafPeerLink(const CafPeerLink&) = delete;
  CafPeerLink& operator=(const CafPeerLink&) = delete;

  // To be given to the listener's start().
  MemberDoor door();

  void start(consensus::MemberId self, consensus::PeerInbox& inbox) override;
  void stop() override;
  void reach(std::vector<consensus::MemberAddress> members) override;
  void send(consensus::MemberId to, std::string bytes) override;

 private:
  const PeerLinkOptions options_;
  const std::uint16_t port_;
  PeerSystemConfig config_;
  caf::actor_system system_{config_};
  const std::shared_ptr<PeerConnections> connections_;
  const caf::strong_actor_ptr face_;
  std::map<consensus::MemberId, std::unique_ptr<PeerDialler>> diallers_;  // The log's thread only.
};

}  // namespace minidfs::actors
