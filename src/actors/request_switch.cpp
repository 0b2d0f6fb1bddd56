#include "actors/request_switch.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>
#include <caf/make_message.hpp>
#include <caf/sec.hpp>
#include <utility>

namespace minidfs::actors {

RequestSwitch::RequestSwitch(caf::actor_config& config, Routes routes)
    : caf::monitorable_actor(config), routes_(std::move(routes)) {}

caf::strong_actor_ptr RequestSwitch::make(caf::actor_system& system, Routes routes) {
  caf::actor_config config;
  return caf::make_actor<RequestSwitch, caf::strong_actor_ptr>(
      system.next_actor_id(), system.node(), &system, config, std::move(routes));
}

void RequestSwitch::close(const caf::strong_actor_ptr& made) {
  static_cast<RequestSwitch*>(made->get())->cleanup(caf::exit_reason::user_shutdown, nullptr);
}

const RequestSwitch::Routes::Route* RequestSwitch::route_of(
    const caf::type_erased_tuple& content) const {
  const auto size = content.size();
  if (size == 0 || size > 2) return nullptr;
  const auto* type = content.type(size - 1).second;  // Null for types of CAF's own.
  if (type == nullptr) return nullptr;
  const auto at = routes_.by_type_.find(*type);
  if (at == routes_.by_type_.end() || at->second.has_patience != (size == 2)) return nullptr;
  if (size == 2 && !content.match_element<Patience>(0)) return nullptr;
  return &at->second;
}

namespace {

void refuse(const caf::mailbox_element& element, caf::error why) {
  if (!element.sender || !element.mid.is_request()) return;
  element.sender->enqueue(nullptr, element.mid.response_id(), caf::make_message(std::move(why)),
                          nullptr);
}

}  // namespace

// On any thread. An answer to nothing that was asked would enter a lane and never leave it.
void RequestSwitch::enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) {
  if (!element || element->mid.is_response()) return;
  const auto* route = route_of(element->content());
  if (route == nullptr) {
    refuse(*element, caf::make_error(caf::sec::unexpected_message));
  } else if (!route->lane->enter()) {
    refuse(*element, to_caf(busy_error()));
  } else {
    if (route->goes_first) element->mid = element->mid.with_high_priority();
    // Not with the asker's threads, which may be those of another system of this process.
    route->actor->enqueue(std::move(element), nullptr);
  }
}

void put_back_in_line(caf::mailbox_element* served) {
  served->mid = served->mid.with_normal_priority();
}

RequestSwitch::Routes namenode_routes(const NamenodeServers& servers, const NamenodeLanes& lanes) {
  const auto& [names, blocks, backups, quorum, members] = servers;
  RequestSwitch::Routes routes;
  routes.lead<StatRequest, ListRequest, LocateRequest, LocateDirectoryRequest,
              metadata::MakeDirectory, metadata::Rename, metadata::Remove, metadata::SetReplication,
              AllocateBlocks, CommitWrite, StageWrite>(names, lanes.names);
  routes.lead<metadata::SetAttributes, CopiesRequest, ClientIdRequest>(names, lanes.names);
  routes.lead<DecideNode>(names, lanes.admin);
  routes.lead<RenewSession, EndSession>(blocks, lanes.blocks);
  routes.lead<StatusRequest, SafeModeRequest, BalanceRequest, CheckBlocksRequest, ScrubRequest>(
      blocks, lanes.admin);
  routes.lead<BackupRequest>(backups, lanes.admin);
  routes.lead_nodes_first<RegisterNode, Heartbeat, Goodbye>(blocks, lanes.beats);
  routes.lead_nodes<BlockReportPart>(blocks, lanes.reports);
  routes.lead_nodes<WhoLeads>(quorum, lanes.beats);
  if (members) {
    routes.lead<JoinCluster, QuorumRequest, TransferLeadership, RemoveNamenode, MarkForDigests,
                DigestRequest>(members, lanes.admin);
  }
  return routes;
}

}  // namespace minidfs::actors
