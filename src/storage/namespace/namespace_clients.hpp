// The kept replies of all clients in the namespace database. What is kept and what is dropped
// depends on the applied entries alone, never on batches, caches or the local clock.
#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "metadata/changes.hpp"
#include "metadata/namespace_replies.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

// A client that was silent for longer, by the times in the entries, is dropped.
inline constexpr std::int64_t kClientIdleMs = 10 * 60 * 1000;
inline constexpr std::size_t kClientsMax = 10'000;

class ClientReplies {
 public:
  // `clock_ms` is the latest time in any entry applied so far.
  static Result<ClientReplies> open(Database& database, std::int64_t clock_ms);

  // Notes that an entry of `request` with this time has come, drops what that makes obsolete, and
  // says whether the request was answered before. The view holds until the next call.
  Result<metadata::ReplyWindow::Lookup> begin(const metadata::RequestId& request,
                                              std::int64_t time_ms);
  // Keeps the reply. REQUIRES: begin() of the same request said kNever.
  Status keep(const metadata::RequestId& request, std::string_view reply);

  // Writes what changed, one row for each client.
  Status flush();

  std::int64_t clock_ms() const { return clock_ms_; }
  std::size_t size() const { return seen_.size(); }

 private:
  struct Window {
    metadata::ReplyWindow replies;
    bool dirty = false;
  };

  Result<Window*> load(ClientId client);
  Status set_seen(ClientId client);
  Status drop(ClientId client);

  std::int64_t clock_ms_ = 0;
  absl::flat_hash_map<ClientId, std::int64_t> seen_;  // Every client, with its latest time.
  absl::btree_set<std::pair<std::int64_t, ClientId>> by_seen_;  // The same, oldest first.

  absl::flat_hash_map<ClientId, std::unique_ptr<Window>> windows_;  // Those in memory.
  std::vector<ClientId> dirty_;
  std::size_t memory_bytes_ = 0;  // Of windows_.

  Statement select_;
  Statement write_;
  Statement delete_;
};

}  // namespace minidfs::storage
