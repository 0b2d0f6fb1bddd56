#include "consensus/segments/segmented_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "base/file.hpp"
#include "base/random_id.hpp"

namespace minidfs::consensus {
namespace {

std::uint64_t random_incarnation() { return random_128().high; }

bool by_sequence(const std::unique_ptr<Segment>& a, const std::unique_ptr<Segment>& b) {
  return a->header().sequence < b->header().sequence;
}

}  // namespace

Result<bool> SegmentedLog::exists(const std::string& directory) { return find_log(directory); }

Status SegmentedLog::create(const Options& options, const Origin& origin) {
  SegmentHeader header;
  header.sequence = 1;
  header.incarnation = random_incarnation();
  header.begins = true;
  header.before = origin.before;
  // An interrupted one has left at most this file.
  const SegmentName name{1, segment_path(options.directory, 1)};
  MDFS_CHECK(Segment::make(name, options.segment_bytes, header));
  return LogState::create(options.directory, {origin.member, origin.hard_state, header.sequence,
                                              origin.before.index, origin.members});
}

Result<std::unique_ptr<SegmentedLog>> SegmentedLog::open(Options options, Index applied) {
  MDFS_TRY(auto found, read_log(options.directory, applied));
  std::unique_ptr<SegmentedLog> log(new SegmentedLog(std::move(options), std::move(found)));
  MDFS_CHECK(log->settle());
  return log;
}

Status SegmentedLog::begin_again(const Options& options, Position before, StoredMembers members) {
  MDFS_TRY(auto found, read_log(options.directory, std::nullopt));
  SegmentedLog log(options, std::move(found));
  return log.begin_again(before, std::move(members));
}

SegmentedLog::SegmentedLog(Options options, FoundLog found)
    : options_(std::move(options)),
      state_(std::move(found.state)),
      segments_(std::move(found.live)),
      spares_(std::move(found.unused)),
      highest_number_(found.highest_number),
      end_is_taken_(found.end_is_taken) {
  for (const auto& segment : segments_) committed_ = std::max(committed_, segment->committed());
  committed_ = std::min(committed_, last().index);
}

// A process that was killed, or whose disk failed, may have left names and bytes that the kernel
// has and the disk has not.
Status SegmentedLog::settle() {
  MDFS_CHECK(sync_directory(options_.directory));
  const auto& newest = *segments_.back();
  // All before the newest segment was durable when that was begun.
  auto held = std::max(newest.header().before.index, newest.synced());
  if (state_.content().newest == newest.header().sequence) {
    held = std::max(held, state_.content().floor);
  }
  for (const auto& segment : segments_) MDFS_CHECK(segment->settle(held));
  synced_ = last();
  if (end_is_taken_) return begin_successor();
  auto content = state_.content();
  content.newest = segments_.back()->header().sequence;
  return store(std::move(content));
}

std::uint64_t SegmentedLog::bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment->bytes();
  return bytes;
}

std::vector<EntryInfo> SegmentedLog::infos() const {
  std::vector<EntryInfo> infos;
  infos.reserve(last().index - before().index);
  for (const auto& segment : segments_) {
    const auto first = segment->header().before.index + 1;
    for (auto index = first; index <= segment->last().index; ++index) {
      infos.push_back(segment->info_of(index));
    }
  }
  return infos;
}

template <class Step>
Status SegmentedLog::guarded(Step step) {
  if (failure_) return *failure_;
  Status status = step();
  if (!status.ok()) failure_ = status.error();
  return status;
}

Status SegmentedLog::append(std::span<const Entry> entries, Index committed) {
  return guarded([&] { return append_entries(entries, committed); });
}

Status SegmentedLog::append_entries(std::span<const Entry> entries, Index committed) {
  std::string pending;
  for (const auto& entry : entries) {
    if (!segments_.back()->has_room(entry.payload.size())) {
      MDFS_CHECK(segments_.back()->write(std::exchange(pending, {})));
      MDFS_CHECK(begin_successor());
    }
    const RecordMarks marks{std::min(committed, synced_.index), synced_.index};
    segments_.back()->add(entry, marks, pending);
  }
  MDFS_CHECK(segments_.back()->write(pending));
  make_ahead();
  return {};
}

Status SegmentedLog::sync() {
  return guarded([&] { return sync_newest(); });
}

Status SegmentedLog::begin_sync(std::function<void()> ended) {
  MDFS_ASSERT(!is_syncing());
  return guarded([&]() -> Status {
    if (synced_.index == last().index) return {};
    if (!background_) background_ = std::make_unique<BackgroundJob<Status>>("raft-sync");
    syncing_ = last();
    const auto& newest = *segments_.back();
    background_->begin([&newest] { return newest.sync(); }, std::move(ended));
    return {};
  });
}

Status SegmentedLog::end_sync() {
  return guarded([&]() -> Status {
    if (!is_syncing()) return {};
    const auto end = background_->take();
    return end ? take_sync(*end) : Status();
  });
}

// Before another sync of the same file: of the two only one would be told that a write has failed.
Status SegmentedLog::await_sync() {
  return is_syncing() ? take_sync(background_->wait()) : Status();
}

Status SegmentedLog::take_sync(const Status& end) {
  const auto durable = *std::exchange(syncing_, std::nullopt);
  if (end.ok()) synced_ = durable;
  return end;
}

Status SegmentedLog::sync_newest() {
  MDFS_CHECK(await_sync());
  if (synced_.index == last().index) return {};
  MDFS_CHECK(segments_.back()->sync());
  synced_ = last();
  return {};
}

Status SegmentedLog::cut_from(Index index) {
  MDFS_ASSERT(index > std::max(before().index, committed_) && index <= last().index);
  return guarded([&] { return cut(index); });
}

// The header of a new segment makes the cut: it is durable from then on.
Status SegmentedLog::cut(Index index) {
  MDFS_CHECK(sync_newest());  // What is left must be durable before a header names its end.
  const auto from = segment_of(index);
  Segment& holder = *segments_[from];
  const bool all_of_it = index == holder.header().before.index + 1;
  SegmentHeader header;
  header.before = holder.position_of(index - 1);
  header.begins = all_of_it && holder.header().begins;
  MDFS_TRY(header.before_sum, holder.sum_of(index - 1));
  const auto superseded = segments_.size();
  MDFS_CHECK(begin_segment(header));
  if (!all_of_it) holder.cut_behind(header.before, header.before_sum);
  const auto first = segments_.begin() + static_cast<std::ptrdiff_t>(all_of_it ? from : from + 1);
  const auto behind = segments_.begin() + static_cast<std::ptrdiff_t>(superseded);
  for (auto at = first; at != behind; ++at) release(std::move(*at));
  segments_.erase(first, behind);
  synced_ = last();
  return remove_spares();
}

Status SegmentedLog::drop_before(Index index) {
  MDFS_ASSERT(index <= last().index + 1);
  const auto kept = std::find_if(segments_.begin() + 1, segments_.end(), [&](const auto& segment) {
    return segment->header().before.index >= index;
  });
  const auto count = static_cast<std::size_t>(kept - segments_.begin()) - 1;
  if (count == 0) return failure_ ? Status(*failure_) : Status();
  return guarded([&] { return drop(count); });
}

// Who is a member is known without the entries that said so.
Status SegmentedLog::drop(std::size_t count) {
  for (auto at = count; at-- > 0;) {
    const auto index = segments_[at]->last_members();
    if (!index) continue;
    // Of before this member was one: it says less than what stands there.
    if (*index < state_.content().members.index) break;
    MDFS_TRY(auto entries, read(*index, 0));
    auto content = state_.content();
    content.members = {*index, std::move(entries.front().payload)};
    MDFS_CHECK(store(std::move(content)));
    break;
  }
  const auto kept = segments_.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto at = segments_.begin(); at != kept; ++at) release(std::move(*at));
  segments_.erase(segments_.begin(), kept);
  return remove_spares();
}

Status SegmentedLog::begin_again(Position before, StoredMembers members) {
  return guarded([&] { return restart(before, std::move(members)); });
}

Status SegmentedLog::restart(Position before, StoredMembers members) {
  MDFS_CHECK(await_sync());
  const auto superseded = segments_.size();
  SegmentHeader header;
  header.begins = true;
  header.before = before;
  MDFS_CHECK(begin_segment(header));
  const auto behind = segments_.begin() + static_cast<std::ptrdiff_t>(superseded);
  for (auto at = segments_.begin(); at != behind; ++at) release(std::move(*at));
  segments_.erase(segments_.begin(), behind);
  synced_ = last();
  committed_ = before.index;
  auto content = state_.content();
  content.members = std::move(members);
  MDFS_CHECK(store(std::move(content)));
  return remove_spares();
}

Index SegmentedLog::first_of_last(std::uint64_t bytes_max) const {
  const auto kept =
      std::clamp<std::uint64_t>(bytes_max / options_.segment_bytes, 1, segments_.size());
  return segments_[segments_.size() - kept]->header().before.index + 1;
}

Result<std::vector<Entry>> SegmentedLog::read(Index from, std::size_t bytes_max) const {
  MDFS_ASSERT(from > before().index && from <= last().index);
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (auto at = segment_of(from); at < segments_.size(); ++at) {
    const auto& segment = *segments_[at];
    if (segment.empty()) continue;
    const auto known = entries.size();
    const Index next = from + known;
    if (known > 0 && bytes + segment.bytes_of(next) > bytes_max) break;
    MDFS_CHECK(segment.read(next, bytes_max - bytes, entries));
    for (auto i = known; i < entries.size(); ++i) bytes += record_bytes(entries[i].payload.size());
    if (from + entries.size() <= segment.last().index) break;
  }
  return entries;
}

Status SegmentedLog::store_hard_state(const HardState& hard_state) {
  return guarded([&] {
    auto content = state_.content();
    content.hard_state = hard_state;
    return store(std::move(content));
  });
}

Status SegmentedLog::store_floor() {
  return guarded([&]() -> Status {
    MDFS_CHECK(sync_newest());
    return store(state_.content());
  });
}

Status SegmentedLog::store(StateContent content) {
  content.floor = synced_.index;
  return state_.store(std::move(content));
}

Status SegmentedLog::begin_successor() {
  MDFS_CHECK(sync_newest());
  const auto newest = segments_.size() - 1;
  const auto& old = *segments_[newest];
  SegmentHeader header;
  header.before = old.last();
  header.before_sum = old.last_sum();
  header.begins = old.empty() && old.header().begins;
  MDFS_CHECK(begin_segment(header));
  if (!old.empty()) return {};
  release(std::move(segments_[newest]));
  segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(newest));
  return {};
}

Status SegmentedLog::begin_segment(SegmentHeader header) {
  header.sequence = segments_.back()->header().sequence + 1;
  header.incarnation = random_incarnation();
  std::unique_ptr<Segment> segment;
  if (!spares_.empty()) {
    segment = std::move(spares_.front());
    spares_.erase(spares_.begin());
    MDFS_CHECK(segment->reuse(header));
  } else {
    MDFS_TRY(segment, new_segment(header));
  }
  segments_.push_back(std::move(segment));
  auto content = state_.content();
  content.newest = header.sequence;
  content.floor = header.before.index;
  return state_.store(std::move(content));
}

Result<std::unique_ptr<Segment>> SegmentedLog::new_segment(const SegmentHeader& header) {
  if (maker_) {
    if (auto blank = maker_->take()) return Segment::make(std::move(*blank), header);
  }
  return Segment::make(next_name(), options_.segment_bytes, header);
}

SegmentName SegmentedLog::next_name() {
  const auto number = ++highest_number_;
  return {number, segment_path(options_.directory, number)};
}

void SegmentedLog::make_ahead() {
  if (!options_.makes_ahead || !spares_.empty() || !segments_.back()->is_half_full()) return;
  if (!maker_) maker_ = std::make_unique<SegmentMaker>();
  if (!maker_->is_wanted()) maker_->want(next_name(), options_.segment_bytes);
}

void SegmentedLog::release(std::unique_ptr<Segment> segment) {
  const auto place = std::upper_bound(spares_.begin(), spares_.end(), segment, by_sequence);
  spares_.insert(place, std::move(segment));
}

// The lowest sequence first, and one durably before the next: what is left is always a log, or
// follows from one.
Status SegmentedLog::remove_spares() {
  while (spares_.size() > options_.spare_segments_max) {
    const auto path = spares_.front()->path();
    if (::unlink(path.c_str()) != 0) return errno_error(errno, path);
    MDFS_CHECK(sync_directory(options_.directory));
    spares_.erase(spares_.begin());
  }
  return {};
}

std::size_t SegmentedLog::segment_of(Index index) const {
  MDFS_ASSERT(index > before().index && index <= last().index);
  const auto behind = std::partition_point(
      segments_.begin(), segments_.end(),
      [&](const auto& segment) { return segment->header().before.index < index; });
  return static_cast<std::size_t>(behind - segments_.begin()) - 1;
}

}  // namespace minidfs::consensus
