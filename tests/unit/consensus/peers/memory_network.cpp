#include "peers/memory_network.hpp"

#include <algorithm>

namespace minidfs::consensus::test {

class MemoryNetwork::Link final : public PeerLink {
 public:
  Link(MemoryNetwork& network, InterfaceVersion version) : network_(network), version_(version) {}
  ~Link() override { stop(); }

  void start(MemberId self, PeerInbox& inbox) override {
    self_ = self;
    inbox_ = &inbox;
    network_.join(*this);
  }
  void stop() override {
    if (inbox_ != nullptr) network_.leave(*this);
    inbox_ = nullptr;
  }
  void reach(std::vector<MemberAddress> members) override {
    const std::lock_guard lock(network_.mutex_);
    reached_.clear();
    for (const auto& member : members) reached_.insert(member.id);
    network_.connect_all();
  }
  void send(MemberId to, std::string bytes) override { network_.send(self_, to, std::move(bytes)); }

 private:
  friend class MemoryNetwork;
  MemoryNetwork& network_;
  const InterfaceVersion version_;
  MemberId self_ = 0;
  PeerInbox* inbox_ = nullptr;
  std::set<MemberId> reached_;
};

std::unique_ptr<PeerLink> MemoryNetwork::make_link(InterfaceVersion version) {
  return std::make_unique<Link>(*this, version);
}

void MemoryNetwork::cut(MemberId from, MemberId to) {
  const std::lock_guard lock(mutex_);
  cuts_.insert({from, to});
}

void MemoryNetwork::heal() {
  const std::lock_guard lock(mutex_);
  cuts_.clear();
  isolated_.clear();
}

void MemoryNetwork::isolate(MemberId member) {
  const std::lock_guard lock(mutex_);
  isolated_.insert(member);
}

void MemoryNetwork::disconnect(MemberId a, MemberId b) {
  const std::lock_guard lock(mutex_);
  const Pair pair = std::minmax(a, b);
  if (connections_.contains(pair)) end(pair);
  connect_all();
}

void MemoryNetwork::pause(MemberId member) {
  const std::lock_guard lock(mutex_);
  paused_.insert(member);
}

void MemoryNetwork::resume(MemberId member) {
  const std::lock_guard lock(mutex_);
  paused_.erase(member);
  resumed_.notify_all();
}

void MemoryNetwork::set_filter(std::function<bool(MemberId, MemberId, const std::string&)> filter) {
  const std::lock_guard lock(mutex_);
  filter_ = std::move(filter);
}

void MemoryNetwork::join(Link& link) {
  const std::lock_guard lock(mutex_);
  links_[link.self_] = &link;
  connect_all();
}

void MemoryNetwork::leave(Link& link) {
  const std::lock_guard lock(mutex_);
  links_.erase(link.self_);
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto pair = (at++)->first;
    if (pair.first == link.self_ || pair.second == link.self_) end(pair);
  }
}

void MemoryNetwork::send(MemberId from, MemberId to, std::string bytes) {
  std::unique_lock lock(mutex_);
  resumed_.wait(lock, [&] { return !paused_.contains(from); });
  const auto connection = connections_.find(std::minmax(from, to));
  if (connection == connections_.end() || cuts_.contains({from, to})) return;
  if (isolated_.contains(from) || isolated_.contains(to)) return;
  if (filter_ && !filter_(from, to, bytes)) return;
  links_.at(to)->inbox_->received(from, connection->second, std::move(bytes));
}

// Those of which one reaches the other.
void MemoryNetwork::connect_all() {
  for (const auto& [a, first] : links_) {
    for (const auto& [b, second] : links_) {
      if (a >= b) continue;
      const bool wanted = first->reached_.contains(b) || second->reached_.contains(a);
      const bool there = connections_.contains({a, b});
      if (there && !wanted) end({a, b});
      if (there || !wanted) continue;
      const auto epoch = connections_[{a, b}] = ++last_epoch_;
      first->inbox_->connected(b, epoch, second->version_);
      second->inbox_->connected(a, epoch, first->version_);
    }
  }
}

void MemoryNetwork::end(const Pair& pair) {
  const auto epoch = connections_.extract(pair).mapped();
  const auto tell = [&](MemberId member, MemberId peer) {
    const auto found = links_.find(member);
    if (found != links_.end()) found->second->inbox_->disconnected(peer, epoch);
  };
  tell(pair.first, pair.second);
  tell(pair.second, pair.first);
}

}  // namespace minidfs::consensus::test
