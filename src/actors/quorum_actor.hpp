// The actor that tells who leads, to whoever asks. It waits for no disk and for no other actor, so
// that its answer comes whatever the requests of clients wait for.
#pragma once

#include <caf/typed_event_based_actor.hpp>

#include "actors/interfaces.hpp"
#include "actors/request_lane.hpp"
#include "consensus/log.hpp"

namespace minidfs::actors {

using QuorumActor = ServedByQuorum;

// The log outlives the actor.
struct QuorumParts {
  const consensus::Log* log = nullptr;
  RequestLanePtr lane;  // That questions come by.
};

QuorumActor::behavior_type quorum_actor(QuorumActor::pointer self, QuorumParts parts);

}  // namespace minidfs::actors
