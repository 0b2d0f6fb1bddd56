// Which sockets between this process and others are CAF's at the moment, and when each of them last
// carried anything. Counts them, and can cut some. Any thread; shared by a listener (or the
// connecting side) and the scribes of the connections, whichever lives longer.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "actors/admission_format.hpp"

namespace minidfs::actors {

// From one process's point of view: itself and the other. A test may hold several "processes".
struct Link {
  ProcessId local;
  ProcessId peer;
  friend auto operator<=>(const Link&, const Link&) = default;
};

// When a connection last carried bytes in either direction: told by the thread that serves it, and
// asked by others.
class Traffic {
 public:
  using Clock = std::chrono::steady_clock;

  void note() { note(Clock::now()); }
  void note(Clock::time_point now) {
    last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  Clock::time_point last() const {
    return Clock::time_point(Clock::duration(last_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<Clock::rep> last_{Clock::now().time_since_epoch().count()};
};

class ConnectionRegistry : public std::enable_shared_from_this<ConnectionRegistry> {
 public:
  using Clock = Traffic::Clock;
  // The listener's number of a connection; 0 for one that it did not accept.
  using Number = std::uint64_t;

  // One connection's entry. Must end before the socket is closed, because cut() uses the socket.
  class Slot {
   public:
    Slot() = default;
    Slot(std::shared_ptr<ConnectionRegistry> registry, Link link, int fd,
         std::shared_ptr<Traffic> traffic)
        : registry_(std::move(registry)), link_(link), fd_(fd), traffic_(std::move(traffic)) {}
    Slot(Slot&&) noexcept = default;
    Slot& operator=(Slot&&) = delete;
    ~Slot();

    const Link& link() const { return link_; }
    // Where whoever serves the connection notes what it carries. REQUIRES: not moved from.
    const std::shared_ptr<Traffic>& traffic() const { return traffic_; }

   private:
    std::shared_ptr<ConnectionRegistry> registry_;
    Link link_;
    int fd_ = -1;
    std::shared_ptr<Traffic> traffic_;
  };

  // `role`: of the peer; all connections of a link have the same one. REQUIRES: the registry is
  // owned by a shared_ptr. The socket stays the caller's.
  Slot add(const Link& link, int fd, Number number = 0, auth::Role role = auth::Role::kClient);

  std::size_t count() const;
  bool contains(const Link& link) const { return role_of(link).has_value(); }
  // None when there is no such connection.
  std::optional<auth::Role> role_of(const Link& link) const;
  // Clock::time_point::max() when there is no such connection.
  Clock::time_point last_traffic(Number number) const;
  // The numbers of those that have carried nothing since `before`.
  std::vector<Number> idle(Clock::time_point before) const;

  // Shuts every connection of `link` down in both directions, so that CAF finds them ended.
  void cut(const Link& link);
  void cut(Number number);
  void cut_all();
  // Counts all as having carried something at `now`: nobody looked at them for a while.
  void excuse(Clock::time_point now);

  // Called after each connection's end, on the thread that ended it, and never during or after a
  // later call of this; must not call the registry.
  void set_on_removed(std::function<void()> on_removed);
  // The numbers of the connections that have ended since the last call.
  std::vector<Number> take_ended();

  // Waits until no connection of `link` is left; false when it took longer than `patience`.
  bool wait_until_gone(const Link& link, std::chrono::milliseconds patience);

 private:
  using Key = std::pair<Link, int>;
  struct Entry {
    Number number = 0;
    auth::Role role = auth::Role::kClient;
    std::shared_ptr<Traffic> traffic;
  };

  void remove(const Link& link, int fd);

  mutable std::mutex mutex_;
  std::condition_variable removed_;
  std::map<Key, Entry> open_;
  std::map<Number, Key> numbered_;  // Those of open_ that have a number.
  std::vector<Number> ended_;
  std::function<void()> on_removed_;
};

}  // namespace minidfs::actors
