// Where the entries of a log are, of what term and size: 4 bytes of memory an entry. The payloads
// are its owner's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "consensus/types.hpp"

namespace minidfs::consensus {

class LogView {
 public:
  // Of the entry before the first one, which the log no longer has.
  Position before() const { return before_; }
  Index first_index() const { return before_.index + 1; }
  Position last() const;
  Index last_index() const { return before_.index + bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  // None outside of [before().index, last_index()].
  std::optional<Term> term_at(Index index) const;
  bool contains(Position position) const { return term_at(position.index) == position.term; }
  // The newest entry, `most` or before it, whose term is not above most.term: logs that part do so
  // after one like it (3.5). before() when there is none.
  Position last_not_above(Position most) const;

  // What an entry takes in a message beside its payload, and counts for here.
  static constexpr std::uint64_t kHeadBytes = 24;
  // The entries from `first` on, as far as they fit into `bytes_max`; the first one in any case.
  // REQUIRES: first_index() <= first <= last_index() + 1.
  struct Range {
    Index last = 0;  // first - 1 when the log has none.
    std::uint64_t bytes = 0;
  };
  Range range_from(Index first, std::uint64_t bytes_max) const;

  // REQUIRES: a term not below that of the last entry.
  void append(Term term, std::uint32_t bytes);
  // Drops the entries from `from` on. REQUIRES: from > before().index.
  void cut(Index from);
  // Drops the entries up to `to`. REQUIRES: to <= last_index().
  void trim(Index to);
  // An empty log that goes on after `before`.
  void reset(Position before);

 private:
  // Entries from `first` on have this term, up to the next run.
  struct Run {
    Index first = 0;
    Term term = 0;
  };

  Position before_;
  std::deque<Run> runs_;  // Of the entries; ascending by both.
  std::deque<std::uint32_t> bytes_;
};

}  // namespace minidfs::consensus
