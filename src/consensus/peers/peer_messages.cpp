#include "consensus/peers/peer_messages.hpp"

#include <optional>
#include <type_traits>
#include <utility>

#include "base/codec.hpp"
#include "base/error.hpp"
#include "consensus/quorum.hpp"
#include "consensus/segments/log_state.hpp"

namespace minidfs::consensus {

// Fields in the order of docs/formats.md; a struct that another version reads never changes.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Announce& x) {
  return f(x.address, x.last.term, x.last.index, x.known);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedBegin& x) {
  return f(x.seed, x.position.term, x.position.index, x.members);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedPiece& x) {
  return f(x.seed, x.number, x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedEnd& x) {
  return f(x.seed, x.pieces, x.sum);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedAck& x) {
  return f(x.seed, x.taken);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedDone& x) {
  return f(x.seed, x.installed);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Removed& x) {
  return f(x.term, x.index);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RolledBack& x) {
  return f(x.acknowledged);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, GiveSeed& x) {
  return f(x.request, x.to, x.bytes_per_second, x.give_up);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedGiven& x) {
  return f(x.request, x.installed);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, AskCommitted& x) {
  return f(x.number);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Committed& x) {
  return f(x.number, x.index);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SeedResume& x) {
  return f(x.seed, x.pieces);
}

namespace {

// On the wire: do not renumber. Those below are the core's: see message_format.cpp.
enum class Kind : std::uint8_t {
  kAnnounce = 32,
  kSeedBegin = 33,
  kSeedPiece = 34,
  kSeedEnd = 35,
  kSeedAck = 36,
  kSeedDone = 37,
  kRemoved = 38,
  kRolledBack = 39,
  kGiveSeed = 40,
  kSeedGiven = 41,
  kAskCommitted = 42,
  kCommitted = 43,
  kSeedResume = 44,
};

Kind kind_of(const Announce&) { return Kind::kAnnounce; }
Kind kind_of(const SeedBegin&) { return Kind::kSeedBegin; }
Kind kind_of(const SeedPiece&) { return Kind::kSeedPiece; }
Kind kind_of(const SeedEnd&) { return Kind::kSeedEnd; }
Kind kind_of(const SeedAck&) { return Kind::kSeedAck; }
Kind kind_of(const SeedDone&) { return Kind::kSeedDone; }
Kind kind_of(const Removed&) { return Kind::kRemoved; }
Kind kind_of(const RolledBack&) { return Kind::kRolledBack; }
Kind kind_of(const GiveSeed&) { return Kind::kGiveSeed; }
Kind kind_of(const SeedGiven&) { return Kind::kSeedGiven; }
Kind kind_of(const AskCommitted&) { return Kind::kAskCommitted; }
Kind kind_of(const Committed&) { return Kind::kCommitted; }
Kind kind_of(const SeedResume&) { return Kind::kSeedResume; }

template <class Message>
bool is_sound(const Message&) {
  return true;
}
bool is_sound(const Announce& message) { return message.address.size() <= kAddressMaxBytes; }
bool is_sound(const SeedBegin& message) { return message.members.size() <= kStoredMembersMaxBytes; }
bool is_sound(const SeedPiece& message) {
  return !message.bytes.empty() && message.bytes.size() <= kSeedPieceMaxBytes;
}

template <class Message>
bool get(Decoder& in, PeerMessage& message) {
  auto& each = message.emplace<Message>();
  return in.get(each) && is_sound(each);
}

// None: of a kind that is not known here.
std::optional<bool> get(Decoder& in, Kind kind, PeerMessage& message) {
  switch (kind) {
    case Kind::kAnnounce:
      return get<Announce>(in, message);
    case Kind::kSeedBegin:
      return get<SeedBegin>(in, message);
    case Kind::kSeedPiece:
      return get<SeedPiece>(in, message);
    case Kind::kSeedEnd:
      return get<SeedEnd>(in, message);
    case Kind::kSeedAck:
      return get<SeedAck>(in, message);
    case Kind::kSeedDone:
      return get<SeedDone>(in, message);
    case Kind::kRemoved:
      return get<Removed>(in, message);
    case Kind::kRolledBack:
      return get<RolledBack>(in, message);
    case Kind::kGiveSeed:
      return get<GiveSeed>(in, message);
    case Kind::kSeedGiven:
      return get<SeedGiven>(in, message);
    case Kind::kAskCommitted:
      return get<AskCommitted>(in, message);
    case Kind::kCommitted:
      return get<Committed>(in, message);
    case Kind::kSeedResume:
      return get<SeedResume>(in, message);
  }
  return std::nullopt;
}

Error refused(Errc code, std::string_view from, const std::string& why) {
  return {code, "message from " + std::string(from) + ": " + why};
}

}  // namespace

std::string encode_peer_message(const PeerMessage& message) {
  if (const auto* packet = std::get_if<Packet>(&message)) {
    return encode_message(packet->message, packet->entries);
  }
  std::string out;
  Encoder encoder(out);
  std::visit(
      [&](const auto& each) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(each)>, Packet>) {
          MDFS_ASSERT(is_sound(each));
          encoder.put(kind_of(each));
          encoder.put(each);
        }
      },
      message);
  encoder.put(checksum(std::string_view(out)));
  return out;
}

Result<PeerMessage> decode_peer_message(std::string_view bytes, std::string_view from) {
  const auto size = std::to_string(bytes.size()) + " bytes";
  if (bytes.size() < 1 + sizeof(Checksum)) return refused(Errc::kProtocol, from, size);
  const auto kind = static_cast<Kind>(bytes.front());
  if (kind < Kind::kAnnounce) {
    MDFS_TRY(auto packet, decode_message(bytes, from));
    return PeerMessage(std::move(packet));
  }
  const auto content = bytes.substr(0, bytes.size() - sizeof(Checksum));
  Checksum sum = 0;
  Decoder(bytes.substr(content.size())).get(sum);
  if (sum != checksum(content)) return refused(Errc::kProtocol, from, "a wrong checksum");
  PeerMessage message;
  Decoder decoder(content.substr(1));
  const auto decoded = get(decoder, kind, message);
  if (!decoded) {
    return refused(Errc::kUnsupported, from,
                   "kind " + std::to_string(static_cast<int>(kind)) + " is not known here");
  }
  if (!*decoded || !decoder.rest().empty()) {
    return refused(Errc::kProtocol, from, size + " that do not decode");
  }
  return message;
}

}  // namespace minidfs::consensus
