#include "actors/admission_format.hpp"

#include <algorithm>
#include <cstring>

#include "base/checksum.hpp"

namespace minidfs::actors {
namespace {

constexpr char kHelloMagic[8] = {'M', 'D', 'F', 'S', 'C', 'T', 'L', '\0'};
constexpr char kReplyMagic[8] = {'M', 'D', 'F', 'S', 'R', 'P', 'L', '\0'};
constexpr char kConfirmationMagic[6] = {'M', 'D', 'F', 'S', 'G', 'O'};

// Offsets within hello and reply. The first 16 bytes keep their meaning in every version.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kKindAt = 10;  // The hello's role; the reply's code, 0 when accepted.
constexpr std::size_t kTextSizeAt = 12;
constexpr std::size_t kClusterAt = 16;
constexpr std::size_t kProcessAt = 32;
// Bytes 48..119 are zero: room for authentication.
constexpr std::size_t kHelloChecksumAt = 120;
constexpr std::size_t kTextAt = 120;
constexpr std::size_t kReplyChecksumAt = kTextAt + kReplyTextBytesMax;
static_assert(kHelloChecksumAt + sizeof(Checksum) == kHelloBytes);
static_assert(kReplyChecksumAt + sizeof(Checksum) == kReplyBytes);

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

template <class Tag>
void put_id(std::span<std::byte> frame, std::size_t at, const Id128<Tag>& id) {
  put(frame, at, id.high);
  put(frame, at + 8, id.low);
}

template <class Id>
Id get_id(std::span<const std::byte> frame, std::size_t at) {
  return Id{get<std::uint64_t>(frame, at), get<std::uint64_t>(frame, at + 8)};
}

// Magic first, then version, then checksum: another version may keep its checksum elsewhere.
Status check_frame(std::span<const std::byte> frame, const char (&magic)[8],
                   std::size_t checksum_at, const char* what) {
  if (std::memcmp(frame.data(), magic, sizeof(magic)) != 0) {
    return Error{Errc::kProtocol, std::string("not a ") + what + " of the control plane"};
  }
  if (const auto version = get<std::uint16_t>(frame, kVersionAt); version != kAdmissionVersion) {
    return Error{Errc::kUnsupported, std::string("control protocol version ") +
                                         std::to_string(version) + " of the peer's " + what +
                                         ", here version " + std::to_string(kAdmissionVersion)};
  }
  if (get<Checksum>(frame, checksum_at) != checksum(frame.first(checksum_at))) {
    return Error{Errc::kProtocol, std::string("wrong checksum of the ") + what};
  }
  return {};
}

}  // namespace

std::array<std::byte, kHelloBytes> encode_hello(const Hello& hello) {
  std::array<std::byte, kHelloBytes> frame{};
  put(frame, 0, kHelloMagic);
  put(frame, kVersionAt, kAdmissionVersion);
  put(frame, kKindAt, hello.role);
  put_id(frame, kClusterAt, hello.cluster);
  put_id(frame, kProcessAt, hello.process);
  put(frame, kHelloChecksumAt, checksum(std::span<const std::byte>(frame).first(kHelloChecksumAt)));
  return frame;
}

std::array<std::byte, kReplyBytes> encode_reply(const Reply& reply) {
  std::array<std::byte, kReplyBytes> frame{};
  put(frame, 0, kReplyMagic);
  put(frame, kVersionAt, kAdmissionVersion);
  put(frame, kKindAt, reply.accepted ? std::uint8_t{0} : static_cast<std::uint8_t>(reply.code));
  const auto text_size = std::min(reply.text.size(), kReplyTextBytesMax);
  put(frame, kTextSizeAt, static_cast<std::uint16_t>(text_size));
  put_id(frame, kClusterAt, reply.cluster);
  put_id(frame, kProcessAt, reply.process);
  std::memcpy(frame.data() + kTextAt, reply.text.data(), text_size);
  put(frame, kReplyChecksumAt, checksum(std::span<const std::byte>(frame).first(kReplyChecksumAt)));
  return frame;
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
  if (role < static_cast<std::uint8_t>(ControlRole::kClient) ||
      role > static_cast<std::uint8_t>(ControlRole::kNamenode)) {
    return Error{Errc::kProtocol, "unknown role " + std::to_string(role) + " in the hello"};
  }
  return Hello{static_cast<ControlRole>(role), get_id<ClusterId>(bytes, kClusterAt),
               get_id<ProcessId>(bytes, kProcessAt)};
}

Result<Reply> decode_reply(std::span<const std::byte> bytes) {
  MDFS_ASSERT(bytes.size() == kReplyBytes);
  MDFS_CHECK(check_frame(bytes, kReplyMagic, kReplyChecksumAt, "reply"));
  const auto code = get<std::uint8_t>(bytes, kKindAt);
  const auto text_size = get<std::uint16_t>(bytes, kTextSizeAt);
  if ((code != 0 && !is_errc(code)) || text_size > kReplyTextBytesMax) {
    return Error{Errc::kProtocol, "a reply with code " + std::to_string(code) + " and a text of " +
                                      std::to_string(text_size) + " bytes"};
  }
  Reply reply;
  reply.accepted = code == 0;
  if (!reply.accepted) reply.code = static_cast<Errc>(code);
  reply.text.assign(reinterpret_cast<const char*>(bytes.data()) + kTextAt, text_size);
  reply.cluster = get_id<ClusterId>(bytes, kClusterAt);
  reply.process = get_id<ProcessId>(bytes, kProcessAt);
  return reply;
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
