#include "metadata/write_sessions.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "metadata/block_identity.hpp"

namespace minidfs::metadata {
namespace {

// Ended sessions that are remembered; more than are open at a time.
constexpr std::size_t kEndedMax = 200'000;
constexpr std::size_t kDeadRangesMax = 1'000'000;

Error expired(SessionId id) {
  return {Errc::kExpired, "write session " + to_string(id) + ": not open any more"};
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
  MDFS_CHECK(check_room(client));
  // Renewals may have brought sessions of an earlier process, whose ids are taken.
  while (next_id_.value == 0 || sessions_.contains(next_id_) || ended_.contains(next_id_)) {
    ++next_id_.value;
  }
  const SessionId id = next_id_;
  ++next_id_.value;
  add(id, client, now);
  return id;
}

Status WriteSessions::check_room(ClientId client) const {
  const auto of_client = sessions_of_.find(client);
  if (of_client != sessions_of_.end() && of_client->second >= options_.client_sessions_max) {
    return Error{Errc::kTooLarge, "client " + to_string(client) + ": already " +
                                      std::to_string(of_client->second) + " write sessions open"};
  }
  if (sessions_.size() >= options_.sessions_max) {
    return Error{Errc::kBusy, "client " + to_string(client) + ": all " +
                                  std::to_string(sessions_.size()) +
                                  " write sessions are taken, by all clients together"};
  }
  return {};
}

WriteSessions::Session& WriteSessions::add(SessionId id, ClientId client, TimePoint now) {
  by_renewal_.insert({now, id});
  ++sessions_of_[client];
  return sessions_[id] = Session{client, now, {}, 0};
}

Status WriteSessions::renew(SessionId id, ClientId client, std::span<const BlockRange> ranges,
                            TimePoint now) {
  MDFS_CHECK(check_claim(id, client, ranges));
  const auto at = sessions_.find(id);
  Session& session = at == sessions_.end() ? add(id, client, now) : at->second;
  for (const BlockRange& range : ranges) insert(id, session, range);
  touch(id, session, now);
  return {};
}

// Changes nothing; afterwards every range can be inserted.
Status WriteSessions::check_claim(SessionId id, ClientId client,
                                  std::span<const BlockRange> ranges) const {
  if (id.value == 0 || client.is_none()) {
    return Error{Errc::kInvalidArgument, "renewal of write session " + to_string(id) +
                                             " by client " + to_string(client) + ": a none id"};
  }
  if (ended_.contains(id)) return expired(id);
  const auto at = sessions_.find(id);
  if (at != sessions_.end() && at->second.client != client) {
    return Error{Errc::kPermissionDenied, "write session " + to_string(id) + " belongs to " +
                                              to_string(at->second.client) + ", not to " +
                                              to_string(client)};
  }
  if (at == sessions_.end()) MDFS_CHECK(check_room(client));
  Growth sum;
  if (at != sessions_.end()) sum = {at->second.firsts.size(), at->second.ids};
  const std::size_t had = sum.ranges;
  for (const BlockRange& range : ranges) {
    MDFS_TRY(const auto growth, growth_of(id, client, range));
    sum.ranges += growth.ranges;
    sum.ids += growth.ids;
    if (sum.ranges > options_.ranges_max || sum.ids > options_.ids_max ||
        held_.size() + sum.ranges - had > options_.ranges_total_max) {
      return Error{Errc::kTooLarge, "client " + to_string(client) + ": " + std::to_string(sum.ids) +
                                        " block ids in " + std::to_string(sum.ranges) +
                                        " ranges in a write session, " +
                                        std::to_string(held_.size()) + " ranges in all"};
    }
  }
  return {};
}

Result<WriteSessions::Growth> WriteSessions::growth_of(SessionId id, ClientId client,
                                                       const BlockRange& range) const {
  const bool wraps =
      range.first > kBlockIdMax || range.count > kBlockIdMax.value + 1 - range.first.value;
  if (range.first.value == 0 || range.count == 0 || wraps ||
      range.count > options_.range_count_max) {
    return Error{Errc::kInvalidArgument, "client " + to_string(client) + ": block range of " +
                                             std::to_string(range.count) + " from " +
                                             to_string(range.first)};
  }
  if (dead_.overlaps(range)) {
    return Error{Errc::kExpired, "write session " + to_string(id) + ": among " +
                                     std::to_string(range.count) + " blocks from " +
                                     to_string(range.first) +
                                     " some belong to a session that has ended"};
  }
  Growth growth{1, range.count};
  const std::uint64_t end = end_of(range);
  auto at = held_.upper_bound(range.first);
  if (at != held_.begin()) {
    const auto before = std::prev(at);
    if (end_of({before->first, before->second.count}) >= range.first.value) at = before;
  }
  for (; at != held_.end() && at->first.value <= end; ++at) {
    const std::uint64_t held_end = end_of({at->first, at->second.count});
    const std::uint64_t shared_first = std::max(at->first.value, range.first.value);
    const std::uint64_t shared_end = std::min(held_end, end);
    if (at->second.session == id) {
      growth.ranges = 0;
      if (shared_end > shared_first) growth.ids -= shared_end - shared_first;
    } else if (shared_end > shared_first) {
      return Error{Errc::kPermissionDenied,
                   "block " + to_string(BlockId{shared_first}) + " was given to write session " +
                       to_string(at->second.session) + ", not to " + to_string(id)};
    }
  }
  return growth;
}

// Joins the range with those of the session that it touches.
void WriteSessions::insert(SessionId id, Session& session, const BlockRange& range) {
  std::uint64_t first = range.first.value;
  std::uint64_t end = end_of(range);
  auto at = held_.upper_bound(range.first);
  if (at != held_.begin()) {
    const auto before = std::prev(at);
    if (end_of({before->first, before->second.count}) >= first) at = before;
  }
  while (at != held_.end() && at->first.value <= end) {
    if (at->second.session != id) {  // A neighbour: it touches and does not overlap.
      ++at;
      continue;
    }
    first = std::min(first, at->first.value);
    end = std::max(end, end_of({at->first, at->second.count}));
    session.ids -= at->second.count;
    session.firsts.erase(at->first);
    at = held_.erase(at);
  }
  held_.emplace(BlockId{first}, Held{end - first, id});
  session.firsts.insert(BlockId{first});
  session.ids += end - first;
}

void WriteSessions::touch(SessionId id, Session& session, TimePoint now) {
  if (now <= session.renewed) return;
  by_renewal_.erase({session.renewed, id});
  session.renewed = now;
  by_renewal_.insert({now, id});
}

Result<std::vector<BlockRange>> WriteSessions::end(SessionId id, ClientId client) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return std::vector<BlockRange>{};
  if (at->second.client != client) {
    return Error{Errc::kPermissionDenied, "write session " + to_string(id) + " belongs to " +
                                              to_string(at->second.client) + ", not to " +
                                              to_string(client)};
  }
  return bury(at);
}

std::vector<BlockRange> WriteSessions::bury(Sessions::iterator at) {
  const SessionId id = at->first;
  std::vector<BlockRange> ranges;
  ranges.reserve(at->second.firsts.size());
  for (const BlockId first : at->second.firsts) {
    const auto held = held_.find(first);
    ranges.push_back({first, held->second.count});
    dead_.add(ranges.back());
    held_.erase(held);
  }
  by_renewal_.erase({at->second.renewed, id});
  const auto of_client = sessions_of_.find(at->second.client);
  if (--of_client->second == 0) sessions_of_.erase(of_client);
  sessions_.erase(at);
  ended_.insert(id);
  ended_order_.push_back(id);
  bound_dead();
  if (ended_order_.size() > kEndedMax) {
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
  }
  return ranges;
}

void WriteSessions::give_up(BlockId block) {
  dead_.add({block, 1});
  bound_dead();
}

void WriteSessions::bound_dead() {
  if (dead_.size() > kDeadRangesMax) dead_.take(dead_.size() - kDeadRangesMax);
}

void WriteSessions::release(BlockId block) {
  dead_.remove({block, 1});
  const auto holding_it = holding(block);
  if (holding_it == held_.end()) return;
  const auto [first, held] = *holding_it;
  const std::uint64_t end = end_of({first, held.count});
  Session& session = sessions_.find(held.session)->second;
  held_.erase(first);
  session.firsts.erase(first);
  --session.ids;
  const auto keep = [&](std::uint64_t from, std::uint64_t to) {
    if (from == to) return;
    held_.emplace(BlockId{from}, Held{to - from, held.session});
    session.firsts.insert(BlockId{from});
  };
  keep(first.value, block.value);
  keep(block.value + 1, end);
}

std::vector<WriteSessions::Ended> WriteSessions::expire(TimePoint now) {
  std::vector<Ended> ended;
  while (!by_renewal_.empty() && now - by_renewal_.begin()->first >= options_.grace) {
    const SessionId id = by_renewal_.begin()->second;
    ended.push_back({id, bury(sessions_.find(id))});
  }
  return ended;
}

WriteSessions::HeldRanges::const_iterator WriteSessions::holding(BlockId block) const {
  auto after = held_.upper_bound(block);
  if (after == held_.begin()) return held_.end();
  --after;
  return block.value < end_of({after->first, after->second.count}) ? after : held_.end();
}

std::optional<SessionId> WriteSessions::holder(BlockId block) const {
  const auto at = holding(block);
  return at == held_.end() ? std::nullopt : std::optional(at->second.session);
}

bool WriteSessions::is_protected(BlockId block, TimePoint now) const {
  const auto renewed = last_renewal(block);
  return renewed && now - *renewed < options_.grace;
}

std::optional<TimePoint> WriteSessions::last_renewal(BlockId block) const {
  const auto at = holding(block);
  if (at == held_.end()) return std::nullopt;
  return sessions_.find(at->second.session)->second.renewed;
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
