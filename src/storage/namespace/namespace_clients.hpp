// The kept replies of all clients in the namespace database. What is kept and what is dropped
// depends on the applied entries alone, never on batches, caches or anybody's clock.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "metadata/changes.hpp"
#include "metadata/client_ages.hpp"
#include "metadata/namespace_replies.hpp"
#include "storage/sqlite.hpp"

namespace minidfs::storage {

class ClientReplies {
 public:
  // `forgotten_ms` as forgotten_ms() said when the database was last committed.
  static Result<ClientReplies> open(Database& database, std::int64_t forgotten_ms);

  // Notes that an entry of `request` has come, which makes it `cluster_ms`, drops what that makes
  // obsolete, and says whether the request was answered before. The view holds until the next call.
  // kForgotten also for a client that is not known and may have been forgotten: nothing is noted of
  // it then. `timed`: the entry carries a cluster time. One of version 1 carries none, and the ids
  // of its time no birth that could lie ahead.
  Result<metadata::ReplyWindow::Lookup> begin(const metadata::RequestId& request,
                                              std::int64_t cluster_ms, bool timed);
  // Keeps the reply. REQUIRES: begin() of the same request said kNever.
  Status keep(const metadata::RequestId& request, std::string_view reply);

  // Writes what changed, one row for each client.
  Status flush();

  // As metadata::ClientAges says, to be kept in the database.
  std::int64_t forgotten_ms() const { return ages_.forgotten_ms(); }
  std::size_t size() const { return ages_.size(); }

 private:
  struct Window {
    metadata::ReplyWindow replies;
    bool dirty = false;
  };

  Result<Window*> load(ClientId client);
  Status drop(ClientId client);

  metadata::ClientAges ages_;
  absl::flat_hash_map<ClientId, std::unique_ptr<Window>> windows_;  // Those in memory.
  std::vector<ClientId> dirty_;
  std::size_t memory_bytes_ = 0;  // Of windows_.

  Statement select_;
  Statement write_;
  Statement delete_;
};

}  // namespace minidfs::storage
