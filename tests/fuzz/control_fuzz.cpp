// What comes over the control port before and after the admission.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "actors/admission_format.hpp"
#include "actors/admission_proof.hpp"
#include "actors/basp_guard.hpp"
#include "auth/secret_file.hpp"
#include "fuzz/secrets.hpp"

using namespace minidfs::actors;

namespace {

// A hello and a proof, as a listener takes them.
void talk_to_listener(std::span<const std::byte> bytes, const minidfs::auth::CredentialsPtr& own) {
  ListenerProof listener(own);
  if (bytes.size() < kHelloBytes + kProofBytes) return;
  const auto hello = decode_hello(bytes.first(kHelloBytes));
  if (!hello.ok()) return;
  const auto challenge = listener.on_hello(bytes.first(kHelloBytes), *hello);
  if (!challenge.ok() || !challenge->has_value()) return;
  // Nobody but us knows this secret.
  if (listener.on_proof(bytes.subspan(kHelloBytes, kProofBytes)).ok()) __builtin_trap();
}

// Two replies, as a dialer takes them.
void talk_to_dialer(std::span<const std::byte> bytes, const minidfs::auth::CredentialsPtr& own) {
  DialerProof dialer(own);
  static_cast<void>(dialer.begin({}));
  for (; bytes.size() >= kReplyBytes; bytes = bytes.subspan(kReplyBytes)) {
    const auto next = dialer.on_reply(bytes.first(kReplyBytes));
    if (!next.ok() || !next->belief.ok()) return;
    if (own && (next->reply.accepted || next->answer)) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  // Frames of a fixed size, which their readers wait for.
  if (size >= kHelloBytes) static_cast<void>(decode_hello(bytes.first(kHelloBytes)));
  if (size >= kReplyBytes) static_cast<void>(decode_reply(bytes.first(kReplyBytes)));
  if (size >= kProofBytes) static_cast<void>(decode_proof(bytes.first(kProofBytes)));
  if (size >= kConfirmationBytes) {
    static_cast<void>(decode_confirmation(bytes.first(kConfirmationBytes)));
  }
  for (const auto& own : {minidfs::auth::CredentialsPtr(), minidfs::fuzz::secret()}) {
    talk_to_listener(bytes, own);
    talk_to_dialer(bytes, own);
  }
  if (size < 4096) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(minidfs::auth::parse_credentials(text, "file"));
  }
  for (const auto side : {BaspGuard::Side::kListening, BaspGuard::Side::kConnecting}) {
    BaspGuard guard(side, ProcessId{}, BaspLimits{},
                    std::make_shared<FrameMemory>(kFrameMemoryBytes), [] {});
    std::span chars(reinterpret_cast<const char*>(data), size);
    // In uneven pieces, as a socket gives them and CAF takes them.
    std::array<char, 61> part{};
    for (std::size_t piece = 1; !chars.empty(); piece = piece * 3 % 61 + 1) {
      const auto room = guard.room();
      const auto count = std::min({piece, chars.size(), room.size()});
      if (count == 0) break;
      std::copy_n(chars.data(), count, room.data());
      chars = chars.subspan(count);
      if (!guard.received(count, {})) break;
      while (guard.ready()) guard.give(std::span(part).first(piece));
    }
  }
  return 0;
}
