// Publishing an actor to other processes and reaching one there, by connections that passed the
// admission. Takes the place of caf::io::middleman's publish and remote_actor, which minidfs does
// not use: those would put CAF's parser on an open port.
#pragma once

#include <atomic>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "actors/admission.hpp"

namespace minidfs::actors {

// The identity of `system` in the control plane. REQUIRES: made with a ControlSystemConfig.
ProcessId control_process_id(const caf::actor_system& system);
// Of any process's actors; none for a node id that is not of minidfs.
ProcessId process_of(const caf::node_id& node);

// Starts `listener`: whoever it admits reaches `whom`, an actor of `system`. The listener must end
// before the system does. Its options' process must be control_process_id(system). `members`: for
// those who are led elsewhere.
void publish_control(caf::actor_system& system, caf::strong_actor_ptr whom,
                     std::set<std::string> signatures, ControlListener& listener,
                     std::optional<MemberDoor> members = {});

template <class Handle>
void publish_control(caf::actor_system& system, const Handle& whom, ControlListener& listener) {
  publish_control(system, caf::actor_cast<caf::strong_actor_ptr>(whom),
                  system.message_types(caf::detail::type_list<Handle>{}), listener);
}

// --- For those who decide themselves which connection there is to a process (peers/) -------------

// Whoever has connected this way reaches `whom`, once CAF has finished with what there was to that
// process before. Waits for nothing.
void admit_settled(caf::actor_system& system, caf::strong_actor_ptr whom,
                   std::set<std::string> signatures, std::uint16_t port,
                   AdmittedConnection connection);

struct PublishedActor {
  caf::strong_actor_ptr actor;  // Null when nothing is published there.
  std::set<std::string> signatures;
};
// Hands a confirmed connection to CAF, and waits for the actor at its other end. REQUIRES: it is
// the only one to that process. Errors lack the address.
Result<PublishedActor> enter_control(caf::actor_system& system, UniqueFd fd,
                                     ConnectionRegistry::Slot slot, std::uint16_t port,
                                     std::chrono::steady_clock::time_point deadline);

// --- For all others ----------------------------------------------------------------------------

struct ConnectOptions {
  auth::Role role = auth::Role::kClient;
  ClusterId cluster{};                       // None: any cluster will do.
  std::chrono::milliseconds timeout{5'000};  // For everything together.
  // A process has one connection to another; asking again yields the same one while it lives. True
  // ends it first: for a connection that is suspected to be dead. Its proxies then go down.
  bool replace = false;
  auth::CredentialsPtr credentials{};  // As in DialOptions.
  // True ends what is not admitted yet, with kCancelled. May be null.
  const std::atomic<bool>* cancelled = nullptr;
  InterfaceVersions versions = own_versions();
};

template <class Handle>
struct ControlConnection {
  Handle handle;
  ClusterId cluster{};  // The server's.
  // What both speak. What a version has added to the wanted interface is asked of those who know
  // it.
  InterfaceVersion version = 0;
};

// Blocks the calling thread, so not for an actor that is not detached; several threads may connect
// at once and do not hold each other up. The wanted interface is the one of the oldest version that
// this build speaks; the published one may have more. Errors as dial_control, and kProtocol when
// the published actor has less. After the other process has ended or the connection is lost,
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
                                   connection.cluster, connection.version};
}

}  // namespace minidfs::actors
