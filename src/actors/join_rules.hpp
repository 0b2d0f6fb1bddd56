// What the namenode that leads decides about one that wants to join. Pure.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <variant>

#include "base/result.hpp"
#include "consensus/quorum.hpp"

namespace minidfs::actors {

// Voters, beside one that replaces another.
inline constexpr std::size_t kVotersMax = 5;

// Of two that join the second waits for the first, unless nothing was heard of that one for so
// long: then it goes, and may come again under another id. Above the time in which a service
// manager starts a process again, or the leader notices that a machine is gone.
inline constexpr std::chrono::seconds kLearnerSilentMax{15};

// It is a member already: nothing is to be done.
struct JoinedBefore {
  consensus::Index since = 0;
};
// Then it is to be asked again.
struct DropLearner {
  consensus::MemberId member = 0;
};
using JoinDecision = std::variant<JoinedBefore, DropLearner, consensus::AddLearner>;

// Host names that are known to lead whoever looks them up to itself.
using LocalHosts = std::set<std::string>;

// `status` is the leader's own. kBusy: again later. Who has lost its disk comes under a new id at
// its old address, and takes the old one's place.
Result<JoinDecision> decide_join(const consensus::QuorumStatus& status,
                                 const consensus::MemberAddress& joiner,
                                 const LocalHosts& hosts = {});

// Whether an address, HOST:PORT, leads other machines nowhere: loopback, or any address.
bool is_of_one_machine(const std::string& address, const LocalHosts& hosts = {});
// kInvalidArgument when one of the two addresses is such and the other is not.
Status check_reach(const std::string& member, const std::string& joiner,
                   const LocalHosts& hosts = {});

}  // namespace minidfs::actors
