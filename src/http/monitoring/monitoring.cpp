#include "http/monitoring/monitoring.hpp"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <utility>

#include "client/async/async_names.hpp"
#include "http/monitoring/cluster_metrics.hpp"

namespace minidfs::http::monitoring {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";

asio::awaitable<void> metrics(Exchange& exchange, ContextSource& cluster,
                              RequestMetrics& requests) {
  auto families = requests.collect();
  const actors::StatusRequest request;
  const auto status = co_await client::ask(cluster.get(), request);
  prometheus::MetricFamily up{"minidfs_namenode_up",
                              "1 when a namenode leads and answers, else 0.",
                              prometheus::MetricType::Gauge,
                              {}};
  prometheus::ClientMetric value;
  value.gauge.value = status.ok() ? 1 : 0;
  up.metric.push_back(value);
  families.push_back(std::move(up));
  if (status.ok()) {
    auto more = cluster_metrics(*status);
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  auto response = text_response(200, "text/plain; version=0.0.4; charset=utf-8",
                                prometheus::TextSerializer().Serialize(families));
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> healthy(Exchange& exchange) {
  auto response = text_response(200, kPlainText, "ok\n");
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> ready(Exchange& exchange, ContextSource& cluster) {
  const actors::StatusRequest request;
  const auto status = co_await client::ask(cluster.get(), request);
  auto response = text_response(200, kPlainText, "ready\n");
  if (!status.ok()) {
    response = text_response(503, kPlainText, status.error().message + '\n');
  } else if (status->safe_mode) {
    response = text_response(503, kPlainText, "safe mode: " + status->safe_mode_reason + '\n');
  }
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_monitoring_routes(Routes& routes, ContextSource& cluster, RequestMetrics& requests,
                           const access::Access& access) {
  const auto show_metrics = [&cluster, &requests](Exchange& exchange) {
    return metrics(exchange, cluster, requests);
  };
  routes.add("/metrics", access.guarded({access::plain_refusal}, show_metrics));
  routes.add("/readyz", [&cluster](Exchange& exchange) { return ready(exchange, cluster); });
  routes.add("/healthz", [](Exchange& exchange) { return healthy(exchange); });
}

}  // namespace minidfs::http::monitoring
