#include "net/connection_shares.hpp"

#include <algorithm>

namespace minidfs::net {

std::optional<ConnectionShares::Id> ConnectionShares::come(Id id) {
  std::optional<Id> leaves;
  if (strangers_.size() >= limits_.strangers) leaves = give_way();
  strangers_.insert(id);
  return leaves;
}

std::optional<ConnectionShares::Id> ConnectionShares::give_way() {
  if (strangers_.empty()) return std::nullopt;
  const Id oldest = *strangers_.begin();
  strangers_.erase(strangers_.begin());
  return oldest;
}

ConnectionShares::Entry ConnectionShares::enter(Id id, Kind kind, TimePoint now,
                                                const IdleSince& idle_since) {
  Entry entry;
  if (!has_room(kind)) {
    // Peers have their reserve from clients, not from one another: they may take any place.
    entry.leaves = take_idle(Kind::kClient, now, idle_since);
    if (!entry.leaves && kind == Kind::kPeer) entry.leaves = take_idle(kind, now, idle_since);
    if (!entry.leaves) return entry;
  }
  strangers_.erase(id);
  auto& list = of(kind);
  members_[id] = {kind, list.insert(list.end(), id)};
  entry.admitted = true;
  return entry;
}

void ConnectionShares::leave(Id id) {
  strangers_.erase(id);
  const auto found = members_.find(id);
  if (found == members_.end()) return;
  of(found->second.kind).erase(found->second.place);
  members_.erase(found);
}

bool ConnectionShares::has_room(Kind kind) const {
  if (members_.size() >= limits_.members) return false;
  const std::size_t reserved = std::min(limits_.reserved, limits_.members);
  return kind == Kind::kPeer || clients_.size() < limits_.members - reserved;
}

// A member that has work goes to the end of its list, so that the next search begins elsewhere.
std::optional<ConnectionShares::Id> ConnectionShares::take_idle(Kind kind, TimePoint now,
                                                                const IdleSince& idle_since) {
  auto& list = of(kind);
  for (std::size_t left = list.size(); left > 0; --left) {
    const Id id = list.front();
    const auto since = idle_since(id);
    if (since <= now && now - since >= limits_.spare_after) {
      leave(id);
      return id;
    }
    list.splice(list.end(), list, list.begin());
  }
  return std::nullopt;
}

}  // namespace minidfs::net
