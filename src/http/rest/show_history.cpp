#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <cmath>

#include "base/units.hpp"
#include "http/dates.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

// The first number that is not wanted any more.
Result<std::uint64_t> after_of(const RestCall& call) {
  const auto text = call.query.find("after");
  if (!text) return std::uint64_t{0};
  const auto number = parse_number(*text);
  if (number) return *number;
  return Error{Errc::kInvalidArgument, "after=" + *text + ": not a value of this parameter"};
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

std::uint64_t requests_of(const TrafficCounts& counts) {
  std::uint64_t all = 0;
  for (const auto count : counts.requests) all += count;
  return all;
}

Json sample_json(const HistorySample& sample) {
  const auto per_second = [&](std::uint64_t count) {
    return sample.seconds > 0 ? rounded(static_cast<double>(count) / sample.seconds) : 0.0;
  };
  Json object;
  object["number"] = sample.number;
  object["time"] = iso_time(sample.time_ms);
  object["received"] = per_second(sample.traffic.received_bytes);
  object["sent"] = per_second(sample.traffic.sent_bytes);
  object["operations"] = per_second(requests_of(sample.traffic));
  object["latency_median_ms"] = rounded(latency_ms(sample.traffic, 0.5));
  object["latency_95_ms"] = rounded(latency_ms(sample.traffic, 0.95));
  if (!sample.known) return object;
  object["nodes"] = sample.nodes;
  object["live"] = sample.live;
  object["under_replicated"] = sample.lacking;
  object["missing"] = sample.missing;
  return object;
}

Json event_json(const DatedEvent& dated) {
  Json object;
  object["number"] = dated.number;
  object["time"] = iso_time(dated.time_ms);
  object["kind"] = name_of(dated.event.kind);
  if (!dated.event.who.empty()) put_bytes(object, "address", dated.event.who);
  if (dated.event.count > 0) object["blocks"] = dated.event.count;
  return object;
}

}  // namespace

asio::awaitable<Status> show_history(RestCall& call) {
  const auto after = after_of(call);
  if (!after.ok()) co_return after.error();
  Json object;
  object["server"] = call.history.server();
  object["samples"] = Json::array();
  for (const auto& sample : call.history.samples(*after)) {
    object["samples"].push_back(sample_json(sample));
  }
  co_await answer(call, 200, object);
  co_return Status();
}

asio::awaitable<Status> show_events(RestCall& call) {
  const auto after = after_of(call);
  if (!after.ok()) co_return after.error();
  Json object;
  object["server"] = call.history.server();
  object["events"] = Json::array();
  for (const auto& event : call.history.events(*after)) {
    object["events"].push_back(event_json(event));
  }
  co_await answer(call, 200, object);
  co_return Status();
}

}  // namespace minidfs::http::rest
