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

ConnectionRegistry::Slot ConnectionRegistry::add(const Link& link, int fd, Number number,
                                                 auth::Role role) {
  auto traffic = std::make_shared<Traffic>();
  const std::lock_guard lock(mutex_);
  open_.insert_or_assign({link, fd}, Entry{number, role, traffic});
  if (number != 0) numbered_[number] = {link, fd};
  return Slot(shared_from_this(), link, fd, std::move(traffic));
}

std::size_t ConnectionRegistry::count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

std::optional<auth::Role> ConnectionRegistry::role_of(const Link& link) const {
  const std::lock_guard lock(mutex_);
  const auto first = open_.lower_bound({link, kAnyFd});
  if (first == open_.end() || first->first.first != link) return std::nullopt;
  return first->second.role;
}

ConnectionRegistry::Clock::time_point ConnectionRegistry::last_traffic(Number number) const {
  const std::lock_guard lock(mutex_);
  const auto found = numbered_.find(number);
  if (found == numbered_.end()) return Clock::time_point::max();
  return open_.find(found->second)->second.traffic->last();
}

std::vector<ConnectionRegistry::Number> ConnectionRegistry::idle(Clock::time_point before) const {
  const std::lock_guard lock(mutex_);
  std::vector<Number> idle;
  for (const auto& [number, key] : numbered_) {
    if (open_.find(key)->second.traffic->last() < before) idle.push_back(number);
  }
  return idle;
}

void ConnectionRegistry::cut(const Link& link) {
  const std::lock_guard lock(mutex_);
  for (auto it = open_.lower_bound({link, kAnyFd}); it != open_.end() && it->first.first == link;
       ++it) {
    ::shutdown(it->first.second, SHUT_RDWR);
  }
}

void ConnectionRegistry::cut(Number number) {
  const std::lock_guard lock(mutex_);
  const auto found = numbered_.find(number);
  if (found != numbered_.end()) ::shutdown(found->second.second, SHUT_RDWR);
}

void ConnectionRegistry::cut_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : open_) ::shutdown(key.second, SHUT_RDWR);
}

void ConnectionRegistry::excuse(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : open_) entry.traffic->note(now);
}

void ConnectionRegistry::set_on_removed(std::function<void()> on_removed) {
  const std::lock_guard lock(mutex_);
  on_removed_ = std::move(on_removed);
}

std::vector<ConnectionRegistry::Number> ConnectionRegistry::take_ended() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ended_, {});
}

bool ConnectionRegistry::wait_until_gone(const Link& link, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return removed_.wait_for(lock, patience, [&] {
    const auto first = open_.lower_bound({link, kAnyFd});
    return first == open_.end() || first->first.first != link;
  });
}

void ConnectionRegistry::remove(const Link& link, int fd) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find({link, fd});
  if (found == open_.end()) return;
  if (const Number number = found->second.number; number != 0) {
    numbered_.erase(number);
    ended_.push_back(number);
  }
  open_.erase(found);
  removed_.notify_all();
  if (on_removed_) on_removed_();
}

}  // namespace minidfs::actors
