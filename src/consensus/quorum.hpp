// The members of the log's cluster, who of them leads, and how both are changed: the words in which
// a Log is asked about them, and answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// "host:port". A member is its id; the address says where it was found last.
inline constexpr std::size_t kAddressMaxBytes = 260;

// A member as others are told of it.
struct MemberAddress {
  MemberId id = 0;      // 0: nobody.
  std::string address;  // Empty when it is not known.

  friend bool operator==(const MemberAddress&, const MemberAddress&) = default;
};

// --- Who leads --------------------------------------------------------------------------------

enum class Standing : std::uint8_t {
  kNobody,    // No leader is known: an election is due or under way, or this member has failed.
  kFollower,  // Another member leads.
  kLeader,    // This one does. What it is asked from now on is ordered after all of before.
};

struct Leading {
  Standing standing = Standing::kNobody;
  Term term = 0;         // Never descends; a term has one leader at most.
  MemberAddress leader;  // With kLeader this member.

  friend bool operator==(const Leading&, const Leading&) = default;
};

// Told each change, in order, and first what holds when it is added. Called on the log's thread: it
// must only hand over. Completions come on another thread; that a proposal was refused may be known
// before or after its reason.
using RoleSink = std::function<void(const Leading&)>;

// --- Reads ------------------------------------------------------------------------------------

struct ReadAnswer {
  // The state holds the entries up to this one, visibly, and with them all that was answered to
  // anybody before the question. kNotLeader: to be asked of `leader`, or again when there is one.
  // kUnavailable: this member has failed, or is shutting down.
  Result<Index> index = Index{0};
  MemberAddress leader;  // With kNotLeader, as far as it is known.
};
// Called exactly once, on a thread of the log or within the call that asks: it must only hand over.
using ReadSink = std::function<void(ReadAnswer)>;

// --- Members ----------------------------------------------------------------------------------

// On disk and between members: do not renumber.
enum class MemberRole : std::uint8_t {
  kVoter = 0,
  kLearner = 1,  // Is brought up to date, and then becomes a voter by itself.
};

enum class MemberState : std::uint8_t {
  kUnknown,  // Only a leader knows of the others.
  kLeader,
  kFollower,
  kSeeding,      // It is being given a copy of the state.
  kUnreachable,  // Not heard for as long as an election waits.
};

struct MemberStatus {
  MemberAddress member;
  MemberRole role = MemberRole::kVoter;
  MemberState state = MemberState::kUnknown;
  MemberId replaces = 0;  // Who goes when this one is a voter.
  // Of the interface, the newest that it speaks; 0: this one has not met it.
  InterfaceVersion version = 0;
  // Entries that its state holds, that its disk has as the leader's, and that it lacks of the
  // leader's log. 0 while they are not known.
  Index applied = 0;
  Index matched = 0;
  Index lag = 0;
  // For so long the leader has not heard of it. 0 while it is given a copy of the state: it may be
  // mute then, and the copy is given up by itself when it gets nowhere.
  std::chrono::milliseconds silent{};
};

// As one member sees it; a leader's view of the others is up to a heartbeat old.
struct QuorumStatus {
  MemberId self = 0;
  Leading leading;
  Index committed = 0;
  Index changed_at = 0;               // The entry that says who is a member.
  std::vector<MemberStatus> members;  // Ascending by id. Empty for one that is not yet seeded.
};

// At most one change is under way, others are refused with kBusy meanwhile.
struct AddLearner {
  MemberAddress member;   // A new id, never used before; kAlreadyExists for one that is a member.
  MemberId replaces = 0;  // Goes in the steps that make the learner a voter; 0: nobody.
};
// Ahead of time: the leader does it by itself when the learner has caught up.
struct PromoteLearner {
  MemberId member = 0;
};
// A voter or a learner, also the leader itself. It is told, and never takes part again.
struct RemoveMember {
  MemberId member = 0;
};
struct ChangeAddress {
  MemberAddress member;
};
using MembersChange = std::variant<AddLearner, PromoteLearner, RemoveMember, ChangeAddress>;

struct ChangeAnswer {
  // The entry of the change, which is committed. kNotLeader: to be asked of `leader`; when
  // leadership is lost in the middle the outcome is open. kBusy: later, another one is under way.
  // kNotFound: no such member. kUnavailable: too few of those who would decide, or the learner, can
  // be reached or have caught up. kInvalidArgument: would leave no voter, or a second learner.
  Result<Index> index = Index{0};
  MemberAddress leader;
};
// Called exactly once, on a thread of the log: it must only hand over.
using ChangeSink = std::function<void(ChangeAnswer)>;

// That another member leads; kUnavailable or kTimedOut: this one leads on; kNotLeader: it did not.
// Called exactly once, on a thread of the log: it must only hand over.
using TransferSink = std::function<void(Status)>;

}  // namespace minidfs::consensus
