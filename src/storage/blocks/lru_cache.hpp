// A bounded map that forgets what was used least recently. Thread-safe; values are shared.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

namespace minidfs::storage {

template <class Key, class Value>
class LruCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}

  // Null when there is none.
  std::shared_ptr<Value> find(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void insert(const Key& key, std::shared_ptr<Value> value) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found != index_.end()) entries_.erase(found->second);
    entries_.emplace_front(key, std::move(value));
    index_[key] = entries_.begin();
    if (entries_.size() <= capacity_) return;
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }

  void erase(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
  }

  void clear() {
    erase_if([](const Key&) { return true; });
  }

  template <class Predicate>
  void erase_if(const Predicate& matches) {
    const std::lock_guard lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (!matches(it->first)) {
        ++it;
        continue;
      }
      index_.erase(it->first);
      it = entries_.erase(it);
    }
  }

 private:
  using Entries = std::list<std::pair<Key, std::shared_ptr<Value>>>;

  const std::size_t capacity_;
  std::mutex mutex_;
  Entries entries_;  // The most recently used first.
  absl::flat_hash_map<Key, typename Entries::iterator> index_;
};

}  // namespace minidfs::storage
