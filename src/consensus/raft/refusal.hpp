// Why something that was asked of a member is not done.
#pragma once

#include <cstdint>

namespace minidfs::consensus {

// Nothing has changed then.
enum class Refusal : std::uint8_t {
  kNotLeader,
  kTransferring,   // Leadership is being handed over: ask again when that has ended.
  kNotReady,       // The leader has not yet committed an entry of its own term.
  kChangePending,  // The last change of members is not committed.
  kNotCaughtUp,    // The learner lacks too much to become a voter.
  kNotReachable,   // The member has not been heard for a while.
  kUnsafe,         // The new members and the old ones might decide apart.
  kNoSuchMember,
  kTimedOut,
};

}  // namespace minidfs::consensus
