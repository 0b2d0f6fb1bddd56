// Running writers and the blocks they were given; the collection of blocks nobody owns; the supply
// of block ids; safe mode. Soft state of the leading namenode: a client's heartbeats tell a new
// leader what it needs to know. Pure: time comes as an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/block_map.hpp"
#include "metadata/block_range.hpp"
#include "metadata/block_types.hpp"

namespace minidfs::metadata {

struct SessionIdTag;
using SessionId = Id64<SessionIdTag>;

// Hands out block ids from ranges that were reserved through the log.
class BlockIdAllocator {
 public:
  struct Options {
    std::uint64_t range_count = 65'536;          // Ids to reserve at a time.
    std::uint64_t low_watermark_count = 16'384;  // With fewer left another range is reserved ahead.
  };
  BlockIdAllocator() : BlockIdAllocator(Options{}) {}
  explicit BlockIdAllocator(Options options) : options_(options) {}

  // The number of ids to reserve now, or 0. After a non-zero answer it is 0 until add_range() or
  // reservation_failed() is called.
  std::uint64_t take_reservation();
  void add_range(BlockRange range);
  void reservation_failed() { reserving_ = false; }

  // `count` ids in as few ranges as possible. kUnavailable (retry after add_range()) when fewer are
  // left; nothing is handed out then.
  Result<std::vector<BlockRange>> allocate(std::uint64_t count);
  std::uint64_t remaining() const;
  // Forgets all ranges: leadership was lost.
  void clear();

 private:
  Options options_;
  std::deque<BlockRange> ranges_;
  std::uint64_t wanted_count_ = 0;  // By allocations that failed since the last range.
  bool reserving_ = false;
};

class WriteSessions {
 public:
  struct Options {
    std::chrono::milliseconds grace{60'000};  // Without renewal a session lives for so long.
    std::size_t sessions_max = 100'000;
    std::size_t ranges_max = 65'536;           // Of one session, after joining neighbours.
    std::uint64_t range_count_max = 1U << 20;  // Block ids of one range that a client claims.
  };
  // `first_id`: sessions are numbered from here; the shell picks a random start, so that ids of an
  // earlier process are not given again.
  explicit WriteSessions(SessionId first_id) : WriteSessions(first_id, Options{}) {}
  WriteSessions(SessionId first_id, Options options) : options_(options), next_id_(first_id) {}

  // kTooLarge with too many sessions.
  Result<SessionId> open(ClientId client, TimePoint now);
  // Blocks handed to the writer. kExpired for an unknown session.
  Status allocated(SessionId session, std::span<const BlockRange> ranges, TimePoint now);
  // A heartbeat of the writer. A session this process does not know is taken over with the ranges
  // that the renewal carries. Errors: kInvalidArgument (a none id, an absurd range), kTooLarge,
  // kPermissionDenied (the session is another client's).
  Status renew(SessionId session, ClientId client, std::span<const BlockRange> ranges,
               TimePoint now);
  // The writer is done or gives up; what it did not commit may be collected after the grace period.
  void close(SessionId session);
  // Drops sessions without renewal for the grace period; in order of id.
  std::vector<SessionId> expire(TimePoint now);

  bool is_open(SessionId session) const { return sessions_.contains(session); }
  bool is_protected(BlockId block, TimePoint now) const;
  // The latest renewal of a session that covers the block.
  std::optional<TimePoint> last_renewal(BlockId block) const;
  std::size_t size() const { return sessions_.size(); }
  const Options& options() const { return options_; }

 private:
  struct Session {
    ClientId client;
    TimePoint renewed{};
    absl::btree_map<BlockId, std::uint64_t> ranges;  // First id to count; disjoint.
  };
  Status add_ranges(Session& session, std::span<const BlockRange> ranges) const;

  Options options_;
  SessionId next_id_;
  absl::btree_map<SessionId, Session> sessions_;
};

// Finds replicas to delete among the blocks nobody owns.
class OrphanCollector {
 public:
  struct Options {
    std::chrono::milliseconds grace{300'000};        // Since first seen or last protected.
    std::chrono::milliseconds repeat_after{30'000};  // An unconfirmed deletion is sent again.
    std::size_t deletes_max = 4'096;                 // In one round.
  };
  OrphanCollector() : OrphanCollector(Options{}) {}
  explicit OrphanCollector(Options options) : options_(options) {}

  struct Situation {
    bool safe_mode = true;
    bool all_live_reported = false;
  };
  // The deletions to send now, by block. The caller marks none of them itself: the replicas are
  // marked kDeleting in `map`. Nothing in safe mode or before all live nodes have reported.
  std::vector<ReplicaDelete> collect(BlockMap& map, const WriteSessions& sessions,
                                     const Situation& situation, TimePoint now);
  std::size_t tracked() const { return tracked_.size(); }

 private:
  void follow(const BlockMap& map, const WriteSessions& sessions, TimePoint now);

  Options options_;
  absl::btree_map<BlockId, TimePoint> tracked_;  // When the block's replicas may be deleted.
};

class SafeMode {
 public:
  struct Options {
    double threshold = 0.999;  // Share of the blocks that must have a live replica.
  };
  SafeMode() : SafeMode(Options{}) {}
  explicit SafeMode(Options options) : options_(options) {}

  // Tells the counts; leaves the safe mode of the start when enough blocks are there. Returns
  // whether it was left by this call.
  bool update(std::uint64_t total_blocks, std::uint64_t blocks_with_replica);
  void enter();  // By hand; stays until leave().
  void leave();  // By hand; ends either kind.

  bool on() const { return on_; }
  bool manual() const { return manual_; }
  // One sentence for users; empty when off.
  std::string reason() const;
  // Blocks that still need a replica before the safe mode of the start ends.
  std::uint64_t blocks_awaited() const;

 private:
  Options options_;
  bool on_ = true;
  bool manual_ = false;
  std::uint64_t total_blocks_ = 0;
  std::uint64_t blocks_with_replica_ = 0;
};

}  // namespace minidfs::metadata
