// The frames of the data plane.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "transfer/wire.hpp"

using namespace minidfs::transfer;

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
  static_cast<void>(parse_wire_status(control));
  static_cast<void>(parse_open_pipeline(control));
  static_cast<void>(parse_begin_block(control));
  static_cast<void>(parse_end_block(control));
  static_cast<void>(parse_ack_block(control));
  static_cast<void>(parse_target_lost(control));
  static_cast<void>(parse_read_block(control));
  static_cast<void>(parse_read_begins(control));
  static_cast<void>(parse_corrupt_slice(control));
  Frame slices;
  slices.control = control;
  slices.type = FrameType::kWriteSlices;
  slices.data_bytes = size * 1000;
  static_cast<void>(parse_slices(slices));
  return 0;
}
