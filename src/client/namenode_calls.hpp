// Asks a namenode of one's choice, whoever leads, over a connection of its own: the link asks the
// one that leads.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "auth/credentials.hpp"
#include "base/units.hpp"

namespace minidfs::client {

// Thread-safe.
class NamenodeCalls {
 public:
  // `cluster`: none for any.
  NamenodeCalls(ClusterId cluster, auth::CredentialsPtr credentials)
      : cluster_(cluster), credentials_(std::move(credentials)) {}

  // `address`: HOST:PORT. Waits for the connection, and then for the answer, no longer than
  // `patience` each. Errors lack the address.
  template <class Reply, class Request>
  Result<Reply> ask(const std::string& address, Request request,
                    std::chrono::milliseconds patience) {
    MDFS_TRY(const auto where, parse_host_port(address, std::nullopt));
    actors::ConnectOptions connecting;
    connecting.cluster = cluster_;
    connecting.timeout = patience;
    connecting.credentials = credentials_;
    MDFS_TRY(auto connection, actors::connect_control<actors::ServedByMembers>(
                                  system_, where.host, where.port, connecting));
    Result<Reply> result = Error{Errc::kInternal, "no answer"};
    caf::scoped_actor self{system_};
    const auto until = std::chrono::steady_clock::now() + patience;
    self->request(connection.handle, patience, actors::Patience{until}, std::move(request))
        .receive([&](Reply& reply) { result = std::move(reply); },
                 [&](const caf::error& error) { result = actors::from_caf(error); });
    return result;
  }

 private:
  struct SystemConfig : actors::ControlSystemConfig {
    SystemConfig() { actors::add_message_types(*this); }
  };

  const ClusterId cluster_;
  const auth::CredentialsPtr credentials_;
  SystemConfig config_;
  caf::actor_system system_{config_};
};

}  // namespace minidfs::client
