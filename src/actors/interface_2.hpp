// What version 2 of the interface has added to what clients and datanodes ask of a namenode. It is
// asked only of those whose version knows it; what every version knows is in interfaces.hpp.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_actor.hpp>
#include <set>
#include <string>

#include "actors/interfaces.hpp"
#include "actors/request_switch.hpp"
#include "base/interface_version.hpp"

namespace minidfs::actors {

// Served by the namespace actor, which passes what concerns blocks on.
using ServedByNames2 = caf::typed_actor<Asked<metadata::SetOwner>::with<metadata::ChangeReply>,
                                        Asked<metadata::ConcatFiles>::with<metadata::ChangeReply>,
                                        Asked<metadata::RenameExactly>::with<metadata::ChangeReply>,
                                        Asked<AppendWrite>::with<metadata::ChangeReply>>;

// Served by the block actor.
using ServedByBlocks2 = caf::typed_actor<Asked<HttpNodesRequest>::with<HttpNodesReply>,
                                         caf::replies_to<AnnounceHttp>::with<Accepted>>;

// Of a request that an older version has nothing for. Then there are
//   kSince   the version that knows it, and
//   Server   a typed actor that serves it.
template <class Request>
struct AddedRequest {};

struct AddedIn2 {
  static constexpr InterfaceVersion kSince = 2;
  using Server = ServedByNames2;
};
template <>
struct AddedRequest<metadata::SetOwner> : AddedIn2 {};
template <>
struct AddedRequest<metadata::ConcatFiles> : AddedIn2 {};
template <>
struct AddedRequest<metadata::RenameExactly> : AddedIn2 {};
template <>
struct AddedRequest<AppendWrite> : AddedIn2 {};
template <>
struct AddedRequest<HttpNodesRequest> {
  static constexpr InterfaceVersion kSince = AddedIn2::kSince;
  using Server = ServedByBlocks2;
};

template <class Request>
concept IsAdded = requires {
  AddedRequest<Request>::kSince;
};

// Leads these messages to the actors that serve them and publishes them.
inline void serve_interface_2(caf::actor_system& system, const NamenodeServers& servers,
                              const NamenodeLanes& lanes, RequestSwitch::Routes& routes,
                              std::set<std::string>& signatures) {
  routes.lead<metadata::SetOwner, metadata::ConcatFiles, metadata::RenameExactly, AppendWrite>(
      servers.names, lanes.names);
  routes.lead<HttpNodesRequest>(servers.blocks, lanes.blocks);
  routes.lead_nodes<AnnounceHttp>(servers.blocks, lanes.beats);
  signatures.merge(system.message_types(caf::detail::type_list<ServedByNames2>{}));
  signatures.merge(system.message_types(caf::detail::type_list<ServedByBlocks2>{}));
}

}  // namespace minidfs::actors
