// All that members say to each other over a PeerLink: the core's messages, and what the shell says
// beside them. Pure. Format: docs/formats.md, "Between namenodes".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/checksum.hpp"
#include "base/result.hpp"
#include "consensus/raft/message_format.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// The first message of each end of a connection.
struct Announce {
  std::string address;  // Where others reach the sender.
  Position last;        // The end of its log; durable.
  Index known = 0;      // The entry from which it knows who is a member.
};

// --- Seeds: one stream of pieces at a time to a member ----------------------------------------

// After the end of its connection a seed waits for so long, at both ends, whether it can go on.
inline constexpr std::chrono::seconds kSeedResumedWithin{10};
// Of one piece, as it is sent.
inline constexpr std::size_t kSeedPieceMaxBytes = 256 * 1024;

struct SeedBegin {
  std::uint64_t seed = 0;  // Random; names it in what follows.
  Position position;       // Of the last entry that is in the copy.
  std::string members;     // In force there, as in an entry of the log.
};
struct SeedPiece {
  std::uint64_t seed = 0;
  std::uint64_t number = 0;  // From 0.
  std::string bytes;
};
struct SeedEnd {
  std::uint64_t seed = 0;
  std::uint64_t pieces = 0;
  Checksum sum = 0;  // Of the pieces' checksums, one after the other.
};
// So many pieces are taken in.
struct SeedAck {
  std::uint64_t seed = 0;
  std::uint64_t taken = 0;
};
// The receiver is done with it.
struct SeedDone {
  std::uint64_t seed = 0;
  bool installed = false;  // Otherwise it is not wanted, or not whole.
};

// Of the seed that was coming over the connection before this one so many pieces are here: what
// follows them is to be sent. Said behind Announce; 0: there is none.
struct SeedResume {
  std::uint64_t seed = 0;
  std::uint64_t pieces = 0;
};

// A leader has another member give a copy, or give that up. Answered with SeedGiven, unless the
// connection ends.
struct GiveSeed {
  std::uint64_t request = 0;  // Random; names it in what follows.
  MemberId to = 0;
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes.
  bool give_up = false;
};
struct SeedGiven {
  std::uint64_t request = 0;
  bool installed = false;
};

// --- Verdicts of a member that knows more -----------------------------------------------------

// The sender leads in `term`, and by entry `index`, which is committed, the receiver is no member.
struct Removed {
  Term term = 0;
  Index index = 0;
};
// The receiver had said to have entries up to here, and now has not: what it voted is forgotten,
// too. It is not counted on any more.
struct RolledBack {
  Index acknowledged = 0;
};

// --- How old a state may be: see consensus/freshness.hpp ---------------------------------------

// To the leader.
struct AskCommitted {
  std::uint64_t number = 0;
};
// The leader was confirmed after the question had come, and all that was answered before is in the
// log up to `index`.
struct Committed {
  std::uint64_t number = 0;
  Index index = 0;
};

using PeerMessage =
    std::variant<Packet, Announce, SeedBegin, SeedPiece, SeedEnd, SeedAck, SeedDone, Removed,
                 RolledBack, GiveSeed, SeedGiven, AskCommitted, Committed, SeedResume>;

// REQUIRES: a Packet as encode_message() wants it, no field longer than its maximum.
std::string encode_peer_message(const PeerMessage& message);
// kProtocol for what encode_peer_message() would not write, kUnsupported for a kind of a newer
// version; `from` names the peer in the error.
Result<PeerMessage> decode_peer_message(std::string_view bytes, std::string_view from);

}  // namespace minidfs::consensus
