#include "consensus/recent_entries.hpp"

#include <utility>

namespace minidfs::consensus {

void RecentEntries::add(const Entry& entry) {
  if (!entries_.empty() && entries_.back().index + 1 != entry.index) clear();
  entries_.push_back(entry);
  bytes_ += bytes_of(entry);
  while (bytes_ > bytes_max_ && front_ < entries_.size()) drop_front();
  if (front_ <= entries_.size() / 2) return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(front_));
  front_ = 0;
}

void RecentEntries::drop_front() {
  auto& entry = entries_[front_++];
  bytes_ -= bytes_of(entry);
  std::string().swap(entry.payload);
}

void RecentEntries::cut(Index from) {
  while (entries_.size() > front_ && entries_.back().index >= from) {
    bytes_ -= bytes_of(entries_.back());
    entries_.pop_back();
  }
  if (entries_.size() == front_) clear();
}

void RecentEntries::clear() {
  entries_.clear();
  front_ = bytes_ = 0;
}

std::span<const Entry> RecentEntries::between(Index first, Index last) const {
  if (front_ == entries_.size() || first > last) return {};
  const auto oldest = entries_[front_].index;
  if (first < oldest || last > entries_.back().index) return {};
  return std::span(entries_).subspan(front_ + (first - oldest), last - first + 1);
}

}  // namespace minidfs::consensus
