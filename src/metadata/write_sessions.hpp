// Running writers and the blocks they were given; the supply of block ids; safe mode. Soft state of
// the leading namenode: a client's heartbeats tell a new leader what it needs to know. Pure: time
// comes as an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "metadata/block_range.hpp"
#include "metadata/block_range_set.hpp"
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

// Which writer holds which block ids that no file owns yet. Every id is held by one session at
// most. The ids that a session still holds when it ends, by its owner or by silence, are dead: no
// session gets them again, and they are to be retired through the log before anything is deleted.
class WriteSessions {
 public:
  struct Options {
    std::chrono::milliseconds grace{60'000};  // Without renewal a session lives for so long.
    std::size_t sessions_max = 100'000;
    std::size_t ranges_max = 65'536;           // Of one session, after joining neighbours.
    std::uint64_t range_count_max = 1U << 20;  // Block ids of one range that a client claims.
    // Of all sessions together: what bounds the memory, whoever claims it.
    std::size_t ranges_total_max = 1U << 20;
    std::uint64_t ids_max = 1U << 24;          // Block ids of one session.
    std::size_t client_sessions_max = 10'000;  // Of one client: a gateway has many writers.
  };
  // `first_id`: sessions are numbered from here; the shell picks a random start, so that ids of an
  // earlier process are not given again.
  explicit WriteSessions(SessionId first_id) : WriteSessions(first_id, Options{}) {}
  WriteSessions(SessionId first_id, Options options) : options_(options), next_id_(first_id) {}

  // kTooLarge with too many sessions of the client, kBusy with too many of all.
  Result<SessionId> open(ClientId client, TimePoint now);
  // Blocks handed to the writer, or its heartbeat. A session this process does not know is taken
  // over with the ranges that the renewal carries. All ranges are taken or none. Errors: kExpired
  // (the session has ended here, or an id is dead), kInvalidArgument (a none id, an absurd range),
  // kTooLarge, kBusy, kPermissionDenied (the session is another client's, or an id another
  // session's).
  Status renew(SessionId session, ClientId client, std::span<const BlockRange> ranges,
               TimePoint now);
  // The writer is done or gives up. Returns what it still held, which is dead from now on; nothing
  // for a session that is not open. kPermissionDenied when the session is another client's.
  Result<std::vector<BlockRange>> end(SessionId session, ClientId client);
  // A file owns the block now.
  void release(BlockId block);
  // Nobody owns or holds the block, and its replicas are to go: dead from now on.
  void give_up(BlockId block);

  struct Ended {
    SessionId session;
    std::vector<BlockRange> ranges;  // Dead from now on.
  };
  // Ends sessions without renewal for the grace period; in order of their last renewal. Takes time
  // for those that end only.
  std::vector<Ended> expire(TimePoint now);

  bool is_open(SessionId session) const { return sessions_.contains(session); }
  // The session that holds the block.
  std::optional<SessionId> holder(BlockId block) const;
  bool is_protected(BlockId block, TimePoint now) const;
  // The latest renewal of the session that holds the block.
  std::optional<TimePoint> last_renewal(BlockId block) const;

  // Ids of ended sessions and such as were given up, as far as they are remembered here: it is the
  // namespace that refuses them for good.
  bool is_dead(BlockId block) const { return dead_.contains(block); }

  std::size_t size() const { return sessions_.size(); }
  std::size_t range_count() const { return held_.size(); }
  const Options& options() const { return options_; }

 private:
  struct Session {
    ClientId client;
    TimePoint renewed{};
    absl::btree_set<BlockId> firsts;  // Of its ranges in held_.
    std::uint64_t ids = 0;
  };
  struct Held {
    std::uint64_t count = 0;
    SessionId session;
  };
  using Sessions = absl::btree_map<SessionId, Session>;
  using HeldRanges = absl::btree_map<BlockId, Held>;

  // What a list of ranges would add to a session, at most.
  struct Growth {
    std::size_t ranges = 0;
    std::uint64_t ids = 0;
  };
  Status check_room(ClientId client) const;
  Session& add(SessionId id, ClientId client, TimePoint now);
  Status check_claim(SessionId id, ClientId client, std::span<const BlockRange> ranges) const;
  Result<Growth> growth_of(SessionId id, ClientId client, const BlockRange& range) const;
  HeldRanges::const_iterator holding(BlockId block) const;
  void insert(SessionId id, Session& session, const BlockRange& range);
  void touch(SessionId id, Session& session, TimePoint now);
  void bound_dead();
  std::vector<BlockRange> bury(Sessions::iterator at);

  Options options_;
  SessionId next_id_;
  Sessions sessions_;
  absl::btree_map<ClientId, std::size_t> sessions_of_;           // How many each client has.
  HeldRanges held_;                                              // Disjoint.
  absl::btree_set<std::pair<TimePoint, SessionId>> by_renewal_;  // What expires first comes first.
  BlockRangeSet dead_;
  // Sessions that ended of late, so that a message that comes late opens none of them again.
  absl::btree_set<SessionId> ended_;
  std::deque<SessionId> ended_order_;
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
