#include "http/rest/cluster_history.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random_id.hpp"

namespace minidfs::http::rest {
namespace {

TrafficCounts difference(const TrafficCounts& later, const TrafficCounts& earlier) {
  TrafficCounts counts;
  counts.received_bytes = later.received_bytes - earlier.received_bytes;
  counts.sent_bytes = later.sent_bytes - earlier.sent_bytes;
  for (std::size_t i = 0; i < TrafficCounts::kPowers; ++i) {
    counts.requests[i] = later.requests[i] - earlier.requests[i];
  }
  return counts;
}

template <class Numbered>
std::vector<Numbered> behind(const std::deque<Numbered>& all, std::uint64_t after) {
  const auto first = std::find_if(all.begin(), all.end(),
                                  [after](const Numbered& each) { return each.number > after; });
  return {first, all.end()};
}

template <class Numbered>
void add(std::deque<Numbered>& all, Numbered next, std::size_t most) {
  all.push_back(std::move(next));
  if (all.size() > most) all.pop_front();
}

}  // namespace

double latency_ms(const TrafficCounts& counts, double share) {
  std::uint64_t all = 0;
  for (const auto count : counts.requests) all += count;
  const double wanted = share * static_cast<double>(all);
  double before = 0;
  for (std::size_t power = 0; power < TrafficCounts::kPowers; ++power) {
    const auto here = static_cast<double>(counts.requests[power]);
    if (here > 0 && before + here >= wanted) {
      const double part = (wanted - before) / here;
      return std::ldexp(1 + part, static_cast<int>(power)) / 1000;
    }
    before += here;
  }
  return 0;
}

ClusterHistory::ClusterHistory() : server_(hex_64(random_128().low)) {}

void ClusterHistory::look(std::int64_t now_ms, const std::optional<ClusterView>& view) {
  const std::lock_guard lock(mutex_);
  answered_ = view.has_value();
  // What was known before it fell silent is not known to have changed.
  auto next = view ? *view : view_.value_or(ClusterView{});
  next.silent = !view;
  if (next.leader.empty() && view_) next.leader = view_->leader;
  for (auto& event : events_between(view_, next)) {
    DatedEvent dated{++events_made_, now_ms, std::move(event)};
    add(events_, std::move(dated), kEventsMax);
  }
  if (view || view_) view_ = std::move(next);
}

void ClusterHistory::sample(std::int64_t now_ms, double seconds, const TrafficCounts& counts) {
  const std::lock_guard lock(mutex_);
  HistorySample next;
  next.number = ++samples_made_;
  next.time_ms = now_ms;
  next.seconds = seconds;
  next.traffic = difference(counts, counts_);
  counts_ = counts;
  next.known = answered_ && view_;
  if (next.known) {
    next.nodes = view_->nodes.size();
    next.lacking = view_->lacking;
    next.missing = view_->missing;
    for (const auto& [address, reachable] : view_->nodes) next.live += reachable ? 1 : 0;
  }
  add(samples_, std::move(next), kSamplesMax);
}

std::vector<HistorySample> ClusterHistory::samples(std::uint64_t after) const {
  const std::lock_guard lock(mutex_);
  return behind(samples_, after);
}

std::vector<DatedEvent> ClusterHistory::events(std::uint64_t after) {
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  return behind(events_, after);
}

bool ClusterHistory::wanted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wanted_, false);
}

}  // namespace minidfs::http::rest
