// The last hour of a cluster, as this server has seen it, and of its own requests. In memory only,
// and no more of it than fits in two rings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "http/rest/cluster_changes.hpp"
#include "http/traffic.hpp"

namespace minidfs::http::rest {

// Ten seconds of it.
struct HistorySample {
  std::uint64_t number = 0;  // From 1.
  std::int64_t time_ms = 0;  // Its end, by the time of day.
  double seconds = 0;        // What it spans.
  TrafficCounts traffic;     // In that time.
  std::uint64_t live = 0;    // Datanodes at its end, as what follows.
  std::uint64_t nodes = 0;
  std::uint64_t lacking = 0;  // Blocks with too few copies.
  std::uint64_t missing = 0;
  bool known = false;  // Whether the namenode has said so.
};

// How long the quickest `share` of the requests took at most, in milliseconds; 0 without any. As
// exact as the powers of two allow, between which requests count as evenly spread.
double latency_ms(const TrafficCounts& counts, double share);

struct DatedEvent {
  std::uint64_t number = 0;  // From 1.
  std::int64_t time_ms = 0;
  ClusterEvent event;
};

// Thread-safe.
class ClusterHistory {
 public:
  static constexpr std::size_t kSamplesMax = 360;
  static constexpr std::size_t kEventsMax = 200;

  ClusterHistory();

  // Another server, or this one after a restart, counts from 1 again.
  const std::string& server() const { return server_; }

  // Of what the namenode says now; none when it has not answered. What has happened since the last
  // time becomes events.
  void look(std::int64_t now_ms, const std::optional<ClusterView>& view);
  // The next sample, with what look() has seen last.
  void sample(std::int64_t now_ms, double seconds, const TrafficCounts& counts);

  // Those behind number `after`, the oldest first.
  std::vector<HistorySample> samples(std::uint64_t after) const;
  // Likewise. Whoever asks for them wants to see soon what happens: see wanted().
  std::vector<DatedEvent> events(std::uint64_t after);
  // Whether somebody has asked for events since the last call.
  bool wanted();

 private:
  const std::string server_;
  mutable std::mutex mutex_;
  std::deque<HistorySample> samples_;
  std::deque<DatedEvent> events_;
  std::uint64_t samples_made_ = 0;
  std::uint64_t events_made_ = 0;
  std::optional<ClusterView> view_;
  bool answered_ = false;  // The last look was.
  TrafficCounts counts_;   // At the last sample.
  bool wanted_ = false;
};

}  // namespace minidfs::http::rest
