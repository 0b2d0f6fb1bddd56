// In the place of src/actors/additions.hpp: what the next version adds, as the tests have it. One
// message, StatRequest2, takes the place of StatRequest, and its answer has one more field. So that
// it can be seen from outside which of them was used, a client shows that field as the compression.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <set>
#include <string>
#include <utility>

#include "actors/interface_2.hpp"
#include "actors/interfaces.hpp"
#include "actors/request_switch.hpp"
#include "base/interface_version.hpp"

namespace minidfs::actors {

struct StatRequest2 {
  std::string path;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatRequest2& x) {
  return f(x.path);
}

struct StatReply2 {
  metadata::FileStatus status;
  std::string note;  // What StatRequest's answer lacks.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StatReply2& x) {
  return f(x.status, x.note);
}

}  // namespace minidfs::actors

CAF_BEGIN_TYPE_ID_BLOCK(minidfs_next, caf::first_custom_type_id + 2000)

  CAF_ADD_TYPE_ID(minidfs_next, (minidfs::actors::StatRequest2))
  CAF_ADD_TYPE_ID(minidfs_next, (minidfs::actors::StatReply2))

CAF_END_TYPE_ID_BLOCK(minidfs_next)

namespace minidfs::actors {

using ServedByAdditions = caf::typed_actor<Asked<StatRequest2>::with<StatReply2>>;

inline void add_added_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::minidfs_next>();
}

// Asks the namespace actor as those of before do. The request stays in its lane, which that one
// takes it out of.
inline ServedByAdditions::behavior_type additions_actor(ServedByAdditions::pointer self,
                                                        const ServedByNames& names) {
  self->link_to(names);
  return {[self, names](const Patience& patience, const StatRequest2& request) {
    auto promise = self->make_response_promise<StatReply2>();
    self->request(names, caf::infinite, patience, StatRequest{request.path})
        .then(
            [promise](metadata::FileStatus& status) mutable {
              promise.deliver(StatReply2{std::move(status), "told-by-3"});
            },
            [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
    return promise;
  }};
}

inline void serve_additions(caf::actor_system& system, const NamenodeServers& servers,
                            const NamenodeLanes& lanes, RequestSwitch::Routes& routes,
                            std::set<std::string>& signatures) {
  const auto actor = system.spawn(additions_actor, caf::actor_cast<ServedByNames>(servers.names));
  routes.lead<StatRequest2>(caf::actor_cast<caf::strong_actor_ptr>(actor), lanes.names);
  signatures.merge(system.message_types(caf::detail::type_list<ServedByAdditions>{}));
  serve_interface_2(system, servers, lanes, routes, signatures);
}

template <class Request>
struct NewerForm {};

template <>
struct NewerForm<StatRequest> {
  static constexpr InterfaceVersion kSince = 3;
  using Server = ServedByAdditions;
  using Reply = StatReply2;
  static StatRequest2 of(const StatRequest& request) { return {request.path}; }
  static metadata::FileStatus old(StatReply2 reply) {
    reply.status.compression = reply.note;
    return std::move(reply.status);
  }
};

template <class Request>
concept HasNewerForm = requires {
  NewerForm<Request>::kSince;
};

}  // namespace minidfs::actors
