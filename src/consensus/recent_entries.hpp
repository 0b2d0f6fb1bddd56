// The end of the log in memory, for followers who are nearly up to date: they are sent entries
// without a read of the disk. A value.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "consensus/types.hpp"

namespace minidfs::consensus {

class RecentEntries {
 public:
  // Of payloads, and what an entry takes beside.
  explicit RecentEntries(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Forgets others unless this one follows them, and the oldest when there are too many bytes.
  void add(const Entry& entry);
  // Those from `from` on are no more.
  void cut(Index from);
  void clear();

  // None when one of them is not here. Until the next change.
  std::span<const Entry> between(Index first, Index last) const;
  std::size_t bytes() const { return bytes_; }

 private:
  static std::size_t bytes_of(const Entry& entry) { return entry.payload.size() + sizeof entry; }
  void drop_front();

  std::size_t bytes_max_;
  std::vector<Entry> entries_;  // Those before front_ are forgotten.
  std::size_t front_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace minidfs::consensus
