#include "actors/connection_registry.hpp"

#include <sys/socket.h>

#include <limits>

namespace minidfs::actors {
namespace {

constexpr int kAnyFd = std::numeric_limits<int>::min();

}  // namespace

ConnectionRegistry::Slot::~Slot() {
  if (registry_) registry_->remove(link_, fd_);
}

ConnectionRegistry::Slot ConnectionRegistry::add(const Link& link, int fd) {
  const std::lock_guard lock(mutex_);
  open_.emplace(link, fd);
  return Slot(shared_from_this(), link, fd);
}

std::size_t ConnectionRegistry::count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

bool ConnectionRegistry::contains(const Link& link) const {
  const std::lock_guard lock(mutex_);
  const auto first = open_.lower_bound({link, kAnyFd});
  return first != open_.end() && first->first == link;
}

void ConnectionRegistry::cut(const Link& link) {
  const std::lock_guard lock(mutex_);
  for (auto it = open_.lower_bound({link, kAnyFd}); it != open_.end() && it->first == link; ++it) {
    ::shutdown(it->second, SHUT_RDWR);
  }
}

void ConnectionRegistry::cut_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [link, fd] : open_) ::shutdown(fd, SHUT_RDWR);
}

void ConnectionRegistry::set_on_removed(std::function<void()> on_removed) {
  const std::lock_guard lock(mutex_);
  on_removed_ = std::move(on_removed);
}

bool ConnectionRegistry::wait_until_gone(const Link& link, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return removed_.wait_for(lock, patience, [&] {
    const auto first = open_.lower_bound({link, kAnyFd});
    return first == open_.end() || first->first != link;
  });
}

void ConnectionRegistry::remove(const Link& link, int fd) {
  const std::lock_guard lock(mutex_);
  open_.erase({link, fd});
  removed_.notify_all();
  if (on_removed_) on_removed_();
}

}  // namespace minidfs::actors
