#include "storage/namespace/namespace_clients.hpp"

namespace minidfs::storage {

using metadata::ReplyWindow;
using metadata::RequestId;

namespace {

constexpr std::size_t kMemoryBytesMax = 8U << 20U;

}  // namespace

Result<ClientReplies> ClientReplies::open(Database& database, std::int64_t forgotten_ms) {
  ClientReplies clients;
  clients.ages_.restore(forgotten_ms);
  MDFS_TRY(clients.select_,
           database.prepare("SELECT replies FROM client WHERE high = ?1 AND low = ?2"));
  MDFS_TRY(clients.write_,
           database.prepare("INSERT OR REPLACE INTO client VALUES(?1, ?2, ?3, ?4)"));
  MDFS_TRY(clients.delete_, database.prepare("DELETE FROM client WHERE high = ?1 AND low = ?2"));
  MDFS_TRY(Statement all, database.prepare("SELECT high, low, seen_ms FROM client"));
  while (true) {
    MDFS_TRY(const bool row, all.step());
    if (!row) return clients;
    clients.ages_.restore({all.unsigned_integer(0), all.unsigned_integer(1)}, all.integer(2));
  }
}

Result<ClientReplies::Window*> ClientReplies::load(ClientId client) {
  auto& slot = windows_[client];
  if (slot) return slot.get();
  auto window = std::make_unique<Window>();
  if (ages_.is_known(client)) {
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
  if (const auto window = windows_.find(client); window != windows_.end()) {
    memory_bytes_ -= window->second->replies.memory_bytes();
    windows_.erase(window);
  }
  return delete_.bind_all(client.high, client.low).run();
}

Result<ReplyWindow::Lookup> ClientReplies::begin(const RequestId& request, std::int64_t cluster_ms,
                                                 bool timed) {
  if (ages_.may_be_forgotten(request.client, timed ? cluster_ms : INT64_MAX)) {
    return ReplyWindow::Lookup{ReplyWindow::Seen::kForgotten, {}};
  }
  MDFS_TRY(Window * window, load(request.client));
  for (const ClientId client : ages_.seen(request.client, cluster_ms)) MDFS_CHECK(drop(client));
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
    write_.bind_all(client.high, client.low, ages_.seen_ms(client));
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
