// A member's log on disk, with its vote: what Raft says must be durable. It stores what it is told;
// which entries those are is decided elsewhere. Segments of fixed size, written in advance and used
// again, so that an append is one write and one sync that change no metadata of the file system.
// Format and rules: docs/formats.md, "raft/".
//
// Owned by one thread (the log's). The directory belongs to this process alone. Errors name the
// file; after one of a function that writes, all functions that write return it again: a sync that
// failed must not be repeated as if nothing had happened, and the member has to stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "consensus/segments/background_job.hpp"
#include "consensus/segments/log_reading.hpp"
#include "consensus/segments/segment_maker.hpp"
#include "consensus/types.hpp"

namespace minidfs::consensus {

class SegmentedLog {
 public:
  struct Options {
    std::string directory;  // Exists.
    // Of files made from now on; a multiple of 8, and enough for an entry and two headers.
    std::uint64_t segment_bytes = 8ULL << 20;
    std::size_t spare_segments_max = 2;  // Unused ones that are kept.
    // When the newest segment is half full, and none is unused, another thread makes the next one.
    bool makes_ahead = false;
  };
  // What a new log begins with.
  struct Origin {
    MemberId member = 0;
    HardState hard_state;
    Position before;          // Its first entry follows this one.
    StoredMembers members{};  // In force there, if any are.
  };

  // Whether the directory has a log; what an interrupted create() left is none. kCorrupt when
  // entries are there and the rest is missing.
  static Result<bool> exists(const std::string& directory);
  // Makes one. A crash leaves none or the whole. REQUIRES: none exists.
  static Status create(const Options& options, const Origin& origin);
  // Reads and checks the whole log, and cuts off what a crash left unfinished. All that the log
  // then has is durable, whatever it was before. `applied` is the last entry that the database
  // holds: the log must reach it, and begin no later. kCorrupt for a damaged log, or one that does
  // not fit, kUnsupported for a newer one; these stay as they are.
  static Result<std::unique_ptr<SegmentedLog>> open(Options options, Index applied);
  // The same as begin_again(), of a log that does not fit to a database which was replaced.
  static Status begin_again(const Options& options, Position before, StoredMembers members);

  MemberId member() const { return state_.content().member; }
  HardState hard_state() const { return state_.content().hard_state; }
  // The last members entry that may have been dropped.
  const StoredMembers& members() const { return state_.content().members; }

  // The log has the entries before().index + 1 to last().index; these are equal when it has none.
  Position before() const { return segments_.front()->header().before; }
  Position last() const { return segments_.back()->last(); }
  // Durable up to here: by the last sync().
  Position synced() const { return synced_; }
  // What was known to be committed when open() found the log, as far as its entries say.
  Index committed() const { return committed_; }
  // Of all entries, from the first to the last.
  std::vector<EntryInfo> infos() const;
  std::uint64_t bytes() const;  // What the entries take of the files.

  // Adds entries at the end, in one write for each segment that they touch. They may be read at
  // once; durable they are after sync(). `committed` is the highest index now known to be
  // committed. REQUIRES: indexes follow last().index, terms do not descend, payloads have at most
  // kPayloadMaxBytes.
  Status append(std::span<const Entry> entries, Index committed);
  // One fdatasync for all that was appended since the last one; none when nothing was.
  Status sync();
  // The same on another thread, where `ended` is called behind it; its end has to be taken. What is
  // appended meanwhile, the next one makes durable; whoever else needs the disk waits for this one,
  // and takes its end. REQUIRES: !is_syncing().
  Status begin_sync(std::function<void()> ended);
  // One was begun, and its end is not taken.
  bool is_syncing() const { return syncing_.has_value(); }
  // Takes the end of the one that was begun, if it has ended.
  Status end_sync();
  // Removes the entries from `index` on; durable on return, and with it all that is left.
  // REQUIRES: max(before().index, committed()) < index <= last().index, and nothing that was said
  // to be committed is among them.
  Status cut_from(Index index);
  // Entries below `index` are not needed any more. Whole segments are given up, so before() may
  // stay below it; members() are then those of the last members entry among them.
  // REQUIRES: index <= last().index + 1.
  Status drop_before(Index index);
  // Drops all entries: the log goes on behind `before`, where `members` are in force. Durable on
  // return; a crash leaves the old log, or the new one with the new members or the old ones.
  Status begin_again(Position before, StoredMembers members);
  // The first entry of as many whole segments at the end as take `bytes_max` of the disk, at least
  // one.
  Index first_of_last(std::uint64_t bytes_max) const;
  // From `from` on as many entries as take `bytes_max` of the files, at least one. kCorrupt when
  // the disk gives other bytes than were written. REQUIRES: before().index < from <= last().index.
  Result<std::vector<Entry>> read(Index from, std::size_t bytes_max) const;

  // Durable on return.
  Status store_hard_state(const HardState& hard_state);
  // Before the process stops in order: from now on a log that ends earlier is a damaged one.
  Status store_floor();

 private:
  SegmentedLog(Options options, FoundLog found);

  // Runs `step`, unless one has failed; remembers the first failure.
  template <class Step>
  Status guarded(Step step);
  Status settle();
  Status append_entries(std::span<const Entry> entries, Index committed);
  Status cut(Index index);
  Status drop(std::size_t count);
  Status restart(Position before, StoredMembers members);
  Status sync_newest();
  Status await_sync();
  Status take_sync(const Status& end);
  // Makes a segment the newest one that follows `before`, or begins the log there.
  Status begin_segment(SegmentHeader header);
  Status begin_successor();
  Result<std::unique_ptr<Segment>> new_segment(const SegmentHeader& header);
  SegmentName next_name();
  void make_ahead();
  Status store(StateContent content);
  void release(std::unique_ptr<Segment> segment);
  Status remove_spares();
  // REQUIRES: before().index < index <= last().index.
  std::size_t segment_of(Index index) const;

  const Options options_;
  LogState state_;
  std::vector<std::unique_ptr<Segment>> segments_;  // In the order of the log; never empty.
  std::vector<std::unique_ptr<Segment>> spares_;    // By sequence.
  std::uint32_t highest_number_;                    // Of all files that were made.
  const bool end_is_taken_;                         // Of what open() found: see FoundLog.
  Position synced_;
  Index committed_ = 0;
  std::optional<Error> failure_;
  std::unique_ptr<SegmentMaker> maker_;  // Once one was made ahead.
  std::optional<Position> syncing_;      // Will be durable by the sync that was begun.
  // Once one was begun. Ends before the segments do.
  std::unique_ptr<BackgroundJob<Status>> background_;
};

}  // namespace minidfs::consensus
