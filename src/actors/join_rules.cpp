#include "actors/join_rules.hpp"

#include <algorithm>

#include "base/random_id.hpp"
#include "base/units.hpp"

namespace minidfs::actors {
namespace {

using consensus::MemberRole;
using consensus::MemberState;
using consensus::MemberStatus;

Error invalid(std::string why) { return {Errc::kInvalidArgument, std::move(why)}; }

std::string name_of(const MemberStatus& each) {
  return "member " + hex_64(each.member.id) + " at " + each.member.address;
}

bool is_learner(const MemberStatus& each) { return each.role == MemberRole::kLearner; }

}  // namespace

bool is_of_one_machine(const std::string& address, const LocalHosts& hosts) {
  const auto parsed = parse_host_port(address, std::nullopt);
  if (!parsed.ok()) return true;
  const auto& host = parsed->host;
  const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
  return host.empty() || host == "localhost" || host == "::1" || host == "::" ||
         host == "0.0.0.0" || (digits && host.starts_with("127.")) || hosts.contains(host);
}

// Those of one machine do not mix with others.
Status check_reach(const std::string& member, const std::string& joiner, const LocalHosts& hosts) {
  const bool local = is_of_one_machine(member, hosts);
  if (local == is_of_one_machine(joiner, hosts)) return {};
  if (local) {
    return invalid("the namenode known as " + member +
                   " cannot be reached there from other machines, such as " + joiner +
                   ": start it with a --listen or --advertise that names its machine");
  }
  return invalid(joiner + " cannot be reached from the machine of " + member +
                 ": give a --listen or --advertise that names the machine of who joins");
}

Result<JoinDecision> decide_join(const consensus::QuorumStatus& status,
                                 const consensus::MemberAddress& joiner, const LocalHosts& hosts) {
  if (joiner.id == 0 || joiner.address.size() > consensus::kAddressMaxBytes ||
      !parse_host_port(joiner.address, std::nullopt).ok()) {
    return invalid("'" + joiner.address.substr(0, 80) + "' is no address of a namenode");
  }
  std::size_t voters = 0;
  const MemberStatus* replaced = nullptr;
  const MemberStatus* learner = nullptr;
  for (const auto& each : status.members) {
    if (each.member.id == joiner.id) return JoinDecision{JoinedBefore{status.changed_at}};
    if (each.member.address.empty()) {
      return Error{Errc::kBusy,
                   "the address of member " + hex_64(each.member.id) + " is not known yet"};
    }
    MDFS_CHECK(check_reach(each.member.address, joiner.address, hosts));
    if (is_learner(each)) learner = &each;
    if (!is_learner(each)) ++voters;
    if (each.member.address == joiner.address) replaced = &each;
  }
  if (replaced != nullptr &&
      (replaced->member.id == status.self || replaced->state == MemberState::kFollower)) {
    return Error{Errc::kInUse, name_of(*replaced) + " lives: another address is needed"};
  }
  if (learner != nullptr && learner == replaced) {
    return JoinDecision{DropLearner{learner->member.id}};
  }
  if (learner != nullptr && learner->silent < kLearnerSilentMax) {
    return Error{Errc::kBusy, name_of(*learner) + " is joining"};
  }
  if (replaced == nullptr && voters >= kVotersMax) {
    return invalid("there are " + std::to_string(voters) +
                   " namenodes, the most that there may be");
  }
  if (learner != nullptr) return JoinDecision{DropLearner{learner->member.id}};
  return JoinDecision{consensus::AddLearner{joiner, replaced ? replaced->member.id : 0}};
}

}  // namespace minidfs::actors
