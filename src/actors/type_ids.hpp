// The one block of CAF type ids. Every actor_system_config of ours loads it (system_config.hpp).
#pragma once

#include <caf/fwd.hpp>
#include <caf/type_id.hpp>
#include <vector>

#include "actors/messages.hpp"
#include "actors/patience.hpp"

CAF_BEGIN_TYPE_ID_BLOCK(minidfs, caf::first_custom_type_id)

  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::FileStatus))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::LocatedBlock))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::MakeDirectory))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::Rename))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::Remove))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::SetReplication))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::SetAttributes))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::ChangeReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ClientIdRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ClientIdReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::StatRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ListRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ListReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::LocateRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::LocatedFile))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::LocateDirectoryRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::LocateDirectoryReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::AllocateBlocks))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::WriteGrant))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::CommitWrite))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::StageWrite))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::RenewSession))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::EndSession))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::RegisterNode))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Registered))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Heartbeat))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::HeartbeatReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::BlockReportPart))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Accepted))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Goodbye))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::StatusRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::StatusReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::SafeModeRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::SafeModeReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::DecideNode))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::BalanceRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::BalanceReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::CopiesRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::CopiesReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::CheckBlocksRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::CheckBlocksReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ScrubRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::ScrubReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::BackupRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::BackupReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Patience))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::WhoLeads))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::QuorumView))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::JoinCluster))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::Joined))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::QuorumRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::QuorumReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::TransferLeadership))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::RemoveNamenode))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::MarkForDigests))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::MarkedForDigests))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::DigestRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::DigestReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::SetOwner))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::ConcatFiles))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::AppendWrite))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::AnnounceHttp))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::HttpNodesRequest))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::actors::HttpNodesReply))
  CAF_ADD_TYPE_ID(minidfs, (minidfs::metadata::RenameExactly))

CAF_END_TYPE_ID_BLOCK(minidfs)

namespace minidfs::actors {

// Makes these types known to a system that is made with the configuration. One source instantiates
// what CAF needs of each type for that, instead of everyone who configures a system.
void add_message_types(caf::actor_system_config& config);

}  // namespace minidfs::actors
