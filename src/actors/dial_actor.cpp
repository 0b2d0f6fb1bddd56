#include "actors/dial_actor.hpp"

#include <chrono>
#include <utility>

namespace minidfs::actors {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{2000};

}  // namespace

DialFunction dial_control_plane(caf::actor_system& system, storage::BlockStore& store,
                                auth::CredentialsPtr credentials,
                                const std::atomic<bool>& stopping) {
  return [&system, &store, &stopping, credentials = std::move(credentials)](
             const DialWanted& wanted) -> Result<DialedNamenode> {
    ConnectOptions options;
    options.role = auth::Role::kDatanode;
    options.cluster = store.cluster_id();
    options.timeout = kConnectTimeout;
    options.replace = wanted.replace;
    options.credentials = credentials;
    options.cancelled = &stopping;
    return connect_control<NamenodeActor>(system, wanted.namenode.host, wanted.namenode.port,
                                          options);
  };
}

DialActor::behavior_type dial_actor(DialActor::pointer, DialFunction dial) {
  return {[dial = std::move(dial)](const DialWanted& wanted) {
    auto reached = dial(wanted);
    if (!reached.ok()) return DialEnded{{}, std::move(reached).error()};
    return DialEnded{std::move(reached->handle), {}, reached->version};
  }};
}

}  // namespace minidfs::actors
