#include "consensus/segments/record_scan.hpp"

#include <algorithm>

namespace minidfs::consensus {

RecordScan scan_records(std::string_view bytes, const ScanStart& start) {
  RecordScan scan;
  scan.last = start.before;
  scan.last_sum = start.before_sum;
  for (;;) {
    const auto record = decode_record(bytes, scan.end, start.incarnation);
    if (!record || record->link.before_sum != scan.last_sum ||
        record->position.index != scan.last.index + 1 || record->position.term < scan.last.term) {
      return scan;
    }
    scan.places.push_back({static_cast<std::uint32_t>(scan.end),
                           static_cast<std::uint32_t>(record->payload.size()), record->kind});
    if (scan.terms.empty() || scan.terms.back().term != record->position.term) {
      scan.terms.push_back({record->position.index, record->position.term});
    }
    scan.last = record->position;
    scan.last_sum = record->sum;
    scan.committed = std::max(scan.committed, record->marks.committed);
    scan.synced = std::max(scan.synced, record->marks.synced);
    scan.end += record->bytes();
  }
}

std::optional<Beyond> look_beyond(std::string_view bytes, std::size_t end,
                                  std::uint64_t incarnation) {
  std::optional<Beyond> beyond;
  // Entries begin at multiples of eight.
  for (std::size_t offset = end; offset + kRecordHeaderBytes <= bytes.size();) {
    const auto record = decode_record(bytes, offset, incarnation);
    if (!record) {
      offset += 8;
      continue;
    }
    if (!beyond) beyond = Beyond{offset, 0};
    beyond->held = std::max(beyond->held, record->marks.synced);
    offset += record->bytes();
  }
  return beyond;
}

}  // namespace minidfs::consensus
