#include "actors/quorum_view.hpp"

#include "base/units.hpp"

namespace minidfs::actors {

metadata::QuorumView view_of(const consensus::QuorumStatus& status, std::uint64_t office_term) {
  metadata::QuorumView view;
  view.self = status.self;
  view.term = status.leading.term;
  view.leader = status.leading.leader.id;
  if (view.leader == view.self && view.term != office_term) view.leader = 0;
  for (const auto& one : status.members) {
    auto& known = view.members.emplace_back();
    known.id = one.member.id;
    const auto address = parse_host_port(one.member.address, std::nullopt);
    if (address.ok()) known.address = {address->host, address->port};
  }
  return view;
}

}  // namespace minidfs::actors
