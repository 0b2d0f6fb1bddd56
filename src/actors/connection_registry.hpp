// Which sockets between this process and others are CAF's at the moment. Counts them against a
// limit, and can cut those to one peer. Any thread; shared by a listener (or the connecting side)
// and the scribes of the connections, whichever lives longer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "actors/admission_format.hpp"

namespace minidfs::actors {

// From one process's point of view: itself and the other. A test may hold several "processes".
struct Link {
  ProcessId local;
  ProcessId peer;
  friend auto operator<=>(const Link&, const Link&) = default;
};

class ConnectionRegistry : public std::enable_shared_from_this<ConnectionRegistry> {
 public:
  // One connection's entry. Must end before the socket is closed, because cut() uses the socket.
  class Slot {
   public:
    Slot() = default;
    Slot(std::shared_ptr<ConnectionRegistry> registry, Link link, int fd)
        : registry_(std::move(registry)), link_(link), fd_(fd) {}
    Slot(Slot&& other) noexcept
        : registry_(std::move(other.registry_)), link_(other.link_), fd_(other.fd_) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot();

   private:
    std::shared_ptr<ConnectionRegistry> registry_;
    Link link_;
    int fd_ = -1;
  };

  // REQUIRES: the registry is owned by a shared_ptr. The socket stays the caller's.
  Slot add(const Link& link, int fd);

  std::size_t count() const;
  bool contains(const Link& link) const;

  // Shuts every connection of `link` down in both directions, so that CAF finds them ended.
  void cut(const Link& link);
  void cut_all();

  // Called after each connection's end, on the thread that ended it, and never during or after a
  // later call of this; must not call the registry.
  void set_on_removed(std::function<void()> on_removed);

  // Waits until no connection of `link` is left; false when it took longer than `patience`.
  bool wait_until_gone(const Link& link, std::chrono::milliseconds patience);

 private:
  void remove(const Link& link, int fd);

  mutable std::mutex mutex_;
  std::condition_variable removed_;
  std::set<std::pair<Link, int>> open_;
  std::function<void()> on_removed_;
};

}  // namespace minidfs::actors
