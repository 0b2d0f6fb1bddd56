#include "actors/admission_format.hpp"

#include <algorithm>
#include <cstring>

#include "base/checksum.hpp"

namespace minidfs::actors {
namespace {

constexpr char kHelloMagic[8] = {'M', 'D', 'F', 'S', 'C', 'T', 'L', '\0'};
constexpr char kReplyMagic[8] = {'M', 'D', 'F', 'S', 'R', 'P', 'L', '\0'};
constexpr char kProofMagic[8] = {'M', 'D', 'F', 'S', 'P', 'R', 'F', '\0'};
constexpr char kConfirmationMagic[6] = {'M', 'D', 'F', 'S', 'G', 'O'};

// Offsets within the frames. The first 16 bytes keep their meaning in every version.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kKindAt = 10;    // The hello's role; the reply's code, 0 when accepted.
constexpr std::size_t kMethodAt = 11;  // The hello's; of the reply whether it asks for a proof.
constexpr std::size_t kTextSizeAt = 12;
constexpr std::size_t kHelloNewestAt = 12;
constexpr std::size_t kHelloOldestAt = 14;
constexpr std::size_t kClusterAt = 16;
constexpr std::size_t kProcessAt = 32;
constexpr std::size_t kHelloKeyAt = 48;
constexpr std::size_t kHelloNonceAt = 64;
constexpr std::size_t kHelloMemberAt = 96;
constexpr std::size_t kHelloWantedAt = 104;
constexpr std::size_t kReplyNonceAt = 48;
constexpr std::size_t kReplyProofAt = 80;
constexpr std::size_t kReplyNewestAt = 112;
constexpr std::size_t kReplyOldestAt = 114;
constexpr std::size_t kGivenProofAt = 32;
constexpr std::size_t kHelloChecksumAt = 120;
constexpr std::size_t kTextAt = 120;
constexpr std::size_t kReplyChecksumAt = kTextAt + kReplyTextBytesMax;
static_assert(kHelloChecksumAt + sizeof(Checksum) == kHelloBytes);
static_assert(kReplyChecksumAt + sizeof(Checksum) == kReplyBytes);
static_assert(kGivenProofAt + sizeof(auth::Proof) == kProofBytes);

template <class T>
void put(std::span<std::byte> frame, std::size_t at, const T& value) {
  std::memcpy(frame.data() + at, &value, sizeof(T));
}

template <class T>
T get(std::span<const std::byte> frame, std::size_t at) {
  T value;
  std::memcpy(&value, frame.data() + at, sizeof(T));
  return value;
}

InterfaceVersions get_versions(std::span<const std::byte> frame, std::size_t newest_at,
                               std::size_t oldest_at) {
  return {get<InterfaceVersion>(frame, newest_at), get<InterfaceVersion>(frame, oldest_at)};
}

template <class Tag>
void put_id(std::span<std::byte> frame, std::size_t at, const Id128<Tag>& id) {
  put(frame, at, id.high);
  put(frame, at + 8, id.low);
}

template <class Id>
Id get_id(std::span<const std::byte> frame, std::size_t at) {
  return Id{get<std::uint64_t>(frame, at), get<std::uint64_t>(frame, at + 8)};
}

// Magic first, then version: another version may keep the rest elsewhere.
Status check_start(std::span<const std::byte> frame, const char (&magic)[8], const char* what) {
  if (std::memcmp(frame.data(), magic, sizeof(magic)) != 0) {
    return Error{Errc::kProtocol, std::string("not a ") + what + " of the control plane"};
  }
  if (const auto version = get<std::uint16_t>(frame, kVersionAt); version != kAdmissionVersion) {
    return Error{Errc::kUnsupported, std::string("control protocol version ") +
                                         std::to_string(version) + " of the peer's " + what +
                                         ", here version " + std::to_string(kAdmissionVersion)};
  }
  return {};
}

Status check_frame(std::span<const std::byte> frame, const char (&magic)[8],
                   std::size_t checksum_at, const char* what) {
  MDFS_CHECK(check_start(frame, magic, what));
  if (get<Checksum>(frame, checksum_at) != checksum(frame.first(checksum_at))) {
    return Error{Errc::kProtocol, std::string("wrong checksum of the ") + what};
  }
  return {};
}

}  // namespace

HelloFrame encode_hello(const Hello& hello) {
  HelloFrame frame{};
  put(frame, 0, kHelloMagic);
  put(frame, kVersionAt, kAdmissionVersion);
  put(frame, kKindAt, hello.role);
  put(frame, kMethodAt, hello.method);
  put(frame, kHelloNewestAt, hello.versions.newest);
  put(frame, kHelloOldestAt, hello.versions.oldest);
  put_id(frame, kClusterAt, hello.cluster);
  put_id(frame, kProcessAt, hello.process);
  put_id(frame, kHelloKeyAt, hello.key);
  put(frame, kHelloNonceAt, hello.nonce);
  put(frame, kHelloMemberAt, hello.member);
  put(frame, kHelloWantedAt, hello.wanted);
  put(frame, kHelloChecksumAt, checksum(std::span<const std::byte>(frame).first(kHelloChecksumAt)));
  return frame;
}

ReplyFrame encode_reply(const Reply& reply) {
  ReplyFrame frame{};
  put(frame, 0, kReplyMagic);
  put(frame, kVersionAt, kAdmissionVersion);
  const bool refused = !reply.accepted && !reply.asks_proof;
  put(frame, kKindAt, refused ? static_cast<std::uint8_t>(reply.code) : std::uint8_t{0});
  put(frame, kMethodAt, static_cast<std::uint8_t>(reply.asks_proof ? 1 : 0));
  const auto text_size = std::min(reply.text.size(), kReplyTextBytesMax);
  put(frame, kTextSizeAt, static_cast<std::uint16_t>(text_size));
  put_id(frame, kClusterAt, reply.cluster);
  put_id(frame, kProcessAt, reply.process);
  put(frame, kReplyNonceAt, reply.nonce);
  put(frame, kReplyProofAt, reply.proof);
  put(frame, kReplyNewestAt, reply.versions.newest);
  put(frame, kReplyOldestAt, reply.versions.oldest);
  std::memcpy(frame.data() + kTextAt, reply.text.data(), text_size);
  put(frame, kReplyChecksumAt, checksum(std::span<const std::byte>(frame).first(kReplyChecksumAt)));
  return frame;
}

ProofFrame encode_proof(const ProofGiven& given) {
  ProofFrame frame{};
  put(frame, 0, kProofMagic);
  put(frame, kVersionAt, kAdmissionVersion);
  put_id(frame, kClusterAt, given.cluster);
  put(frame, kGivenProofAt, given.proof);
  return frame;
}

std::span<const std::byte> proven_part(const ProofFrame& frame) {
  return std::span<const std::byte>(frame).first(kGivenProofAt);
}

// The checksum, which covers the proof, is none of it either.
ReplyFrame proven_part(const ReplyFrame& frame) {
  ReplyFrame part = frame;
  put(part, kReplyProofAt, auth::Proof{});
  put(part, kReplyChecksumAt, Checksum{0});
  return part;
}

std::array<std::byte, kConfirmationBytes> encode_confirmation(Confirmation confirmation) {
  std::array<std::byte, kConfirmationBytes> frame{};
  put(frame, 0, kConfirmationMagic);
  put(frame, sizeof(kConfirmationMagic), confirmation);
  return frame;
}

bool may_be_hello(std::span<const std::byte> bytes) {
  return std::memcmp(bytes.data(), kHelloMagic, std::min(bytes.size(), sizeof(kHelloMagic))) == 0;
}

Result<Hello> decode_hello(std::span<const std::byte> bytes) {
  MDFS_ASSERT(bytes.size() == kHelloBytes);
  MDFS_CHECK(check_frame(bytes, kHelloMagic, kHelloChecksumAt, "hello"));
  const auto role = get<std::uint8_t>(bytes, kKindAt);
  const auto method = get<std::uint8_t>(bytes, kMethodAt);
  if (!auth::is_role(role) || !auth::is_method(method)) {
    return Error{Errc::kProtocol, "unknown role " + std::to_string(role) + " or method " +
                                      std::to_string(method) + " in the hello"};
  }
  Hello hello;
  hello.role = static_cast<auth::Role>(role);
  hello.cluster = get_id<ClusterId>(bytes, kClusterAt);
  hello.process = get_id<ProcessId>(bytes, kProcessAt);
  hello.method = static_cast<auth::Method>(method);
  hello.key = get_id<auth::KeyId>(bytes, kHelloKeyAt);
  hello.nonce = get<auth::Nonce>(bytes, kHelloNonceAt);
  hello.member = get<consensus::MemberId>(bytes, kHelloMemberAt);
  hello.wanted = get<consensus::MemberId>(bytes, kHelloWantedAt);
  hello.versions = get_versions(bytes, kHelloNewestAt, kHelloOldestAt);
  if (hello.role != auth::Role::kNamenode && (hello.member != 0 || hello.wanted != 0)) {
    return Error{Errc::kProtocol, "a " + std::string(auth::to_string(hello.role)) +
                                      " that is, or wants, a member of the namenodes' log"};
  }
  return hello;
}

Result<Reply> decode_reply(std::span<const std::byte> bytes) {
  MDFS_ASSERT(bytes.size() == kReplyBytes);
  MDFS_CHECK(check_frame(bytes, kReplyMagic, kReplyChecksumAt, "reply"));
  const auto code = get<std::uint8_t>(bytes, kKindAt);
  const auto text_size = get<std::uint16_t>(bytes, kTextSizeAt);
  const auto asks = get<std::uint8_t>(bytes, kMethodAt);
  if ((code != 0 && (!is_errc(code) || asks != 0)) || asks > 1 || text_size > kReplyTextBytesMax) {
    return Error{Errc::kProtocol, "a reply with code " + std::to_string(code) + " and a text of " +
                                      std::to_string(text_size) + " bytes"};
  }
  Reply reply;
  reply.asks_proof = asks == 1;
  reply.accepted = code == 0 && !reply.asks_proof;
  if (code != 0) reply.code = static_cast<Errc>(code);
  reply.text.assign(reinterpret_cast<const char*>(bytes.data()) + kTextAt, text_size);
  reply.cluster = get_id<ClusterId>(bytes, kClusterAt);
  reply.process = get_id<ProcessId>(bytes, kProcessAt);
  reply.nonce = get<auth::Nonce>(bytes, kReplyNonceAt);
  reply.proof = get<auth::Proof>(bytes, kReplyProofAt);
  reply.versions = get_versions(bytes, kReplyNewestAt, kReplyOldestAt);
  return reply;
}

// Without a checksum: the proof is one.
Result<ProofGiven> decode_proof(std::span<const std::byte> bytes) {
  MDFS_ASSERT(bytes.size() == kProofBytes);
  MDFS_CHECK(check_start(bytes, kProofMagic, "proof"));
  return ProofGiven{get_id<ClusterId>(bytes, kClusterAt), get<auth::Proof>(bytes, kGivenProofAt)};
}

Result<Confirmation> decode_confirmation(std::span<const std::byte> bytes) {
  MDFS_ASSERT(bytes.size() == kConfirmationBytes);
  const auto value = get<std::uint8_t>(bytes, sizeof(kConfirmationMagic));
  if (std::memcmp(bytes.data(), kConfirmationMagic, sizeof(kConfirmationMagic)) != 0 || value > 1 ||
      bytes[kConfirmationBytes - 1] != std::byte{0}) {
    return Error{Errc::kProtocol, "not a confirmation of the control plane"};
  }
  return static_cast<Confirmation>(value);
}

}  // namespace minidfs::actors
