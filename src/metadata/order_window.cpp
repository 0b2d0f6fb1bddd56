#include "metadata/order_window.hpp"

#include <algorithm>

namespace minidfs::metadata {

void OrderWindow::add(BlockId block, std::uint64_t generation) {
  const auto sent = sent_.find(block);
  if (sent != sent_.end() && sent->second >= generation) return;
  auto& pending = pending_[block];
  pending.generation = std::max(pending.generation, generation);
}

void OrderWindow::confirmed(BlockId block, std::uint64_t generation, TimePoint now) {
  if (const auto at = pending_.find(block);
      at != pending_.end() && at->second.generation <= generation) {
    pending_.erase(at);
  }
  // The datanode answers an order with the order's own generation or an older replica's; either
  // way that order is done.
  if (sent_.erase(block) > 0) moved_ = now;
}

void OrderWindow::restart() {
  for (const auto& [block, generation] : sent_) {
    auto& pending = pending_[block];
    pending = {std::max(pending.generation, generation), true};
  }
  sent_.clear();
}

std::vector<OrderWindow::Order> OrderWindow::take(TimePoint now,
                                                  const std::function<bool(BlockId)>& due) {
  if (sent_.empty()) moved_ = now;
  if (now - moved_ >= options_.repeat_after) {
    restart();
    moved_ = now;
  }
  std::vector<Order> orders;
  std::size_t forgotten = 0;
  auto at = pending_.begin();
  for (; at != pending_.end() && sent_.size() < options_.unconfirmed_max; ++at) {
    if (!due(at->first)) {
      if (++forgotten < options_.forgotten_max) continue;
      ++at;
      break;
    }
    orders.push_back({at->first, at->second.generation, at->second.again});
    auto& sent = sent_[at->first];
    sent = std::max(sent, at->second.generation);
  }
  pending_.erase(pending_.begin(), at);
  return orders;
}

}  // namespace minidfs::metadata
