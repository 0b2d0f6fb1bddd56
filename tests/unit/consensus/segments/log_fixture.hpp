// What the tests of the segmented log share: small segments, entries that say who they are, and
// reading all of a log.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "consensus/segments/segmented_log.hpp"
#include "support/file_recorder.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::consensus::test {

using minidfs::test::CrashedDisk;
using minidfs::test::FileCall;
using minidfs::test::FileRecorder;
using minidfs::test::read_contents;
using minidfs::test::TemporaryDirectory;
using minidfs::test::write_contents;

constexpr MemberId kMember = 77;
// Room for a handful of entries between the headers.
constexpr std::uint64_t kSegmentBytes = 2 * kBlockBytes + 1024;

inline SegmentedLog::Options small_segments(const std::string& directory) {
  SegmentedLog::Options options;
  options.directory = directory;
  options.segment_bytes = kSegmentBytes;
  return options;
}

inline std::unique_ptr<SegmentedLog> open_segments(const SegmentedLog::Options& options,
                                                   Index applied = 0) {
  auto log = SegmentedLog::open(options, applied);
  if (!log.ok()) FAIL(log.error().message);
  return std::move(log).value();
}

inline std::unique_ptr<SegmentedLog> new_segments(const SegmentedLog::Options& options,
                                                  Position before = {}) {
  SegmentedLog::Origin origin;
  origin.member = kMember;
  origin.before = before;
  origin.hard_state.term = before.term;
  const auto status = SegmentedLog::create(options, origin);
  if (!status.ok()) FAIL(status.error().message);
  return open_segments(options, before.index);
}

inline Entry entry_at(Index index, Term term, std::size_t payload_bytes = 40) {
  std::string payload = std::to_string(index) + " of term " + std::to_string(term) + " ";
  payload.resize(std::max(payload.size(), payload_bytes), 'x');
  return {index, term, EntryKind::kCommand, std::move(payload)};
}

// `count` entries behind the last one.
inline std::vector<Entry> next_entries(const SegmentedLog& log, Term term, Index count,
                                       std::size_t payload_bytes = 40) {
  std::vector<Entry> entries;
  for (Index i = 1; i <= count; ++i) {
    entries.push_back(entry_at(log.last().index + i, term, payload_bytes));
  }
  return entries;
}

inline void append_synced(SegmentedLog& log, Term term, Index count,
                          std::size_t payload_bytes = 40) {
  REQUIRE(log.append(next_entries(log, term, count, payload_bytes), log.synced().index).ok());
  REQUIRE(log.sync().ok());
}

inline std::vector<Entry> all_entries(const SegmentedLog& log) {
  if (log.last().index == log.before().index) return {};
  auto entries = log.read(log.before().index + 1, ~std::size_t{0});
  if (!entries.ok()) FAIL(entries.error().message);
  REQUIRE(entries->back().index == log.last().index);
  return std::move(entries).value();
}

}  // namespace minidfs::consensus::test
