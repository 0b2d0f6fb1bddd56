// Entries of the replicated log, libraft's segment files, and the changes in them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "consensus/libraft/envelope.hpp"
#include "consensus/libraft/segment_file.hpp"
#include "metadata/changes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(minidfs::consensus::decode_entry(bytes, "fuzz"));
  static_cast<void>(minidfs::consensus::decode_snapshot(bytes, "fuzz"));
  const auto scan = minidfs::consensus::scan_segment(bytes, "fuzz");
  if (scan.ok()) {
    minidfs::consensus::scan_beyond(bytes, scan->end,
                                    [](const minidfs::consensus::StoredEntry&) {});
  }
  // What decodes encodes to the same bytes.
  const auto entry = minidfs::metadata::decode_entry(bytes);
  if (entry.ok() && minidfs::metadata::encode_change(entry->change, entry->cluster_ms) != bytes) {
    __builtin_trap();
  }
  return 0;
}
