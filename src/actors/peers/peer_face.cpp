#include "actors/peers/peer_face.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>
#include <utility>

namespace minidfs::actors {

PeerFace::PeerFace(caf::actor_config& config, std::shared_ptr<PeerConnections> connections)
    : caf::monitorable_actor(config), connections_(std::move(connections)) {}

caf::strong_actor_ptr PeerFace::make(caf::actor_system& system,
                                     std::shared_ptr<PeerConnections> connections) {
  caf::actor_config config;
  return caf::make_actor<PeerFace, caf::strong_actor_ptr>(system.next_actor_id(), system.node(),
                                                          &system, config, std::move(connections));
}

void PeerFace::close(const caf::strong_actor_ptr& made) {
  static_cast<PeerFace*>(made->get())->cleanup(caf::exit_reason::user_shutdown, nullptr);
}

void PeerFace::enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) {
  if (!element || !element->sender) return;
  auto& content = element->content();
  if (content.match_elements<PeerPacket>()) {
    auto packet = content.move_if_unshared<PeerPacket>(0);
    connections_->arrived(element->sender, std::move(packet.bytes));
  } else if (content.match_elements<PeerSights>()) {
    connections_->told(element->sender, content.get_as<PeerSights>(0).sights);
  } else if (content.match_elements<PeerGreeting>()) {
    connections_->greeted(element->sender);
  }
}

}  // namespace minidfs::actors
