#include "client/link/control_connection.hpp"

#include <cctype>
#include <string>
#include <utility>

#include "actors/control_plane.hpp"

namespace minidfs::client {

Result<Connected> connect_namenode(caf::actor_system& system, const DialOrder& order) {
  const auto& address = order.address;
  const auto* local = find_local(order.local.get(), address);
  if (local != nullptr && (order.cluster.is_none() || order.cluster == local->cluster)) {
    return Connected{local->namenode, local->cluster, own_versions().newest};
  }
  actors::ConnectOptions options;
  options.role = auth::Role::kClient;
  options.cluster = order.cluster;
  options.timeout = order.timeout;
  options.replace = order.replace;
  options.credentials = order.credentials;
  options.cancelled = order.cancelled.get();
  auto connection =
      actors::connect_control<actors::NamenodeActor>(system, address.host, address.port, options);
  if (connection.ok()) {
    return Connected{std::move(connection->handle), connection->cluster, connection->version};
  }
  auto error = std::move(connection).error();
  const auto prefix = metadata::to_string(address) + ": ";
  if (error.message.starts_with(prefix)) error.message.erase(0, prefix.size());
  auto& first = error.message[0];  // "Connection refused" stands in the middle of a sentence.
  first = static_cast<char>(std::tolower(static_cast<unsigned char>(first)));
  return error;
}

}  // namespace minidfs::client
