// What operators and joining namenodes ask about the members of the cluster; see messages.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"

namespace minidfs::actors {

// A namenode whose directory is empty wants to be a member. Asked of any member, over a connection
// of role namenode; the same question may be repeated. The one that leads answers when the log has
// it as a learner. Errors: kBusy while another change of members is under way, kInvalidArgument for
// an address that would not do, kInUse when a living member has it, kUnsupported when the log may
// hold what the joiner does not know.
struct JoinCluster {
  std::uint64_t member = 0;                          // Chosen at random, and never used before.
  std::string address;                               // Where others reach it.
  InterfaceVersion version = own_versions().newest;  // That it speaks.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, JoinCluster& x) {
  return f(x.member, x.address, x.version);
}
struct Joined {
  ClusterId cluster;
  std::uint64_t since = 0;  // The entry that says so.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Joined& x) {
  return f(x.cluster, x.since);
}

struct QuorumRequest {
  // As whoever is asked sees it, though it does not lead: when none is found that does.
  bool own_view = false;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, QuorumRequest& x) {
  return f(x.own_view);
}

struct MemberReport {
  std::uint64_t id = 0;
  std::string address;  // Empty: not known.
  bool voter = true;    // Else a learner.
  std::string state;    // leader, follower, seeding, unreachable or unknown.
  std::uint64_t replaces = 0;
  std::uint64_t applied = 0;
  std::uint64_t lag = 0;  // Entries of the leader's log that it lacks.
  // Of the interface, the newest that it speaks; 0: the leader has not met it yet.
  InterfaceVersion version = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, MemberReport& x) {
  return f(x.id, x.address, x.voter, x.state, x.replaces, x.applied, x.lag, x.version);
}

// As the one who answers sees it.
struct QuorumReply {
  ClusterId cluster;
  std::uint64_t self = 0;
  std::uint64_t leader = 0;  // 0: nobody.
  std::uint64_t term = 0;
  std::uint64_t led_for_ms = 0;  // So long it has known that leader.
  std::vector<MemberReport> members;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, QuorumReply& x) {
  return f(x.cluster, x.self, x.leader, x.term, x.led_for_ms, x.members);
}

// Another voter is to lead; 0: whoever is best. Answered when it does.
struct TransferLeadership {
  std::uint64_t member = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TransferLeadership& x) {
  return f(x.member);
}

// A member goes, and never takes part again. Answered when the log has that.
struct RemoveNamenode {
  std::uint64_t member = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RemoveNamenode& x) {
  return f(x.member);
}

// All members are to compute a digest of what they hold at one change. Answered when the log has
// the mark that names it.
struct MarkForDigests {};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, MarkForDigests&) {
  return f();
}
struct MarkedForDigests {
  std::uint64_t mark = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, MarkedForDigests& x) {
  return f(x.mark);
}

// Of the member that is asked, whether or not it leads.
struct DigestRequest {
  std::uint64_t mark = 0;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DigestRequest& x) {
  return f(x.mark);
}
struct DigestReply {
  std::uint64_t self = 0;  // The member.
  std::string state;       // unknown (not there yet, or forgotten), pending, done or failed.
  std::uint64_t change = 0;
  Checksum digest = 0;
  std::string problem;  // Of failed.
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DigestReply& x) {
  return f(x.self, x.state, x.change, x.digest, x.problem);
}

}  // namespace minidfs::actors
