// The three fixed-size frames that open every control connection: hello, reply and confirmation.
// Pure encoding and checking; layouts and widths stand in docs/formats.md, "Control plane".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

struct ProcessIdTag;
// Chosen at random by each process that takes part in the control plane; also its CAF node id, so
// that no two processes are ever taken for one, whatever their process numbers and MAC addresses.
using ProcessId = Id128<ProcessIdTag>;

inline constexpr std::uint16_t kAdmissionVersion = 1;
inline constexpr std::size_t kHelloBytes = 128;
inline constexpr std::size_t kReplyBytes = 384;
inline constexpr std::size_t kConfirmationBytes = 8;
inline constexpr std::size_t kReplyTextBytesMax = 256;

// What the connecting process is. On the wire: do not renumber.
enum class ControlRole : std::uint8_t { kClient = 1, kDatanode = 2, kNamenode = 3 };

struct Hello {
  ControlRole role = ControlRole::kClient;
  ClusterId cluster;  // None: any cluster will do.
  ProcessId process;
};

struct Reply {
  bool accepted = false;
  Errc code = Errc::kInternal;  // Why it was refused; without meaning when accepted.
  std::string text;             // The reason in words; cut at kReplyTextBytesMax bytes.
  ClusterId cluster;
  ProcessId process;
};

// The connecting side's last word before the connection becomes CAF's.
enum class Confirmation : std::uint8_t {
  kAdd = 0,      // Leave other connections between the two processes alone.
  kReplace = 1,  // This is the only one; what the server still holds from before is dead.
};

std::array<std::byte, kHelloBytes> encode_hello(const Hello& hello);
std::array<std::byte, kReplyBytes> encode_reply(const Reply& reply);
std::array<std::byte, kConfirmationBytes> encode_confirmation(Confirmation confirmation);

// True when `bytes`, the first of a connection, may still become a hello. Lets a listener close on
// greetings of other protocols at the first byte that differs.
bool may_be_hello(std::span<const std::byte> bytes);

// kProtocol for bytes that are no hello, kUnsupported for a hello of another version.
// REQUIRES of all three: the span has the frame's full size.
Result<Hello> decode_hello(std::span<const std::byte> bytes);
Result<Reply> decode_reply(std::span<const std::byte> bytes);
Result<Confirmation> decode_confirmation(std::span<const std::byte> bytes);

}  // namespace minidfs::actors
