#include "metadata/orphan_collector.hpp"

#include <algorithm>

namespace minidfs::metadata {

void OrphanCollector::schedule(BlockId block, TimePoint due) {
  const auto [at, created] = due_of_.try_emplace(block, due);
  if (!created) {
    queue_.erase({at->second, block});
    at->second = due;
  }
  queue_.insert({due, block});
}

void OrphanCollector::forget(BlockId block) {
  const auto at = due_of_.find(block);
  if (at == due_of_.end()) return;
  queue_.erase({at->second, block});
  due_of_.erase(at);
}

void OrphanCollector::begin_again(TimePoint now) {
  queue_.clear();
  for (auto& [block, due] : due_of_) {
    due = now + options_.grace;
    queue_.insert({due, block});
  }
}

std::vector<BlockId> OrphanCollector::due(BlockMap& map, const WriteSessions& sessions,
                                          const Situation& situation, TimePoint now) {
  for (const BlockId block : map.take_new_unowned(options_.blocks_max)) {
    const auto view = map.find(block);
    if (!view || view->owned) continue;
    // The deletions of a freed block were handed out when it was freed: they may only need to be
    // repeated.
    schedule(block, now + (view->freed ? options_.repeat_after : options_.grace));
  }
  std::vector<BlockId> blocks;
  if (situation.safe_mode || !situation.all_live_reported) return blocks;
  for (std::size_t i = 0; i < options_.blocks_max && !queue_.empty(); ++i) {
    const auto [when, block] = *queue_.begin();
    if (now < when) break;
    const auto view = map.find(block);
    if (!view || view->owned) {
      forget(block);
      continue;
    }
    if (const auto renewed = sessions.last_renewal(block); renewed && !view->freed) {
      const auto until = *renewed + std::max(options_.grace, sessions.options().grace);
      if (now < until) {
        schedule(block, until);
        continue;
      }
    }
    schedule(block, now + options_.repeat_after);
    blocks.push_back(block);
  }
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

}  // namespace minidfs::metadata
