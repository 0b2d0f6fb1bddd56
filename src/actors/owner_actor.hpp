// Answers what the block actor and the quorum actor want to know of the namespace, from its own
// connection to the database. Detached: it may wait for the disk, and nothing that must be quick
// goes through it.
#pragma once

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>

#include "actors/interfaces.hpp"
#include "actors/internal_messages.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::actors {

using OwnerActor = caf::typed_actor<
    caf::replies_to<OwnersOf>::with<BlockOwners>, caf::replies_to<OwnersBetween>::with<BlockOwners>,
    caf::replies_to<NamespaceFactsWanted>::with<NamespaceFacts>,
    caf::replies_to<KeptReplyOf>::with<KeptReply>, caf::replies_to<PathsOf>::with<CheckBlocksReply>,
    caf::replies_to<LeadershipsWanted>::with<Leaderships>>;

// What the namespace says now; also for the block actor's start.
Result<NamespaceFacts> facts_of(storage::NamespaceReader& reader);

OwnerActor::behavior_type owner_actor(OwnerActor::pointer self,
                                      std::shared_ptr<storage::NamespaceReader> reader);

}  // namespace minidfs::actors
