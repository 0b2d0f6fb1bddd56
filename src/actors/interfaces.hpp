// The typed interfaces of the actors that are reached over the network, and how errors cross CAF.
#pragma once

#include <caf/error.hpp>
#include <caf/result.hpp>
#include <caf/typed_actor.hpp>
#include <optional>

#include "actors/type_ids.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

// A request of a client or an operator, which waits for the answer as long as its Patience says.
template <class Request>
struct Asked {
  template <class Reply>
  using with = typename caf::replies_to<Patience, Request>::template with<Reply>;
};

// What the namenode publishes on its control port, by who serves it there (request_switch.hpp): the
// interface of the oldest version that this build speaks, which is what it asks of others, too.
// What later versions have added is in additions.hpp. Errors are those of base/error.hpp, carried
// as caf::error (see to_caf); every request may be answered with kBusy.
using ServedByNames =
    caf::typed_actor<Asked<StatRequest>::with<metadata::FileStatus>,
                     Asked<ListRequest>::with<ListReply>, Asked<LocateRequest>::with<LocatedFile>,
                     Asked<LocateDirectoryRequest>::with<LocateDirectoryReply>,
                     Asked<metadata::MakeDirectory>::with<metadata::ChangeReply>,
                     Asked<metadata::Rename>::with<metadata::ChangeReply>,
                     Asked<metadata::Remove>::with<metadata::ChangeReply>,
                     Asked<metadata::SetReplication>::with<metadata::ChangeReply>,
                     Asked<metadata::SetAttributes>::with<metadata::ChangeReply>,
                     Asked<ClientIdRequest>::with<ClientIdReply>,
                     Asked<CopiesRequest>::with<CopiesReply>>;

// Looked at by the namespace actor and passed on to the block actor.
using ServedByBoth = caf::typed_actor<
    Asked<AllocateBlocks>::with<WriteGrant>, Asked<CommitWrite>::with<metadata::ChangeReply>,
    Asked<StageWrite>::with<metadata::ChangeReply>, Asked<DecideNode>::with<metadata::ChangeReply>>;

using ServedByBlocks = caf::typed_actor<
    Asked<RenewSession>::with<Accepted>, Asked<EndSession>::with<Accepted>,
    // Datanodes. Their patience is metadata::Membership's.
    caf::replies_to<RegisterNode>::with<Registered>,
    caf::replies_to<Heartbeat>::with<HeartbeatReply>,
    caf::replies_to<BlockReportPart>::with<Accepted>, caf::replies_to<Goodbye>::with<Accepted>,
    // Administration.
    Asked<StatusRequest>::with<StatusReply>, Asked<SafeModeRequest>::with<SafeModeReply>,
    Asked<BalanceRequest>::with<BalanceReply>, Asked<CheckBlocksRequest>::with<CheckBlocksReply>,
    Asked<ScrubRequest>::with<ScrubReply>>;

using ServedByBackups = caf::typed_actor<Asked<BackupRequest>::with<BackupReply>>;

// Clients and datanodes, of a namenode that need not lead.
using ServedByQuorum = caf::typed_actor<caf::replies_to<WhoLeads>::with<metadata::QuorumView>>;

// Operators and namenodes that join; of the one that leads, but for digests.
using ServedByMembers = caf::typed_actor<
    Asked<JoinCluster>::with<Joined>, Asked<QuorumRequest>::with<QuorumReply>,
    Asked<TransferLeadership>::with<Accepted>, Asked<RemoveNamenode>::with<Accepted>,
    Asked<MarkForDigests>::with<MarkedForDigests>, Asked<DigestRequest>::with<DigestReply>>;

using NamenodeActor = ServedByNames::extend_with<ServedByBoth, ServedByBlocks, ServedByBackups,
                                                 ServedByQuorum, ServedByMembers>;

// An error of ours as CAF carries it: the code, our category, and the sentence as context.
caf::error to_caf(const Error& error);
template <class Reply>
caf::result<Reply> to_result(Result<Reply> result) {
  if (!result.ok()) return to_caf(result.error());
  return std::move(result).value();
}

// Back again. CAF's own errors become kTimedOut (request time-outs), kUnavailable (the peer went
// away) or kInternal, with CAF's text.
Error from_caf(const caf::error& error);

// kNotLeader, with what the namenode knows of who leads.
caf::error not_leader(const metadata::QuorumView& view);
// That, from the error of a namenode that does not lead; nothing from any other.
std::optional<metadata::QuorumView> told_leader(const caf::error& error);

}  // namespace minidfs::actors
