// What members of a cluster say to each other, in bytes. Apart from the core, which neither knows
// of payloads nor of bytes. Pure. Format: docs/formats.md, "Between namenodes".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "consensus/raft/raft_messages.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

// An entry goes alone when it must: then this is what there is beside its payload, and to spare.
inline constexpr std::size_t kMessageMaxBytes = kPayloadMaxBytes + 1024;

// A message with what travels in it.
struct Packet {
  Message message;
  std::vector<Entry> entries;  // Of an Append: those after its `prev` up to its `last`.
};

// REQUIRES: `entries` are those of the Append, and few enough; none for other messages.
std::string encode_message(const Message& message, std::span<const Entry> entries);

// Every Append that this returns has the entries that it names. kProtocol for what encode_message()
// would not write, kUnsupported for a kind of a newer version; `from` names the peer in the error.
Result<Packet> decode_message(std::string_view bytes, std::string_view from);

}  // namespace minidfs::consensus
