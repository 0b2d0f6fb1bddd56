// The typed interfaces of the actors that are reached over the network, and how errors cross CAF.
#pragma once

#include <caf/error.hpp>
#include <caf/typed_actor.hpp>

#include "actors/type_ids.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

// What the namenode publishes on its control port. Errors are those of base/error.hpp, carried as
// caf::error (see to_caf).
using NamenodeActor = caf::typed_actor<
    // The namespace.
    caf::replies_to<StatRequest>::with<metadata::FileStatus>,
    caf::replies_to<ListRequest>::with<ListReply>,
    caf::replies_to<LocateRequest>::with<LocatedFile>,
    caf::replies_to<LocateDirectoryRequest>::with<LocateDirectoryReply>,
    caf::replies_to<metadata::MakeDirectory>::with<metadata::ChangeReply>,
    caf::replies_to<metadata::Rename>::with<metadata::ChangeReply>,
    caf::replies_to<metadata::Remove>::with<metadata::ChangeReply>,
    caf::replies_to<metadata::SetReplication>::with<metadata::ChangeReply>,
    caf::replies_to<metadata::SetAttributes>::with<metadata::ChangeReply>,
    // Writers.
    caf::replies_to<AllocateBlocks>::with<WriteGrant>,
    caf::replies_to<CommitWrite>::with<metadata::ChangeReply>,
    caf::replies_to<RenewSession>::with<Accepted>, caf::replies_to<EndSession>::with<Accepted>,
    // Datanodes.
    caf::replies_to<RegisterNode>::with<Registered>,
    caf::replies_to<Heartbeat>::with<HeartbeatReply>,
    caf::replies_to<BlockReportPart>::with<Accepted>, caf::replies_to<Goodbye>::with<Accepted>,
    // Administration.
    caf::replies_to<StatusRequest>::with<StatusReply>,
    caf::replies_to<SafeModeRequest>::with<SafeModeReply>,
    caf::replies_to<DecideNode>::with<metadata::ChangeReply>,
    caf::replies_to<BalanceRequest>::with<BalanceReply>,
    caf::replies_to<CopiesRequest>::with<CopiesReply>,
    caf::replies_to<CheckBlocksRequest>::with<CheckBlocksReply>,
    caf::replies_to<ScrubRequest>::with<ScrubReply>>;

// An error of ours as CAF carries it: the code, our category, and the sentence as context.
caf::error to_caf(const Error& error);

// Back again. CAF's own errors become kTimedOut (request time-outs), kUnavailable (the peer went
// away) or kInternal, with CAF's text.
Error from_caf(const caf::error& error);

}  // namespace minidfs::actors
