#include "http/monitoring/request_metrics.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string_view>

#include "http/monitoring/families.hpp"

namespace minidfs::http::monitoring {
namespace {

// From a stat to the upload of a large file, in seconds.
const prometheus::Histogram::BucketBoundaries kSeconds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};

// Others would let a client make as many time series as it likes.
std::string known_method(const std::string& method) {
  for (const std::string_view known : {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}) {
    if (method == known) return method;
  }
  return "other";
}

// A request that is under way, however it ends.
class InProgress {
 public:
  explicit InProgress(prometheus::Gauge& count) : count_(count) { count_.Increment(); }
  ~InProgress() { count_.Decrement(); }
  InProgress(const InProgress&) = delete;
  InProgress& operator=(const InProgress&) = delete;

 private:
  prometheus::Gauge& count_;
};

}  // namespace

RequestMetrics::RequestMetrics(const Traffic& traffic)
    : traffic_(traffic),
      requests_(prometheus::BuildCounter()
                    .Name("minidfs_http_requests_total")
                    .Help("Requests that were answered, by status.")
                    .Register(registry_)),
      durations_(prometheus::BuildHistogram()
                     .Name("minidfs_http_request_duration_seconds")
                     .Help("From a request's header to the end of its answer.")
                     .Register(registry_)),
      in_progress_(prometheus::BuildGauge()
                       .Name("minidfs_http_requests_in_progress")
                       .Help("Requests that are not answered yet.")
                       .Register(registry_)),
      connections_(prometheus::BuildGauge()
                       .Name("minidfs_http_connections")
                       .Help("Connections of clients that are open.")
                       .Register(registry_)
                       .Add({})) {}

Handler RequestMetrics::counted(std::string face, Handler handler, OperationOf operation_of) {
  auto& count = in_progress_.Add({{"face", face}});
  const auto shared = std::make_shared<Face>(std::move(face), std::move(operation_of), count);
  return [this, shared, handler = std::move(handler)](Exchange& exchange) -> asio::awaitable<void> {
    const InProgress in_progress(shared->in_progress);
    const auto begun = std::chrono::steady_clock::now();
    co_await handler(exchange);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    note(*shared, exchange, took.count());
  };
}

std::vector<prometheus::MetricFamily> RequestMetrics::collect() const {
  auto families = registry_.Collect();
  const auto counts = traffic_.counts();
  families.push_back(counter_of("minidfs_http_received_bytes_total",
                                "Bytes of the bodies of requests.", number(counts.received_bytes)));
  families.push_back(counter_of("minidfs_http_sent_bytes_total",
                                "Bytes of responses, with their headers.",
                                number(counts.sent_bytes)));
  return families;
}

void RequestMetrics::note(Face& face, const Exchange& exchange, double seconds) {
  const auto& request = exchange.request();
  const Kind kind(known_method(request.method),
                  face.operation_of ? face.operation_of(request) : std::string(),
                  exchange.status());
  const auto series = series_of(face, kind);
  series.durations.Observe(seconds);
  series.requests.Increment();
}

RequestMetrics::Series RequestMetrics::series_of(Face& face, const Kind& kind) {
  const std::lock_guard lock(face.mutex);
  if (const auto found = face.series.find(kind); found != face.series.end()) return found->second;
  const auto& [method, operation, status] = kind;
  prometheus::Labels labels{{"face", face.name}, {"method", method}};
  if (face.operation_of) labels.emplace("operation", operation);
  auto& durations = durations_.Add(labels, kSeconds);
  labels.emplace("status", status == 0 ? "none" : std::to_string(status));
  return face.series.emplace(kind, Series{requests_.Add(labels), durations}).first->second;
}

}  // namespace minidfs::http::monitoring
