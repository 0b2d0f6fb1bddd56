// What comes over the control port before and after the admission.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "actors/admission_format.hpp"
#include "actors/basp_guard.hpp"

using namespace minidfs::actors;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  // Frames of a fixed size, which their readers wait for.
  if (size >= kHelloBytes) static_cast<void>(decode_hello(bytes.first(kHelloBytes)));
  if (size >= kReplyBytes) static_cast<void>(decode_reply(bytes.first(kReplyBytes)));
  if (size >= kConfirmationBytes) {
    static_cast<void>(decode_confirmation(bytes.first(kConfirmationBytes)));
  }
  for (const auto side : {BaspGuard::Side::kListening, BaspGuard::Side::kConnecting}) {
    BaspGuard guard(side, BaspLimits{}, std::make_shared<FrameMemory>(kFrameMemoryBytes), [] {});
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
