#include "metadata/write_sessions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace minidfs::metadata {
namespace {

// The end of [first, first + count), or the largest id when that would not fit.
std::uint64_t end_of(BlockId first, std::uint64_t count) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - first.value;
  return first.value + std::min(count, most);
}

bool covers(const absl::btree_map<BlockId, std::uint64_t>& ranges, BlockId block) {
  auto after = ranges.upper_bound(block);
  if (after == ranges.begin()) return false;
  --after;
  return block.value < end_of(after->first, after->second);
}

// Joins the range with those that it touches.
void insert_range(absl::btree_map<BlockId, std::uint64_t>& ranges, const BlockRange& range) {
  std::uint64_t first = range.first.value;
  std::uint64_t end = end_of(range.first, range.count);
  auto at = ranges.upper_bound(range.first);
  if (at != ranges.begin()) {
    auto before = std::prev(at);
    if (end_of(before->first, before->second) >= first) at = before;
  }
  while (at != ranges.end() && at->first.value <= end) {
    first = std::min(first, at->first.value);
    end = std::max(end, end_of(at->first, at->second));
    at = ranges.erase(at);
  }
  ranges.emplace(BlockId{first}, end - first);
}

}  // namespace

// --- BlockIdAllocator ---

std::uint64_t BlockIdAllocator::take_reservation() {
  if (reserving_) return 0;
  if (remaining() >= options_.low_watermark_count && remaining() >= wanted_count_) return 0;
  reserving_ = true;
  return std::max(options_.range_count, wanted_count_);
}

void BlockIdAllocator::add_range(BlockRange range) {
  reserving_ = false;
  wanted_count_ = 0;
  if (range.count > 0) ranges_.push_back(range);
}

Result<std::vector<BlockRange>> BlockIdAllocator::allocate(std::uint64_t count) {
  if (count > remaining()) {
    wanted_count_ = std::max(wanted_count_, count);
    return Error{Errc::kUnavailable, std::to_string(count) + " block ids wanted, " +
                                         std::to_string(remaining()) + " left"};
  }
  std::vector<BlockRange> result;
  while (count > 0) {
    BlockRange& front = ranges_.front();
    const std::uint64_t taken = std::min(count, front.count);
    result.push_back({front.first, taken});
    front.first.value += taken;
    front.count -= taken;
    count -= taken;
    if (front.count == 0) ranges_.pop_front();
  }
  return result;
}

std::uint64_t BlockIdAllocator::remaining() const {
  std::uint64_t sum = 0;
  for (const BlockRange& range : ranges_) sum += range.count;
  return sum;
}

void BlockIdAllocator::clear() {
  ranges_.clear();
  wanted_count_ = 0;
  reserving_ = false;
}

// --- WriteSessions ---

Result<SessionId> WriteSessions::open(ClientId client, TimePoint now) {
  if (sessions_.size() >= options_.sessions_max) {
    return Error{Errc::kTooLarge, "client " + to_string(client) + ": already " +
                                      std::to_string(sessions_.size()) + " write sessions open"};
  }
  // Renewals may have brought sessions of an earlier process, whose ids are taken.
  while (next_id_.value == 0 || sessions_.contains(next_id_)) ++next_id_.value;
  const SessionId id = next_id_;
  ++next_id_.value;
  sessions_[id] = Session{client, now, {}};
  return id;
}

Status WriteSessions::allocated(SessionId id, std::span<const BlockRange> ranges, TimePoint now) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) {
    return Error{Errc::kExpired, "write session " + to_string(id) + ": not open any more"};
  }
  at->second.renewed = std::max(at->second.renewed, now);
  return add_ranges(at->second, ranges);
}

Status WriteSessions::renew(SessionId id, ClientId client, std::span<const BlockRange> ranges,
                            TimePoint now) {
  if (id.value == 0 || client.is_none()) {
    return Error{Errc::kInvalidArgument, "renewal of write session " + to_string(id) +
                                             " by client " + to_string(client) + ": a none id"};
  }
  const auto at = sessions_.find(id);
  if (at != sessions_.end()) {
    if (at->second.client != client) {
      return Error{Errc::kPermissionDenied, "write session " + to_string(id) + " belongs to " +
                                                to_string(at->second.client) + ", not to " +
                                                to_string(client)};
    }
    MDFS_CHECK(add_ranges(at->second, ranges));
    at->second.renewed = std::max(at->second.renewed, now);
    return {};
  }
  if (sessions_.size() >= options_.sessions_max) {
    return Error{Errc::kTooLarge, "write session " + to_string(id) + ": already " +
                                      std::to_string(sessions_.size()) + " write sessions open"};
  }
  Session session{client, now, {}};
  MDFS_CHECK(add_ranges(session, ranges));
  sessions_.emplace(id, std::move(session));
  return {};
}

Status WriteSessions::add_ranges(Session& session, std::span<const BlockRange> ranges) const {
  for (const BlockRange& range : ranges) {
    const bool wraps = range.count > std::numeric_limits<std::uint64_t>::max() - range.first.value;
    if (range.first.value == 0 || range.count == 0 || wraps ||
        range.count > options_.range_count_max) {
      return Error{Errc::kInvalidArgument, "client " + to_string(session.client) +
                                               ": block range of " + std::to_string(range.count) +
                                               " from " + to_string(range.first)};
    }
    insert_range(session.ranges, range);
    if (session.ranges.size() > options_.ranges_max) {
      return Error{Errc::kTooLarge, "client " + to_string(session.client) + ": more than " +
                                        std::to_string(options_.ranges_max) +
                                        " block ranges in a write session"};
    }
  }
  return {};
}

void WriteSessions::close(SessionId id) { sessions_.erase(id); }

std::vector<SessionId> WriteSessions::expire(TimePoint now) {
  std::vector<SessionId> expired;
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    if (now - at->second.renewed < options_.grace) {
      ++at;
      continue;
    }
    expired.push_back(at->first);
    at = sessions_.erase(at);
  }
  return expired;
}

bool WriteSessions::is_protected(BlockId block, TimePoint now) const {
  const auto renewed = last_renewal(block);
  return renewed && now - *renewed < options_.grace;
}

std::optional<TimePoint> WriteSessions::last_renewal(BlockId block) const {
  std::optional<TimePoint> latest;
  for (const auto& [id, session] : sessions_) {
    if (latest && session.renewed <= *latest) continue;
    if (covers(session.ranges, block)) latest = session.renewed;
  }
  return latest;
}

// --- OrphanCollector ---

// Keeps one deadline for each block that nobody owns now, and none for others.
void OrphanCollector::follow(const BlockMap& map, const WriteSessions& sessions, TimePoint now) {
  auto at = tracked_.begin();
  absl::btree_map<BlockId, TimePoint> appeared;
  for (const BlockId block : map.unowned()) {
    while (at != tracked_.end() && at->first < block) at = tracked_.erase(at);
    if (at != tracked_.end() && at->first == block) {
      if (const auto renewed = sessions.last_renewal(block)) {
        at->second = std::max(at->second, *renewed + options_.grace);
      }
      ++at;
      continue;
    }
    // The deletions of a freed block were handed out when it was freed: they may only need to be
    // repeated.
    const bool freed = map.find(block)->freed;
    TimePoint due = now + (freed ? options_.repeat_after : options_.grace);
    if (const auto renewed = sessions.last_renewal(block); renewed && !freed) {
      due = std::max(due, *renewed + options_.grace);
    }
    appeared.emplace_hint(appeared.end(), block, due);
  }
  tracked_.erase(at, tracked_.end());
  for (const auto& [block, due] : appeared) tracked_.emplace(block, due);
}

std::vector<ReplicaDelete> OrphanCollector::collect(BlockMap& map, const WriteSessions& sessions,
                                                    const Situation& situation, TimePoint now) {
  follow(map, sessions, now);
  std::vector<ReplicaDelete> deletes;
  if (situation.safe_mode || !situation.all_live_reported) return deletes;
  for (auto& [block, due] : tracked_) {
    if (deletes.size() >= options_.deletes_max) break;
    if (now < due || sessions.is_protected(block, now)) continue;
    due = now + options_.repeat_after;
    const auto view = map.find(block);
    for (const Replica& replica : view->replicas) {
      if (map.node_mode(replica.node) == NodeMode::kAway) continue;
      if (auto command = map.mark_deleting(replica.node, block)) deletes.push_back(*command);
    }
  }
  return deletes;
}

// --- SafeMode ---

bool SafeMode::update(std::uint64_t total_blocks, std::uint64_t blocks_with_replica) {
  total_blocks_ = total_blocks;
  blocks_with_replica_ = blocks_with_replica;
  if (!on_ || manual_ || blocks_awaited() > 0) return false;
  on_ = false;
  return true;
}

void SafeMode::enter() {
  on_ = true;
  manual_ = true;
}

void SafeMode::leave() {
  on_ = false;
  manual_ = false;
}

std::uint64_t SafeMode::blocks_awaited() const {
  const double exact = std::ceil(static_cast<double>(total_blocks_) * options_.threshold);
  const auto needed = std::min(total_blocks_, static_cast<std::uint64_t>(std::max(0.0, exact)));
  return needed > blocks_with_replica_ ? needed - blocks_with_replica_ : 0;
}

std::string SafeMode::reason() const {
  if (!on_) return {};
  if (manual_) return "safe mode was entered by hand and lasts until it is left by hand";
  return "safe mode after the start: " + std::to_string(blocks_with_replica_) + " of " +
         std::to_string(total_blocks_) + " blocks have a replica, " +
         std::to_string(blocks_awaited()) + " more are awaited";
}

}  // namespace minidfs::metadata
