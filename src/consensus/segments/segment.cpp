#include "consensus/segments/segment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <span>
#include <utility>

#include "base/codec.hpp"

namespace minidfs::consensus {
namespace {

constexpr std::uint64_t kSizeMinBytes = 2 * kBlockBytes + kRecordHeaderBytes;
constexpr std::uint64_t kSizeMaxBytes = 1ULL << 30;  // Offsets are kept in 32 bits.
constexpr std::size_t kZerosBytes = 1 << 20;

bool is_size(std::uint64_t bytes) {
  return bytes >= kSizeMinBytes && bytes <= kSizeMaxBytes && bytes % 8 == 0;
}

// Written, not only allocated: a write into space that was only allocated changes the file's
// extents, which its sync then has to make durable too.
Status fill_with_zeros(int fd, std::uint64_t size_bytes, const std::string& path) {
  const std::string zeros(std::min<std::uint64_t>(size_bytes, kZerosBytes), '\0');
  for (std::uint64_t offset = 0; offset < size_bytes; offset += zeros.size()) {
    const auto size = std::min<std::uint64_t>(size_bytes - offset, zeros.size());
    const auto piece = std::span(zeros).first(size);
    MDFS_CHECK(write_at(fd, std::as_bytes(piece), offset, path));
  }
  return {};
}

}  // namespace

Segment::Segment(SegmentName name, UniqueFd fd, std::uint64_t size_bytes)
    : name_(std::move(name)),
      fd_(std::move(fd)),
      size_bytes_(size_bytes),
      block_(BlockMagic::kSegment, {0, size_bytes - kBlockBytes}, name_.path) {}

Result<BlankSegment> BlankSegment::make(SegmentName name, std::uint64_t size_bytes) {
  MDFS_ASSERT(is_size(size_bytes));
  BlankSegment blank{std::move(name), size_bytes, {}};
  MDFS_TRY(blank.fd, open_file(blank.path(), O_RDWR | O_CREAT | O_TRUNC));
  const auto status = fill_with_zeros(blank.fd.get(), size_bytes, blank.path());
  if (status.ok()) return blank;
  blank.remove();  // It may have taken the disk's last room.
  return status.error();
}

Status BlankSegment::sync() const {
  return ::fsync(fd.get()) == 0 ? Status() : Status(errno_error(errno, path()));
}

void BlankSegment::remove() const { ::unlink(path().c_str()); }

Result<std::unique_ptr<Segment>> Segment::make(SegmentName name, std::uint64_t size_bytes,
                                               SegmentHeader header) {
  MDFS_TRY(auto blank, BlankSegment::make(std::move(name), size_bytes));
  return make(std::move(blank), std::move(header));
}

Result<std::unique_ptr<Segment>> Segment::make(BlankSegment blank, SegmentHeader header) {
  const auto path = blank.name.path;
  const auto temporary = blank.path();
  std::unique_ptr<Segment> segment(
      new Segment(std::move(blank.name), std::move(blank.fd), blank.size_bytes));
  segment->begin(header);
  const int file = segment->fd_.get();
  auto status = segment->block_.write_first(file, encode(segment->header_));
  if (status.ok() && ::fsync(file) != 0) status = errno_error(errno, temporary);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return std::move(status).error();
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error(errno, path);
  MDFS_CHECK(sync_directory(std::filesystem::path(path).parent_path().string()));
  return segment;
}

Result<std::unique_ptr<Segment>> Segment::open(SegmentName name) {
  const auto path = name.path;
  MDFS_TRY(auto fd, open_file(path, O_RDWR));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_error(errno, path);
  const auto size_bytes = static_cast<std::uint64_t>(info.st_size);
  if (!is_size(size_bytes)) {
    return Error{Errc::kCorrupt,
                 path + ": a segment cannot have " + std::to_string(size_bytes) + " bytes"};
  }
  std::unique_ptr<Segment> segment(new Segment(std::move(name), std::move(fd), size_bytes));
  MDFS_TRY(const auto content, segment->block_.load(segment->fd_.get()));
  MDFS_TRY(const auto header, decode<SegmentHeader>(content, path + ": its header"));
  if (header.size_bytes != size_bytes) {
    return Error{Errc::kCorrupt, path + ": has " + std::to_string(size_bytes) +
                                     " bytes instead of " + std::to_string(header.size_bytes)};
  }
  if (header.sequence == 0) {
    return Error{Errc::kCorrupt, path + ": values that are not those of a segment"};
  }
  segment->begin(header);
  return segment;
}

Result<std::optional<Beyond>> Segment::load() {
  std::string bytes(area_bytes(), '\0');
  MDFS_CHECK(read_at(fd_.get(), std::as_writable_bytes(std::span(bytes)), kBlockBytes, name_.path));
  scan_ = scan_records(bytes, {header_.incarnation, header_.before, header_.before_sum});
  auto beyond = look_beyond(bytes, scan_.end, header_.incarnation);
  if (beyond) beyond->offset += kBlockBytes;
  return beyond;
}

Status Segment::reuse(SegmentHeader header) {
  begin(header);
  return block_.store(fd_.get(), encode(header_));
}

Status Segment::settle(Index held) {
  if (held < last().index) {
    MDFS_CHECK(write_again(slot_of(std::max(held, header_.before.index) + 1)));
  }
  MDFS_CHECK(sync());
  return block_.whole() ? Status{} : block_.store(fd_.get(), encode(header_));
}

Status Segment::write_again(std::size_t slot) {
  const auto begin = kBlockBytes + scan_.places[slot].offset;
  std::string bytes(end_offset() - begin, '\0');
  MDFS_CHECK(read_at(fd_.get(), std::as_writable_bytes(std::span(bytes)), begin, name_.path));
  return write_at(fd_.get(), std::as_bytes(std::span(bytes)), begin, name_.path);
}

void Segment::begin(const SegmentHeader& header) {
  header_ = header;
  header_.size_bytes = size_bytes_;
  scan_ = {};
  scan_.last = header.before;
  scan_.last_sum = header.before_sum;
}

Term Segment::term_of(Index index) const {
  MDFS_ASSERT(index > header_.before.index && index <= scan_.last.index);
  const auto behind = std::partition_point(scan_.terms.begin(), scan_.terms.end(),
                                           [&](const TermRun& run) { return run.first <= index; });
  return std::prev(behind)->term;
}

std::size_t Segment::end_of(std::size_t slot) const {
  return slot + 1 < scan_.places.size() ? std::size_t{scan_.places[slot + 1].offset} : scan_.end;
}

Position Segment::position_of(Index index) const {
  if (index == header_.before.index) return header_.before;
  return {term_of(index), index};
}

EntryInfo Segment::info_of(Index index) const {
  const auto& place = scan_.places[slot_of(index)];
  return {term_of(index), place.kind, place.payload_bytes};
}

std::size_t Segment::bytes_of(Index index) const {
  return record_bytes(scan_.places[slot_of(index)].payload_bytes);
}

std::optional<Index> Segment::last_members() const {
  for (auto slot = scan_.places.size(); slot-- > 0;) {
    if (scan_.places[slot].kind == EntryKind::kMembers) return header_.before.index + 1 + slot;
  }
  return std::nullopt;
}

Result<Checksum> Segment::sum_of(Index index) const {
  if (index == header_.before.index) return header_.before_sum;
  if (index == scan_.last.index) return scan_.last_sum;
  Checksum sum = 0;
  const auto offset = kBlockBytes + scan_.places[slot_of(index)].offset;
  MDFS_CHECK(read_at(fd_.get(), std::as_writable_bytes(std::span(&sum, 1)), offset, name_.path));
  return sum;
}

Status Segment::read(Index from, std::size_t bytes_max, std::vector<Entry>& out) const {
  MDFS_ASSERT(from > header_.before.index && from <= scan_.last.index);
  const auto first = slot_of(from);
  const std::size_t begin = scan_.places[first].offset;
  auto slot = first;
  while (slot + 1 < scan_.places.size() && end_of(slot + 1) - begin <= bytes_max) ++slot;
  std::string bytes(end_of(slot) - begin, '\0');
  MDFS_CHECK(read_at(fd_.get(), std::as_writable_bytes(std::span(bytes)), kBlockBytes + begin,
                     name_.path));
  for (Index index = from; index <= from + (slot - first); ++index) {
    const std::size_t offset = scan_.places[slot_of(index)].offset;
    const auto record = decode_record(bytes, offset - begin, header_.incarnation);
    if (!record || record->position != Position{term_of(index), index}) {
      return misread(index, kBlockBytes + offset);
    }
    out.push_back(record->entry());
  }
  return {};
}

Error Segment::misread(Index index, std::uint64_t offset) const {
  return Error{Errc::kCorrupt, name_.path + ": entry " + std::to_string(index) + " at offset " +
                                   std::to_string(offset) +
                                   " is not what was written there: its disk is failing"};
}

bool Segment::has_room(std::size_t payload_bytes) const {
  return area_bytes() - scan_.end >= record_bytes(payload_bytes);
}

void Segment::add(const Entry& entry, const RecordMarks& marks, std::string& pending) {
  MDFS_ASSERT(entry.index == scan_.last.index + 1 && entry.term >= scan_.last.term &&
              has_room(entry.payload.size()));
  scan_.last_sum = encode_record({header_.incarnation, scan_.last_sum}, marks, entry, pending);
  scan_.places.push_back({static_cast<std::uint32_t>(scan_.end),
                          static_cast<std::uint32_t>(entry.payload.size()), entry.kind});
  if (scan_.terms.empty() || scan_.terms.back().term != entry.term) {
    scan_.terms.push_back({entry.index, entry.term});
  }
  scan_.last = {entry.term, entry.index};
  scan_.committed = std::max(scan_.committed, marks.committed);
  scan_.synced = std::max(scan_.synced, marks.synced);
  scan_.end += record_bytes(entry.payload.size());
}

Status Segment::write(std::string_view pending) {
  return write_at(fd_.get(), std::as_bytes(std::span(pending)), end_offset() - pending.size(),
                  name_.path);
}

Status Segment::sync() const { return sync_data(fd_.get(), name_.path); }

void Segment::cut_behind(const Position& position, Checksum sum) {
  MDFS_ASSERT(position.index >= header_.before.index && position.index <= scan_.last.index);
  const auto kept = position.index - header_.before.index;
  if (kept < scan_.places.size()) scan_.end = scan_.places[kept].offset;
  scan_.places.resize(kept);
  while (!scan_.terms.empty() && scan_.terms.back().first > position.index) scan_.terms.pop_back();
  scan_.last = position;
  scan_.last_sum = sum;
}

}  // namespace minidfs::consensus
