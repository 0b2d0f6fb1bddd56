#include "consensus/raft/message_format.hpp"

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/checksum.hpp"
#include "base/codec.hpp"
#include "base/error.hpp"

namespace minidfs::consensus {

// Fields in the order of docs/formats.md; a struct that another version reads never changes.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Position& x) {
  return f(x.term, x.index);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PreVote& x) {
  return f(x.last);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PreVoteReply& x) {
  return f(x.granted);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Vote& x) {
  return f(x.last, x.transfer);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, VoteReply& x) {
  return f(x.granted);
}
// `last` follows from the entries.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Append& x) {
  return f(x.prev, x.committed, x.round);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, DiskCondition& x) {
  return f(x.sync_us, x.full);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AppendReply& x) {
  return f(x.accepted, x.matched, x.refused, x.hint, x.round, x.applied, x.disk);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, TimeoutNow&) {
  return f();
}

namespace {

// On the wire: do not renumber.
enum class Kind : std::uint8_t {
  kPreVote = 1,
  kPreVoteReply = 2,
  kVote = 3,
  kVoteReply = 4,
  kAppend = 5,
  kAppendReply = 6,
  kTimeoutNow = 7,
};

Kind kind_of(const PreVote&) { return Kind::kPreVote; }
Kind kind_of(const PreVoteReply&) { return Kind::kPreVoteReply; }
Kind kind_of(const Vote&) { return Kind::kVote; }
Kind kind_of(const VoteReply&) { return Kind::kVoteReply; }
Kind kind_of(const Append&) { return Kind::kAppend; }
Kind kind_of(const AppendReply&) { return Kind::kAppendReply; }
Kind kind_of(const TimeoutNow&) { return Kind::kTimeoutNow; }

// Of an entry, beside its payload.
constexpr std::size_t kEntryHeadBytes = sizeof(Term) + 1 + sizeof(std::uint32_t);
// Far beyond what a cluster can reach, and far below where a sum overflows.
constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62U;

bool is_kind(EntryKind kind) { return kind >= EntryKind::kCommand && kind <= EntryKind::kMembers; }

void put_entries(Encoder& out, const Append& append, std::span<const Entry> entries) {
  MDFS_ASSERT(entries.size() == append.last - append.prev.index);
  out.put(static_cast<std::uint32_t>(entries.size()));
  for (const auto& entry : entries) {
    out.put(entry.term);
    out.put(entry.kind);
    out.put(entry.payload);
  }
}

bool get_entry(Decoder& in, Entry& entry) {
  return in(entry.term, entry.kind, entry.payload) && is_kind(entry.kind) &&
         entry.payload.size() <= kPayloadMaxBytes;
}

bool get_entries(Decoder& in, Packet& packet) {
  auto& append = std::get<Append>(packet.message.body);
  std::uint32_t count = 0;
  if (!in.get(count) || count > in.rest().size() / kEntryHeadBytes) return false;
  if (append.prev.index > kNumberMax) return false;
  append.last = append.prev.index + count;
  for (auto index = append.prev.index + 1; index <= append.last; ++index) {
    auto& entry = packet.entries.emplace_back();
    entry.index = index;
    if (!get_entry(in, entry)) return false;
  }
  return true;
}

template <class Body>
bool get_body(Decoder& in, Packet& packet) {
  return in.get(packet.message.body.emplace<Body>());
}

// None: of a kind that is not known here.
std::optional<bool> get_body(Decoder& in, Kind kind, Packet& packet) {
  switch (kind) {
    case Kind::kPreVote:
      return get_body<PreVote>(in, packet);
    case Kind::kPreVoteReply:
      return get_body<PreVoteReply>(in, packet);
    case Kind::kVote:
      return get_body<Vote>(in, packet);
    case Kind::kVoteReply:
      return get_body<VoteReply>(in, packet);
    case Kind::kAppend:
      return get_body<Append>(in, packet) && get_entries(in, packet);
    case Kind::kAppendReply:
      return get_body<AppendReply>(in, packet);
    case Kind::kTimeoutNow:
      return get_body<TimeoutNow>(in, packet);
  }
  return std::nullopt;
}

Error refused(Errc code, std::string_view from, const std::string& why) {
  return {code, "message from " + std::string(from) + ": " + why};
}

}  // namespace

std::string encode_message(const Message& message, std::span<const Entry> entries) {
  std::size_t payload_bytes = 0;
  for (const auto& entry : entries) payload_bytes += kEntryHeadBytes + entry.payload.size();
  std::string out;
  out.reserve(payload_bytes + 128);
  Encoder encoder(out);
  std::visit(
      [&](const auto& body) {
        encoder.put(kind_of(body));
        encoder.put(message.term);
        encoder.put(body);
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, Append>) {
          put_entries(encoder, body, entries);
        }
      },
      message.body);
  encoder.put(checksum(std::string_view(out)));
  MDFS_ASSERT(out.size() <= kMessageMaxBytes);
  return out;
}

Result<Packet> decode_message(std::string_view bytes, std::string_view from) {
  const auto size = std::to_string(bytes.size()) + " bytes";
  if (bytes.size() > kMessageMaxBytes || bytes.size() < sizeof(Checksum)) {
    return refused(Errc::kProtocol, from, size);
  }
  const auto content = bytes.substr(0, bytes.size() - sizeof(Checksum));
  Checksum sum = 0;
  Decoder(bytes.substr(content.size())).get(sum);
  if (sum != checksum(content)) return refused(Errc::kProtocol, from, "a wrong checksum");
  Packet packet;
  Decoder decoder(content);
  Kind kind{};
  if (!decoder(kind, packet.message.term) || packet.message.term > kNumberMax) {
    return refused(Errc::kProtocol, from, size + " that do not decode");
  }
  const auto decoded = get_body(decoder, kind, packet);
  if (!decoded) {
    return refused(Errc::kUnsupported, from,
                   "kind " + std::to_string(static_cast<int>(kind)) + " is not known here");
  }
  if (!*decoded || !decoder.rest().empty()) {
    return refused(Errc::kProtocol, from, size + " that do not decode");
  }
  return packet;
}

}  // namespace minidfs::consensus
