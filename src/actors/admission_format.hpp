// The fixed-size frames that open every control connection: hello, reply, proof and confirmation.
// Pure encoding and checking; layouts and widths stand in docs/formats.md, "Control plane". What is
// proven by them is the affair of admission_proof.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "auth/credentials.hpp"
#include "auth/proof.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "consensus/types.hpp"

namespace minidfs::actors {

struct ProcessIdTag;
// Chosen at random by each process that takes part in the control plane; also its CAF node id, so
// that no two processes are ever taken for one, whatever their process numbers and MAC addresses.
using ProcessId = Id128<ProcessIdTag>;

inline constexpr std::uint16_t kAdmissionVersion = 2;
inline constexpr std::size_t kHelloBytes = 128;
inline constexpr std::size_t kReplyBytes = 384;
inline constexpr std::size_t kProofBytes = 64;
inline constexpr std::size_t kConfirmationBytes = 8;
inline constexpr std::size_t kReplyTextBytesMax = 256;

using HelloFrame = std::array<std::byte, kHelloBytes>;
using ReplyFrame = std::array<std::byte, kReplyBytes>;
using ProofFrame = std::array<std::byte, kProofBytes>;

struct Hello {
  auth::Role role = auth::Role::kClient;
  ClusterId cluster;  // None: any cluster will do, or it is told with the proof.
  ProcessId process;
  auth::Method method = auth::Method::kNone;
  auth::KeyId key{};    // Of kSecret: by what it will prove.
  auth::Nonce nonce{};  // Likewise.
  // Of a namenode that is a member of the log, and of the one that it means to reach; else 0.
  consensus::MemberId member = 0;
  consensus::MemberId wanted = 0;
  InterfaceVersions versions = own_versions();

  // As one of the log's members, not as one that has yet to join.
  bool comes_as_member() const { return role == auth::Role::kNamenode && member != 0; }
};

struct Reply {
  bool accepted = false;
  Errc code = Errc::kInternal;  // Why it was refused; without meaning when accepted.
  std::string text;             // The reason in words; cut at kReplyTextBytesMax bytes.
  ClusterId cluster;
  ProcessId process;
  bool asks_proof = false;       // Neither accepted nor refused yet.
  auth::Nonce nonce{};           // With it.
  auth::Proof proof{};           // The listening side's.
  InterfaceVersions versions{};  // With `accepted`.
};

// The connecting side's answer to a reply that asks for it.
struct ProofGiven {
  ClusterId cluster;  // As in Hello, which did not tell it.
  auth::Proof proof;  // None: this side does not believe that the other one knows the secret.
};

// The connecting side's last word before the connection becomes CAF's.
enum class Confirmation : std::uint8_t {
  kAdd = 0,      // Leave other connections between the two processes alone.
  kReplace = 1,  // This is the only one; what the server still holds from before is dead.
};

HelloFrame encode_hello(const Hello& hello);
ReplyFrame encode_reply(const Reply& reply);
ProofFrame encode_proof(const ProofGiven& given);
std::array<std::byte, kConfirmationBytes> encode_confirmation(Confirmation confirmation);

// What a proof is about: the frame up to its proof, or to its checksum with zeros for its proof.
std::span<const std::byte> proven_part(const ProofFrame& frame);
ReplyFrame proven_part(const ReplyFrame& frame);

// True when `bytes`, the first of a connection, may still become a hello. Lets a listener close on
// greetings of other protocols at the first byte that differs.
bool may_be_hello(std::span<const std::byte> bytes);

// kProtocol for bytes that are no such frame, kUnsupported for one of another version.
// REQUIRES of all: the span has the frame's full size.
Result<Hello> decode_hello(std::span<const std::byte> bytes);
Result<Reply> decode_reply(std::span<const std::byte> bytes);
Result<ProofGiven> decode_proof(std::span<const std::byte> bytes);
Result<Confirmation> decode_confirmation(std::span<const std::byte> bytes);

}  // namespace minidfs::actors
