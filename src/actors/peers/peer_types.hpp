// What goes over the connections of members: the types that their actor_system knows, and no other.
// The bytes are the log's, in a format of their own (consensus/peers/peer_messages.hpp). The
// qualified C++ names go on the wire.
#pragma once

#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/peers/peer_sight.hpp"
#include "actors/system_config.hpp"

namespace minidfs::actors {

// The first word of the side that connected.
struct PeerGreeting {};

// One message of the log.
struct PeerPacket {
  std::string bytes;
  // Goes when CAF has written it out: so it is known how much has yet to be. Stays here.
  std::shared_ptr<const void> unsent{};
};

// That the sender lives, and whom else it sees.
struct PeerSights {
  std::vector<PeerSight> sights;
  std::shared_ptr<const void> unsent{};  // As above.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PeerGreeting&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PeerPacket& x) {
  return f(x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PeerSights& x) {
  return f(x.sights);
}

}  // namespace minidfs::actors

CAF_BEGIN_TYPE_ID_BLOCK(minidfs_peers, caf::first_custom_type_id + 1000)

  CAF_ADD_TYPE_ID(minidfs_peers, (minidfs::actors::PeerGreeting))
  CAF_ADD_TYPE_ID(minidfs_peers, (minidfs::actors::PeerPacket))
  CAF_ADD_TYPE_ID(minidfs_peers, (minidfs::actors::PeerSights))

CAF_END_TYPE_ID_BLOCK(minidfs_peers)

namespace minidfs::actors {

// What a member shows to the others.
using PeerActor = caf::typed_actor<caf::reacts_to<PeerGreeting>, caf::reacts_to<PeerPacket>,
                                   caf::reacts_to<PeerSights>>;

struct PeerSystemConfig : ControlSystemConfig {
  PeerSystemConfig() { add_message_types<caf::id_block::minidfs_peers>(); }
};

}  // namespace minidfs::actors
