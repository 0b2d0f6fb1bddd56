#include "consensus/segments/log_reading.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace minidfs::consensus {
namespace {

using Segments = std::vector<std::unique_ptr<Segment>>;

Index first_index(const Segment& segment) { return segment.header().before.index + 1; }

// All of a directory, by sequence.
Result<Segments> open_segments(const std::vector<SegmentName>& names) {
  Segments segments;
  for (const auto& name : names) {
    auto segment = Segment::open(name);
    if (!segment.ok() && segment.error().code == Errc::kCorrupt)
      return damaged_log(segment.error());
    if (!segment.ok()) return std::move(segment).error();
    segments.push_back(std::move(segment).value());
  }
  std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
    return a->header().sequence < b->header().sequence;
  });
  for (std::size_t i = 1; i < segments.size(); ++i) {
    if (segments[i]->header().sequence != segments[i - 1]->header().sequence) continue;
    return damaged_log(segments[i]->path(), "is a copy of " + segments[i - 1]->path());
  }
  return segments;
}

// Splits what is sorted by sequence. From the newest segment back: what it supersedes is unused,
// and so is all before a segment with which the log begins.
void split(Segments segments, FoundLog& log) {
  log.live.push_back(std::move(segments.back()));
  segments.pop_back();
  for (; !segments.empty(); segments.pop_back()) {
    const auto& successor = *log.live.back();
    const bool superseded = first_index(*segments.back()) >= first_index(successor);
    auto& place = superseded || successor.header().begins ? log.unused : log.live;
    place.push_back(std::move(segments.back()));
  }
  std::reverse(log.live.begin(), log.live.end());
  std::reverse(log.unused.begin(), log.unused.end());
}

// All that `segment` holds of the log was durable before its successor was begun.
Status check_link(Segment& segment, const Segment& successor) {
  const auto& before = successor.header().before;
  if (segment.last().index < before.index) {
    return damaged_log(segment.path(),
                       "damaged at offset " + std::to_string(segment.end_offset()) +
                           ", where entry " + std::to_string(segment.last().index + 1) +
                           " stood; the entries up to " + std::to_string(before.index) +
                           " were synced, and " + successor.path() + " goes on behind them");
  }
  MDFS_TRY(const auto sum, segment.sum_of(before.index));
  if (segment.position_of(before.index) != before || sum != successor.header().before_sum) {
    return damaged_log(successor.path(), "does not follow entry " + std::to_string(before.index) +
                                             " of " + segment.path());
  }
  segment.cut_behind(before, sum);
  return {};
}

// The last entry may be followed by the rest of a write that nobody was told of.
Status judge_end(const Segment& newest, const std::optional<Beyond>& beyond,
                 const StateContent& state) {
  const auto end = newest.last().index;
  const auto damaged_at = "damaged at offset " + std::to_string(newest.end_offset()) +
                          ", where entry " + std::to_string(end + 1) + " stood; ";
  if (beyond && beyond->held > end) {
    return damaged_log(newest.path(), damaged_at + "an entry at offset " +
                                          std::to_string(beyond->offset) +
                                          " or later says that those up to " +
                                          std::to_string(beyond->held) + " were synced");
  }
  if (state.newest == newest.header().sequence && state.floor > end) {
    return damaged_log(newest.path(), damaged_at + "the entries up to " +
                                          std::to_string(state.floor) + " were synced");
  }
  return {};
}

Status load_entries(FoundLog& log) {
  for (std::size_t i = 0; i < log.live.size(); ++i) {
    auto& segment = *log.live[i];
    MDFS_TRY(const auto beyond, segment.load());
    if (i + 1 < log.live.size()) {
      MDFS_CHECK(check_link(segment, *log.live[i + 1]));
    } else {
      MDFS_CHECK(judge_end(segment, beyond, log.state.content()));
      log.end_is_taken = beyond.has_value();
    }
  }
  return {};
}

// The database holds what the log says up to `applied`, and is to be given the rest.
Status check_fit(const FoundLog& log, const std::string& directory, Index applied) {
  const auto last = log.live.back()->last().index;
  const auto before = log.live.front()->header().before.index;
  if (before <= applied && applied <= last) return {};
  const auto what =
      last < applied ? "the log is behind its database: its last entry is " + std::to_string(last)
                     : "the database is older than the log, which starts after entry " +
                           std::to_string(before);
  return Error{
      Errc::kCorrupt,
      directory + ": " + what + ", the database holds those up to " + std::to_string(applied) +
          "; restore both from one backup (the log was lost, damaged or belongs to another "
          "database), nothing was changed"};
}

}  // namespace

Result<FoundLog> read_log(const std::string& directory, std::optional<Index> applied) {
  MDFS_TRY(auto state, LogState::open(directory));
  MDFS_TRY(const auto names, list_segments(directory));
  MDFS_TRY(auto segments, open_segments(names));
  const auto newest = state.content().newest;
  if (segments.empty() || segments.back()->header().sequence < newest) {
    return damaged_log(directory,
                       "the newest segment is missing: its sequence is " + std::to_string(newest));
  }
  FoundLog log{std::move(state), {}, {}, names.back().number, false};
  split(std::move(segments), log);
  MDFS_CHECK(load_entries(log));
  if (applied) MDFS_CHECK(check_fit(log, directory, *applied));
  return log;
}

// A log is made in this order: its only segment, then `state`.
Result<bool> find_log(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(LogState::path_in(directory), error)) return true;
  if (error) return errno_error(error.value(), LogState::path_in(directory));
  MDFS_TRY(const auto names, list_segments(directory));
  if (names.empty()) return false;
  const auto missing =
      damaged_log(LogState::path_in(directory), "missing, although there are segments");
  if (names.size() > 1) return missing;
  MDFS_TRY(auto segments, open_segments(names));
  auto& only = *segments.front();
  MDFS_TRY(const auto beyond, only.load());
  if (only.header().sequence != 1 || !only.empty() || beyond) return missing;
  return false;
}

}  // namespace minidfs::consensus
