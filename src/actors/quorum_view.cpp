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

caf::error not_led_by_log(const consensus::QuorumStatus& status) {
  return not_leader(view_of(status, status.leading.term));
}

caf::error error_of_log(const Error& error, const consensus::Log& log) {
  return error.code == Errc::kNotLeader ? not_led_by_log(log.quorum()) : to_caf(error);
}

}  // namespace minidfs::actors
