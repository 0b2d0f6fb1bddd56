// What versions of the interface above the oldest one that this build speaks have added to it:
// messages, who of a namenode serves them, and which older ones they take the place of. They are
// asked only of those whose version knows them. What the oldest version knows has its place in
// interfaces.hpp; so when that one rises, what stands here moves there.
//
// Tests build the next version with another file in the place of this one (tests/next_version).
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <set>
#include <string>

#include "actors/interface_2.hpp"
#include "actors/request_switch.hpp"
#include "base/interface_version.hpp"

namespace minidfs::actors {

// Makes the types of the messages known to a system, those of type_ids.hpp excepted.
inline void add_added_types(caf::actor_system_config& /*config*/) {}

// Starts who serves them, leads them there and publishes them. Whoever is started ends with one of
// `servers`.
inline void serve_additions(caf::actor_system& system, const NamenodeServers& servers,
                            const NamenodeLanes& lanes, RequestSwitch::Routes& routes,
                            std::set<std::string>& signatures) {
  serve_interface_2(system, servers, lanes, routes, signatures);
}

// Of a client's request that a newer version puts in another way. Then there are
//   kSince             the version that knows it,
//   Server             a typed actor that serves it,
//   Reply              its answer,
//   of(request)        the newer form of the request, and
//   old(reply)         the answer that belongs to the older one.
template <class Request>
struct NewerForm {};

template <class Request>
concept HasNewerForm = requires {
  NewerForm<Request>::kSince;
};

}  // namespace minidfs::actors
