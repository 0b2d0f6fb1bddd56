// The frames of the data plane.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fuzz/secrets.hpp"
#include "transfer/handshake.hpp"
#include "transfer/wire.hpp"

using namespace minidfs::transfer;

namespace {

// The next whole frame, taken off the front.
std::optional<Frame> take_frame(std::span<const std::byte>& bytes) {
  const auto parsed = parse_frame(bytes);
  if (!parsed.ok() || !parsed->has_value() || !(*parsed)->complete()) return std::nullopt;
  bytes = bytes.subspan((*parsed)->total_bytes());
  return **parsed;
}

void talk_to_server(std::span<const std::byte> bytes, const minidfs::auth::CredentialsPtr& own) {
  ServerHandshake server({1, 2}, {3, 4}, own);
  std::string out;
  while (const auto frame = take_frame(bytes)) {
    const auto next = server.on_frame(*frame, out);
    if (!next.ok()) return;
    if (*next != ServerHandshake::Next::kEnter) continue;
    // Nobody but us knows this secret.
    if (own) __builtin_trap();
    return server.welcome(out);
  }
}

void talk_to_client(std::span<const std::byte> bytes, const minidfs::auth::CredentialsPtr& own) {
  ClientHandshake client({1, 2}, minidfs::auth::Role::kClient, own);
  std::string out;
  if (!client.begin(out).ok()) return;
  while (const auto frame = take_frame(bytes)) {
    if (!client.on_frame(*frame, out).ok()) return;
    if (own) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto frame = parse_frame(bytes);
  if (frame.ok()) {
    static_cast<void>(wanted_bytes(bytes));
    if (frame->has_value()) static_cast<void>(parse_slices(**frame));
  }
  // What stands behind a right checksum, whoever made it.
  const std::string_view control(reinterpret_cast<const char*>(data), size);
  static_cast<void>(parse_hello(control));
  static_cast<void>(parse_welcome(control));
  static_cast<void>(parse_challenge(control));
  static_cast<void>(parse_proof(control));
  for (const auto& own : {minidfs::auth::CredentialsPtr(), minidfs::fuzz::secret()}) {
    talk_to_server(bytes, own);
    talk_to_client(bytes, own);
  }
  static_cast<void>(parse_wire_status(control));
  static_cast<void>(parse_open_pipeline(control));
  static_cast<void>(parse_begin_block(control));
  static_cast<void>(parse_end_block(control));
  static_cast<void>(parse_ack_block(control));
  static_cast<void>(parse_target_lost(control));
  static_cast<void>(parse_read_block(control));
  static_cast<void>(parse_read_begins(control));
  static_cast<void>(parse_corrupt_slice(control));
  static_cast<void>(parse_sum_block(control));
  static_cast<void>(parse_block_summed(control));
  Frame slices;
  slices.control = control;
  slices.type = FrameType::kWriteSlices;
  slices.data_bytes = size * 1000;
  static_cast<void>(parse_slices(slices));
  return 0;
}
