#include "transfer/memory_budget.hpp"

#include <numeric>

#include "base/result.hpp"

namespace minidfs::transfer {

MemoryBudget::MemoryBudget(std::size_t shared_bytes, std::size_t reserve_bytes)
    : shared_bytes_(shared_bytes), reserve_bytes_(reserve_bytes) {}

MemoryBudget::Ticket MemoryBudget::ask(std::size_t hops, std::size_t bytes, Time deadline) {
  MDFS_ASSERT(hops <= kHopsMax && bytes > 0 && bytes <= reserve_bytes_);
  waiting_[hops].emplace(++last_, Request{bytes, deadline});
  return last_;
}

bool MemoryBudget::cancel(Ticket ticket) {
  for (auto& queue : waiting_) {
    if (queue.erase(ticket) > 0) return true;
  }
  return false;
}

std::size_t MemoryBudget::above_reserve(std::size_t used) const {
  return used > reserve_bytes_ ? used - reserve_bytes_ : 0;
}

bool MemoryBudget::fits(std::size_t hops, std::size_t bytes) const {
  const std::size_t more = above_reserve(used_[hops] + bytes) - above_reserve(used_[hops]);
  return shared_used_ + more <= shared_bytes_;
}

void MemoryBudget::give_back(std::size_t hops, std::size_t bytes) {
  MDFS_ASSERT(hops <= kHopsMax && used_[hops] >= bytes);
  shared_used_ -= above_reserve(used_[hops]) - above_reserve(used_[hops] - bytes);
  used_[hops] -= bytes;
}

std::vector<MemoryBudget::Ticket> MemoryBudget::grant() {
  std::vector<Ticket> granted;
  for (;;) {
    std::size_t best = kClasses;
    for (std::size_t hops = 0; hops < kClasses; ++hops) {
      const auto& queue = waiting_[hops];
      if (queue.empty() || !fits(hops, queue.begin()->second.bytes)) continue;
      if (best == kClasses || queue.begin()->first < waiting_[best].begin()->first) best = hops;
    }
    if (best == kClasses) return granted;
    const auto first = waiting_[best].begin();
    const std::size_t bytes = first->second.bytes;
    shared_used_ += above_reserve(used_[best] + bytes) - above_reserve(used_[best]);
    used_[best] += bytes;
    granted.push_back(first->first);
    waiting_[best].erase(first);
  }
}

std::vector<MemoryBudget::Ticket> MemoryBudget::expire(Time now) {
  std::vector<Ticket> expired;
  for (auto& queue : waiting_) {
    for (auto at = queue.begin(); at != queue.end();) {
      if (at->second.deadline > now) {
        ++at;
        continue;
      }
      expired.push_back(at->first);
      at = queue.erase(at);
    }
  }
  return expired;
}

std::size_t MemoryBudget::used_bytes() const {
  return std::accumulate(used_.begin(), used_.end(), std::size_t{0});
}

std::size_t MemoryBudget::waiting() const {
  std::size_t count = 0;
  for (const auto& queue : waiting_) count += queue.size();
  return count;
}

}  // namespace minidfs::transfer
