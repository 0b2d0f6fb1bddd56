#include "http/monitoring/request_metrics.hpp"

#include <chrono>
#include <string_view>

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

}  // namespace

RequestMetrics::RequestMetrics()
    : requests_(prometheus::BuildCounter()
                    .Name("minidfs_http_requests_total")
                    .Help("Requests that were answered, by status.")
                    .Register(registry_)),
      durations_(prometheus::BuildHistogram()
                     .Name("minidfs_http_request_duration_seconds")
                     .Help("From a request's header to the end of its answer.")
                     .Register(registry_)) {}

Handler RequestMetrics::counted(std::string face, Handler handler) {
  return [this, face = std::move(face),
          handler = std::move(handler)](Exchange& exchange) -> asio::awaitable<void> {
    const auto begun = std::chrono::steady_clock::now();
    co_await handler(exchange);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    note(face, exchange, took.count());
  };
}

void RequestMetrics::note(const std::string& face, const Exchange& exchange, double seconds) {
  const auto method = known_method(exchange.request().method);
  const auto status = exchange.status();
  requests_
      .Add({{"face", face},
            {"method", method},
            {"status", status == 0 ? "none" : std::to_string(status)}})
      .Increment();
  durations_.Add({{"face", face}, {"method", method}}, kSeconds).Observe(seconds);
}

}  // namespace minidfs::http::monitoring
