// Block reports and paths.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "metadata/block_report.hpp"
#include "metadata/path.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto chunk = minidfs::metadata::decode_report_chunk(bytes);
  if (chunk.ok()) {
    const auto again =
        minidfs::metadata::decode_report_chunk(minidfs::metadata::encode_report_chunk(*chunk));
    if (!again.ok() || !(*again == *chunk)) __builtin_trap();
  }
  static_cast<void>(minidfs::metadata::split_path(bytes));
  return 0;
}
