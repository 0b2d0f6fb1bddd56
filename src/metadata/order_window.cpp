#include "metadata/order_window.hpp"

#include <algorithm>

namespace minidfs::metadata {

void OrderWindow::add(BlockId block, std::uint64_t generation) {
  const auto sent = sent_.find(block);
  if (sent != sent_.end() && sent->second.generation >= generation) return;
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
  const auto sent = sent_.find(block);
  if (sent == sent_.end()) return;
  reached_ = std::max(reached_, sent->second.at);
  sent_.erase(sent);
  moved_ = now;
}

void OrderWindow::restart() {
  for (const auto& [block, sent] : sent_) put_back(block, sent);
  sent_.clear();
}

void OrderWindow::put_back(BlockId block, const Sent& sent) {
  auto& pending = pending_[block];
  pending = {std::max(pending.generation, sent.generation), true};
}

void OrderWindow::repeat_passed_over() {
  absl::erase_if(sent_, [this](const auto& entry) {
    const auto& [block, sent] = entry;
    if (reached_ - sent.at < options_.repeat_after) return false;
    put_back(block, sent);
    return true;
  });
}

std::vector<OrderWindow::Order> OrderWindow::take(TimePoint now,
                                                  const std::function<bool(BlockId)>& due) {
  if (sent_.empty()) moved_ = now;
  if (now - moved_ >= options_.repeat_after) {
    restart();
    moved_ = now;
  } else if (now - looked_ >= options_.repeat_after) {
    repeat_passed_over();
    looked_ = now;
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
    sent = {std::max(sent.generation, at->second.generation), now};
  }
  pending_.erase(pending_.begin(), at);
  return orders;
}

}  // namespace minidfs::metadata
