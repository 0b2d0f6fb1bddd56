// The part of the datanode's actor that tells the namenodes where the process serves HTTP: each
// after every registration, and only those whose version knows of it.
#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/datanode_actor.hpp"
#include "actors/interface_2.hpp"

namespace minidfs::actors {

void DatanodeActorState::serves_http(const AnnounceHttp& where) {
  http_ = where;
  http_.node = parts_.store->node_id();
  for (auto& [number, namenode] : namenodes_) {
    namenode.http_told = false;
    tell_http(number);
  }
}

// One that has not taken it is told again after the next heartbeat.
void DatanodeActorState::tell_http(Number number) {
  const auto found = namenodes_.find(number);
  if (found == namenodes_.end()) return;
  auto& namenode = found->second;
  const bool knows_it = namenode.version >= AddedRequest<HttpNodesRequest>::kSince;
  if (http_.http.port == 0 || namenode.http_told || !namenode.actor || !knows_it) return;
  namenode.http_told = true;
  http_.incarnation = namenode.incarnation;
  self_->request(caf::actor_cast<ServedByBlocks2>(namenode.actor), caf::infinite, http_)
      .then([](const Accepted&) {},
            [this, number, connection = namenode.connection](const caf::error&) {
              const auto told = namenodes_.find(number);
              if (told == namenodes_.end() || told->second.connection != connection) return;
              told->second.http_told = false;
            });
}

}  // namespace minidfs::actors
