// Which clients the namespace remembers the requests of, and since when each has been silent. Those
// that were silent for long are forgotten, and the most silent ones when there are too many. Part
// of the replicated state: a function of the entries applied. Pure.
#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/ids.hpp"

namespace minidfs::metadata {

// A client that was silent for longer, in cluster time, is forgotten.
inline constexpr std::int64_t kClientIdleMs = 10 * 60 * 1000;
inline constexpr std::size_t kClientsMax = 10'000;

// Whether a client that is not known may have been before, or may not be known again once it is
// forgotten: what it asks for may have been done already, or come to be done twice. The latter
// holds of one that was born after `cluster_ms`, the time of the last entry, which has no client of
// its own: the namespace went back, and the client is from what it does not hold any more.
// `forgotten_ms` as ClientAges says.
bool may_be_forgotten(ClientId unknown, std::int64_t cluster_ms, std::int64_t forgotten_ms);

class ClientAges {
 public:
  struct Options {
    std::int64_t idle_ms = kClientIdleMs;
    std::size_t clients_max = kClientsMax;  // At least 1.
  };
  ClientAges() : ClientAges(Options{}) {}
  explicit ClientAges(Options options) : options_(options) {}

  // As it was kept: what forgotten_ms() said, and each client with the time of its last request.
  void restore(std::int64_t forgotten_ms) { forgotten_ms_ = forgotten_ms; }
  void restore(ClientId client, std::int64_t seen_ms);

  bool is_known(ClientId client) const { return seen_.contains(client); }
  bool may_be_forgotten(ClientId client, std::int64_t cluster_ms) const;
  // An entry of the client has come, which makes it `cluster_ms`. Returns the clients that are
  // forgotten by that, which are never the client itself.
  std::vector<ClientId> seen(ClientId client, std::int64_t cluster_ms);

  // REQUIRES: the client is known.
  std::int64_t seen_ms(ClientId client) const { return seen_.at(client); }
  // When the client that was forgotten with the latest request had that request; -1 for none.
  std::int64_t forgotten_ms() const { return forgotten_ms_; }
  std::size_t size() const { return seen_.size(); }

 private:
  Options options_;
  std::int64_t forgotten_ms_ = -1;
  absl::flat_hash_map<ClientId, std::int64_t> seen_;            // With the latest time.
  absl::btree_set<std::pair<std::int64_t, ClientId>> by_seen_;  // The same, oldest first.
};

}  // namespace minidfs::metadata
