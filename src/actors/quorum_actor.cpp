#include "actors/quorum_actor.hpp"

#include "actors/quorum_view.hpp"

namespace minidfs::actors {

QuorumActor::behavior_type quorum_actor(QuorumActor::pointer, QuorumParts parts) {
  return {[parts](const WhoLeads&) {
    parts.lane->leave();
    return view_of(parts.log->quorum());
  }};
}

}  // namespace minidfs::actors
