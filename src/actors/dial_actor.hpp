// Dials a namenode for the datanode actor, which goes on meanwhile. Detached: it blocks.
#pragma once

#include <atomic>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <optional>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "auth/credentials.hpp"
#include "base/result.hpp"
#include "metadata/types.hpp"
#include "storage/blocks/block_store.hpp"

namespace minidfs::actors {

struct DialWanted {
  metadata::Endpoint namenode;
  bool replace = false;  // A connection that still looks open is ended first.
};
struct DialEnded {
  NamenodeActor namenode;        // None when it failed.
  std::optional<Error> failure;  // Else none.
  InterfaceVersion version = 0;  // What is spoken with it.
};

using DialActor = caf::typed_actor<caf::replies_to<DialWanted>::with<DialEnded>>;

// Reaches the namenode; may block for seconds.
using DialedNamenode = ControlConnection<NamenodeActor>;
using DialFunction = std::function<Result<DialedNamenode>(const DialWanted&)>;
// By the control plane, as a datanode of the store's cluster. All outlive it. `credentials`: null
// when the cluster has no secret. True in `stopping` ends what is not admitted yet, with
// kCancelled.
DialFunction dial_control_plane(caf::actor_system& system, storage::BlockStore& store,
                                auth::CredentialsPtr credentials,
                                const std::atomic<bool>& stopping);

DialActor::behavior_type dial_actor(DialActor::pointer self, DialFunction dial);

}  // namespace minidfs::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::DialWanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(minidfs::actors::DialEnded)
