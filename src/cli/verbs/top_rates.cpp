#include "cli/verbs/top_rates.hpp"

#include <algorithm>

namespace minidfs::cli {
namespace {

double number(std::uint64_t value) { return static_cast<double>(value); }

// The last change that any namenode holds; none when nobody could tell.
std::optional<double> last_change(const client::ClusterStatus& status) {
  if (!status.quorum) return std::nullopt;
  std::uint64_t last = 0;
  for (const auto& member : status.quorum->members) last = std::max(last, member.applied);
  return number(last);
}

// Of what only grows: when it is less than before it was counted from 0 again.
std::optional<double> growth(double before, double now, double seconds) {
  if (now < before) return std::nullopt;
  return (now - before) / seconds;
}

void add_rates(const client::ClusterStatus& before, const client::ClusterStatus& now,
               double seconds, ClusterRates& rates) {
  const auto first = last_change(before);
  const auto last = last_change(now);
  if (first && last) rates.changes = growth(*first, *last, seconds);
  rates.files = (number(now.files) - number(before.files)) / seconds;
  rates.stored_bytes =
      (number(space_of(now).used_bytes) - number(space_of(before).used_bytes)) / seconds;
}

void add_rates(const http::monitoring::RequestTotals& before,
               const http::monitoring::RequestTotals& now, double seconds, ClusterRates& rates) {
  rates.requests = growth(before.requests, now.requests, seconds);
  rates.failed_requests = growth(before.failed, now.failed, seconds);
  rates.received_bytes = growth(before.received_bytes, now.received_bytes, seconds);
  rates.sent_bytes = growth(before.sent_bytes, now.sent_bytes, seconds);
}

}  // namespace

ClusterRates rates_between(const ClusterLook& before, const ClusterLook& now) {
  ClusterRates rates;
  if (now.at <= before.at) return rates;
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  // A directory of the same name may be that of another cluster by now.
  if (before.status && now.status && before.status->cluster == now.status->cluster) {
    add_rates(*before.status, *now.status, seconds, rates);
  }
  if (before.requests && now.requests) add_rates(*before.requests, *now.requests, seconds, rates);
  return rates;
}

Space space_of(const client::ClusterStatus& status) {
  Space space;
  for (const auto& node : status.nodes) {
    if (node.state == "dead" || node.state == "absent") continue;
    space.capacity_bytes += node.capacity_bytes;
    space.used_bytes += node.used_bytes;
    space.free_bytes += node.free_bytes;
  }
  return space;
}

}  // namespace minidfs::cli
