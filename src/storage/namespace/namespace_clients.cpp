#include "storage/namespace/namespace_clients.hpp"

#include <algorithm>

#include "metadata/namespace_times.hpp"

namespace minidfs::storage {

using metadata::ReplyWindow;
using metadata::RequestId;

namespace {

constexpr std::size_t kMemoryBytesMax = 8U << 20U;

}  // namespace

Result<ClientReplies> ClientReplies::open(Database& database, std::int64_t forgotten_ms) {
  ClientReplies clients;
  clients.forgotten_ms_ = forgotten_ms;
  MDFS_TRY(clients.select_,
           database.prepare("SELECT replies FROM client WHERE high = ?1 AND low = ?2"));
  MDFS_TRY(clients.write_,
           database.prepare("INSERT OR REPLACE INTO client VALUES(?1, ?2, ?3, ?4)"));
  MDFS_TRY(clients.delete_, database.prepare("DELETE FROM client WHERE high = ?1 AND low = ?2"));
  MDFS_TRY(Statement all, database.prepare("SELECT high, low, seen_ms FROM client"));
  while (true) {
    MDFS_TRY(const bool row, all.step());
    if (!row) return clients;
    const ClientId client{all.unsigned_integer(0), all.unsigned_integer(1)};
    clients.seen_[client] = all.integer(2);
    clients.by_seen_.emplace(all.integer(2), client);
  }
}

Result<ClientReplies::Window*> ClientReplies::load(ClientId client) {
  auto& slot = windows_[client];
  if (slot) return slot.get();
  auto window = std::make_unique<Window>();
  if (seen_.contains(client)) {
    const StatementScope scope(select_);
    select_.bind_all(client.high, client.low);
    MDFS_TRY(const bool row, select_.step());
    if (row) {
      MDFS_TRY(window->replies, ReplyWindow::decode(select_.bytes(0)));
    }
  }
  memory_bytes_ += window->replies.memory_bytes();
  slot = std::move(window);
  return slot.get();
}

Status ClientReplies::drop(ClientId client) {
  const auto seen = seen_.find(client);
  forgotten_ms_ = std::max(forgotten_ms_, seen->second);
  by_seen_.erase({seen->second, client});
  seen_.erase(seen);
  if (const auto window = windows_.find(client); window != windows_.end()) {
    memory_bytes_ -= window->second->replies.memory_bytes();
    windows_.erase(window);
  }
  return delete_.bind_all(client.high, client.low).run();
}

Status ClientReplies::set_seen(ClientId client, std::int64_t cluster_ms) {
  const auto [seen, is_new] = seen_.try_emplace(client, cluster_ms);
  if (!is_new) {
    if (seen->second == cluster_ms) return {};
    by_seen_.erase({seen->second, client});
    seen->second = cluster_ms;
  }
  by_seen_.emplace(cluster_ms, client);
  while (seen_.size() > kClientsMax || by_seen_.begin()->first < cluster_ms - kClientIdleMs) {
    // The oldest is never `client` itself but when all have the same time; then it is a new client
    // that takes the place of another one.
    auto oldest = by_seen_.begin();
    if (oldest->second == client) ++oldest;
    MDFS_CHECK(drop(ClientId(oldest->second)));
  }
  return {};
}

Result<ReplyWindow::Lookup> ClientReplies::begin(const RequestId& request,
                                                 std::int64_t cluster_ms) {
  if (!seen_.contains(request.client) && metadata::birth_of(request.client) <= forgotten_ms_) {
    return ReplyWindow::Lookup{ReplyWindow::Seen::kForgotten, {}};
  }
  MDFS_TRY(Window * window, load(request.client));
  MDFS_CHECK(set_seen(request.client, cluster_ms));
  if (!window->dirty) {
    window->dirty = true;
    dirty_.push_back(request.client);
  }
  const std::size_t before = window->replies.memory_bytes();
  window->replies.acknowledge_below(request.acknowledged_below);
  memory_bytes_ = memory_bytes_ + window->replies.memory_bytes() - before;
  return window->replies.find(request.sequence);
}

Status ClientReplies::keep(const RequestId& request, std::string_view reply) {
  MDFS_TRY(Window * window, load(request.client));
  const std::size_t before = window->replies.memory_bytes();
  window->replies.add(request.sequence, reply);
  memory_bytes_ = memory_bytes_ + window->replies.memory_bytes() - before;
  return {};
}

Status ClientReplies::flush() {
  for (const ClientId& client : dirty_) {
    const auto found = windows_.find(client);
    if (found == windows_.end() || !found->second->dirty) continue;  // Dropped meanwhile.
    found->second->dirty = false;
    const std::string replies = found->second->replies.encode();
    write_.bind_all(client.high, client.low, seen_.at(client));
    write_.bind_blob(4, replies);
    MDFS_CHECK(write_.run());
  }
  dirty_.clear();
  if (memory_bytes_ > kMemoryBytesMax) {
    windows_.clear();
    memory_bytes_ = 0;
  }
  return {};
}

}  // namespace minidfs::storage
