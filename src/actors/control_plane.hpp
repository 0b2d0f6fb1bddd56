// Publishing an actor to other processes and reaching one there, by connections that passed the
// admission. Takes the place of caf::io::middleman's publish and remote_actor, which minidfs does
// not use: those would put CAF's parser on an open port.
#pragma once

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "actors/admission.hpp"

namespace minidfs::actors {

// The identity of `system` in the control plane. REQUIRES: made with a ControlSystemConfig.
ProcessId control_process_id(const caf::actor_system& system);
// Of any process's actors; none for a node id that is not of minidfs.
ProcessId process_of(const caf::node_id& node);

// Starts `listener`: whoever it admits reaches `whom`, an actor of `system`. The listener must end
// before the system does. Its options' process must be control_process_id(system).
void publish_control(caf::actor_system& system, caf::strong_actor_ptr whom,
                     std::set<std::string> signatures, ControlListener& listener);

template <class Handle>
void publish_control(caf::actor_system& system, const Handle& whom, ControlListener& listener) {
  publish_control(system, caf::actor_cast<caf::strong_actor_ptr>(whom),
                  system.message_types(caf::detail::type_list<Handle>{}), listener);
}

struct ConnectOptions {
  auth::Role role = auth::Role::kClient;
  ClusterId cluster{};                       // None: any cluster will do.
  std::chrono::milliseconds timeout{5'000};  // For everything together.
  // A process has one connection to another; asking again yields the same one while it lives. True
  // ends it first: for a connection that is suspected to be dead. Its proxies then go down.
  bool replace = false;
  auth::CredentialsPtr credentials{};  // As in DialOptions.
};

template <class Handle>
struct ControlConnection {
  Handle handle;
  ClusterId cluster{};  // The server's.
};

// Blocks the calling thread, so not for an actor that is not detached; several threads may connect
// at once and do not hold each other up. Errors as dial_control, and kProtocol when the published
// actor has not the wanted interface. After the other process has ended or the connection is lost,
// monitors of the handle get a down message; then connect anew.
Result<ControlConnection<caf::strong_actor_ptr>> connect_control(
    caf::actor_system& system, const std::string& host, std::uint16_t port,
    const std::set<std::string>& signatures, const ConnectOptions& options);

template <class Handle>
Result<ControlConnection<Handle>> connect_control(caf::actor_system& system,
                                                  const std::string& host, std::uint16_t port,
                                                  const ConnectOptions& options) {
  MDFS_TRY(auto connection,
           connect_control(system, host, port,
                           system.message_types(caf::detail::type_list<Handle>{}), options));
  return ControlConnection<Handle>{caf::actor_cast<Handle>(std::move(connection.handle)),
                                   connection.cluster};
}

}  // namespace minidfs::actors
