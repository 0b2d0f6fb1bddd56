// One segment file: its header, and the entries that were written in its present use. Knows where
// each entry stands, not what is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "consensus/segments/mirrored_block.hpp"
#include "consensus/segments/record_scan.hpp"
#include "consensus/segments/segment_names.hpp"

namespace minidfs::consensus {

struct SegmentHeader {
  std::uint64_t sequence = 0;     // From 1, ascends with each use of any file of the log.
  std::uint64_t incarnation = 0;  // Random, of this use.
  std::uint64_t size_bytes = 0;   // Of the file; set by Segment.
  bool begins = false;            // The log begins here, whatever other segments hold.
  Position before;                // The first entry follows this one.
  Checksum before_sum = 0;        // 0 with `begins`.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, SegmentHeader& x) {
  return f(x.sequence, x.incarnation, x.size_bytes, x.begins, x.before.term, x.before.index,
           x.before_sum);
}

// A file that is to be a segment: filled with zeros, and under a temporary name, which no start
// looks at.
struct BlankSegment {
  SegmentName name;  // That it is to have.
  std::uint64_t size_bytes = 0;
  UniqueFd fd;

  // What a crash left of one is replaced. Not yet durable.
  static Result<BlankSegment> make(SegmentName name, std::uint64_t size_bytes);
  Status sync() const;
  void remove() const;
  std::string path() const { return name.path + ".new"; }
};

class Segment {
 public:
  // A new one. A crash leaves none or a whole one.
  static Result<std::unique_ptr<Segment>> make(BlankSegment blank, SegmentHeader header);
  static Result<std::unique_ptr<Segment>> make(SegmentName name, std::uint64_t size_bytes,
                                               SegmentHeader header);
  // One that exists; its entries are not read yet. kCorrupt without the advice of damaged_log().
  static Result<std::unique_ptr<Segment>> open(SegmentName name);

  // Reads the entries. Returns what stands whole behind the first damaged place.
  Result<std::optional<Beyond>> load();
  // Begins another use: the header is durable on return, the entries are gone.
  Status reuse(SegmentHeader header);
  // Makes durable what load() found, which a process before may only have written. The entries
  // behind `held` are written once more, as they are: a sync of them may have failed, and the
  // kernel then takes for written what it has dropped.
  Status settle(Index held);

  const std::string& path() const { return name_.path; }
  const SegmentHeader& header() const { return header_; }
  bool empty() const { return scan_.places.empty(); }
  // The entry before the first one when it is empty.
  Position last() const { return scan_.last; }
  Checksum last_sum() const { return scan_.last_sum; }
  Index committed() const { return scan_.committed; }
  // Its entries say that the log held those up to here durably.
  Index synced() const { return scan_.synced; }
  std::uint64_t bytes() const { return scan_.end; }  // Of its entries.
  // Where the next entry goes in the file.
  std::uint64_t end_offset() const { return kBlockBytes + scan_.end; }

  // Also of the entry before the first one.
  Position position_of(Index index) const;
  Result<Checksum> sum_of(Index index) const;
  // REQUIRES, of `index` here and below: header().before.index < index <= last().index.
  EntryInfo info_of(Index index) const;
  std::size_t bytes_of(Index index) const;  // Of the file.
  // The last entry of kMembers.
  std::optional<Index> last_members() const;
  // Adds entries from `from` on to `out`, until they take `bytes_max` of the file, at least one.
  Status read(Index from, std::size_t bytes_max, std::vector<Entry>& out) const;

  bool has_room(std::size_t payload_bytes) const;
  bool is_half_full() const { return scan_.end >= area_bytes() / 2; }
  // The entry stands at the end now, and its bytes, which the caller writes there, are appended to
  // `pending`. REQUIRES: has_room().
  void add(const Entry& entry, const RecordMarks& marks, std::string& pending);
  // Writes the bytes of the entries added last.
  Status write(std::string_view pending);
  Status sync() const;  // On any thread.
  // Forgets the entries behind `position`, which its successor supersedes.
  void cut_behind(const Position& position, Checksum sum);

 private:
  Segment(SegmentName name, UniqueFd fd, std::uint64_t size_bytes);

  std::uint64_t area_bytes() const { return size_bytes_ - 2 * kBlockBytes; }
  Term term_of(Index index) const;
  std::size_t slot_of(Index index) const { return index - header_.before.index - 1; }
  void begin(const SegmentHeader& header);
  std::size_t end_of(std::size_t slot) const;
  Status write_again(std::size_t slot);
  Error misread(Index index, std::uint64_t offset) const;

  SegmentName name_;
  UniqueFd fd_;
  std::uint64_t size_bytes_;
  MirroredBlock block_;
  SegmentHeader header_;
  RecordScan scan_;  // Of what is there now; offsets count from the end of the first header.
};

}  // namespace minidfs::consensus
