// What members of a cluster say to each other. Any message may be lost, come twice, late, or after
// one that was sent later.
#pragma once

#include <cstdint>
#include <variant>

#include "consensus/types.hpp"

namespace minidfs::consensus {

// Would I win an election (9.6)? Changes nothing at either end. Message::term is the term of the
// election that would follow.
struct PreVote {
  Position last{};  // Of the candidate's log.
};
struct PreVoteReply {
  bool granted = false;  // Then Message::term is that of the question, else the voter's.
};

struct Vote {
  Position last{};        // All of the candidate's log up to it is durable there.
  bool transfer = false;  // The leader wanted it: others need not wait for its silence (4.2.3).
};
struct VoteReply {
  bool granted = false;
};

// The entries after `prev` up to `last`, which travel beside the message; none: a sign of life.
struct Append {
  Position prev{};
  Index last = 0;           // prev.index: none.
  Index committed = 0;      // As the leader knows.
  std::uint64_t round = 0;  // Ascending within a term; the reply names it.
};
struct AppendReply {
  bool accepted = false;
  // Accepted: everything up to here is as the leader has it, and durable.
  Index matched = 0;
  // Not accepted: the `prev` that was not there, and from where the leader might try again.
  Index refused = 0;
  Position hint{};
  std::uint64_t round = 0;
  Index applied = 0;     // What the sender's state machine holds.
  DiskCondition disk{};  // The sender's. Of no meaning to the core.
};

// Begin an election at once (3.10).
struct TimeoutNow {};

struct Message {
  Term term = 0;  // The sender's, but for PreVote and a granted PreVoteReply.
  std::variant<PreVote, PreVoteReply, Vote, VoteReply, Append, AppendReply, TimeoutNow> body;
};

}  // namespace minidfs::consensus
