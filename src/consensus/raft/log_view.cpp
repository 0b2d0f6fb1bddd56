#include "consensus/raft/log_view.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "base/error.hpp"

namespace minidfs::consensus {

Position LogView::last() const {
  return empty() ? before_ : Position{runs_.back().term, last_index()};
}

std::optional<Term> LogView::term_at(Index index) const {
  if (index == before_.index) return before_.term;
  if (index < before_.index || index > last_index()) return std::nullopt;
  if (index >= runs_.back().first) return runs_.back().term;  // As most often.
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), index,
                       [](Index wanted, const Run& run) { return wanted < run.first; });
  return std::prev(after)->term;
}

Position LogView::last_not_above(Position most) const {
  auto index = std::min(most.index, last_index());
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (run->first > index) continue;
    if (run->term <= most.term) return {run->term, index};
    index = run->first - 1;
  }
  return before_;
}

LogView::Range LogView::range_from(Index first, std::uint64_t bytes_max) const {
  MDFS_ASSERT(first >= first_index() && first <= last_index() + 1);
  Range range{first - 1, 0};
  while (range.last < last_index()) {
    const auto next = kHeadBytes + bytes_[static_cast<std::size_t>(range.last - before_.index)];
    if (range.bytes > 0 && range.bytes + next > bytes_max) break;
    range.bytes += next;
    ++range.last;
  }
  return range;
}

void LogView::append(Term term, std::uint32_t bytes) {
  MDFS_ASSERT(term >= last().term);
  if (empty() || runs_.back().term != term) runs_.push_back({last_index() + 1, term});
  bytes_.push_back(bytes);
}

void LogView::cut(Index from) {
  MDFS_ASSERT(from > before_.index);
  if (from > last_index()) return;
  bytes_.resize(static_cast<std::size_t>(from - first_index()));
  while (!runs_.empty() && runs_.back().first >= from) runs_.pop_back();
}

void LogView::trim(Index to) {
  if (to <= before_.index) return;
  const auto term = term_at(to);
  MDFS_ASSERT(term.has_value());
  const auto count = static_cast<std::ptrdiff_t>(to - before_.index);
  bytes_.erase(bytes_.begin(), bytes_.begin() + count);
  before_ = {*term, to};
  while (runs_.size() > 1 && runs_[1].first <= first_index()) runs_.pop_front();
  if (empty()) {
    runs_.clear();
  } else {
    runs_.front().first = std::max(runs_.front().first, first_index());
  }
}

void LogView::reset(Position before) {
  before_ = before;
  runs_.clear();
  bytes_.clear();
}

}  // namespace minidfs::consensus
