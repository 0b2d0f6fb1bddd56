// Connections that stand idle, kept for the next one who needs the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace minidfs::client {

// Thread-safe. Connections are closed outside its lock, since that may take a while.
template <class Key, class Connection>
class IdlePool {
 public:
  // When more than `most` stand idle, the one that does so longest is closed.
  explicit IdlePool(std::size_t most) : most_(most) {}

  // The last one that was given back under this key.
  std::optional<Connection> take(const Key& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const auto& idle) { return idle.first == key; });
    if (found == idle_.rend()) return std::nullopt;
    std::optional<Connection> connection(std::move(found->second));
    idle_.erase(std::prev(found.base()));
    return connection;
  }

  void give_back(Key key, Connection connection) {
    std::optional<Connection> closed;
    const std::lock_guard lock(mutex_);
    idle_.emplace_back(std::move(key), std::move(connection));
    if (idle_.size() <= most_) return;
    closed = std::move(idle_.front().second);
    idle_.pop_front();
  }

  // Closes those whose key it is true of.
  template <class Condition>
  void close_if(const Condition& condition) {
    std::vector<std::pair<Key, Connection>> closed;
    const std::lock_guard lock(mutex_);
    const auto first = std::stable_partition(
        idle_.begin(), idle_.end(), [&](const auto& idle) { return !condition(idle.first); });
    std::move(first, idle_.end(), std::back_inserter(closed));
    idle_.erase(first, idle_.end());
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::deque<std::pair<Key, Connection>> idle_;  // The longest idle one first.
};

}  // namespace minidfs::client
