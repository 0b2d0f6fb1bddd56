// The two times of a namespace. Both are carried in the entries of the log and follow from these
// alone. Pure.
//
// The time of files is the wall clock of the namenode that proposed an entry, and never goes back.
// Cluster time is for what must not depend on anybody's clock: it says which clients were silent so
// long that their requests are forgotten. It only moves with the entries, by the steady clock of
// their proposer and by at most kClusterStepMax an entry, so that neither a wrong clock nor a
// machine that stood still makes clients old.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/ids.hpp"
#include "metadata/block_types.hpp"

namespace minidfs::metadata {

inline constexpr std::int64_t kClusterStepMaxMs = 2000;

// As of the last entry that was applied.
struct NamespaceTimes {
  std::int64_t file_ms = 0;     // Since the Unix epoch.
  std::int64_t cluster_ms = 0;  // Since the cluster's beginning, more or less.

  // Takes in the times of the next entry; 0 for one that carries none.
  void advance(std::int64_t entry_file_ms, std::int64_t entry_cluster_ms) {
    file_ms = std::max(file_ms, entry_file_ms);
    cluster_ms = std::max(cluster_ms, std::min(entry_cluster_ms, cluster_ms + kClusterStepMaxMs));
  }
};

// Stamps the entries of one proposer. Several proposers may have one each: the highest stamp holds.
class ClusterClock {
 public:
  ClusterClock() = default;
  // `cluster_ms` is what was applied last; `now` of the steady clock.
  ClusterClock(std::int64_t cluster_ms, TimePoint now) : cluster_ms_(cluster_ms), read_at_(now) {}

  // The cluster time of an entry that is proposed now.
  std::int64_t read(TimePoint now) {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - read_at_);
    if (passed.count() <= 0) return cluster_ms_;
    read_at_ += passed;
    cluster_ms_ += std::min<std::int64_t>(passed.count(), kClusterStepMaxMs);
    return cluster_ms_;
  }

 private:
  std::int64_t cluster_ms_ = 0;
  TimePoint read_at_{};
};

// The id under which a client numbers its requests holds the cluster time when the namenode gave it
// out, which no request of the client can come before. So whatever was forgotten about clients that
// were silent since, it is known of an unknown one whether it may be among them.
constexpr ClientId born_client(std::int64_t cluster_ms, std::uint64_t random) {
  return ClientId{static_cast<std::uint64_t>(cluster_ms), random};
}
// Ids of version 1 are random: most were born in no time to come.
constexpr std::int64_t birth_of(ClientId client) {
  constexpr auto kLast = static_cast<std::uint64_t>(INT64_MAX);
  return static_cast<std::int64_t>(std::min(client.high, kLast));
}

}  // namespace minidfs::metadata
