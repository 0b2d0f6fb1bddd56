#include "actors/peers/caf_peer_link.hpp"

#include <utility>

#include "actors/control_plane.hpp"
#include "actors/peers/peer_face.hpp"

namespace minidfs::actors {

CafPeerLink::CafPeerLink(PeerLinkOptions options, const ControlListener& listener)
    : options_(std::move(options)),
      port_(listener.port()),
      connections_(std::make_shared<PeerConnections>(control_process_id(system_),
                                                     listener.registry(), options_.times)),
      face_(PeerFace::make(system_, connections_)) {}

CafPeerLink::~CafPeerLink() {
  stop();
  PeerFace::close(face_);
}

MemberDoor CafPeerLink::door() {
  MemberDoor door;
  door.process = control_process_id(system_);
  door.judge = [connections = connections_](const Hello& hello) {
    return connections->judge(hello);
  };
  door.claim = [connections = connections_](const Hello& hello) {
    return connections->claim(hello);
  };
  const auto shown = system_.message_types(caf::detail::type_list<PeerActor>{});
  door.admit = [this, shown](AdmittedConnection connection) {
    admit_settled(system_, face_, shown, port_, std::move(connection));
  };
  return door;
}

void CafPeerLink::start(consensus::MemberId self, consensus::PeerInbox& inbox) {
  connections_->begin(self, inbox);
}

void CafPeerLink::stop() {
  connections_->end();
  diallers_.clear();
}

void CafPeerLink::reach(std::vector<consensus::MemberAddress> members) {
  for (const auto member : connections_->reach(members)) {
    diallers_[member] =
        std::make_unique<PeerDialler>(member, options_.dial, system_, face_, connections_);
  }
}

void CafPeerLink::send(consensus::MemberId to, std::string bytes) {
  auto way = connections_->way_to(to, bytes.size());
  if (!way) return;
  PeerPacket packet{std::move(bytes), std::move(way->unsent)};
  way->peer->enqueue(
      caf::make_mailbox_element(face_, caf::make_message_id(), {}, std::move(packet)), nullptr);
}

}  // namespace minidfs::actors
