#include "http/monitoring/monitoring.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "client/async/async_names.hpp"
#include "client/quorum_views.hpp"
#include "http/monitoring/cluster_metrics.hpp"
#include "http/monitoring/families.hpp"
#include "http/monitoring/process_metrics.hpp"
#include "http/monitoring/quorum_metrics.hpp"

namespace minidfs::http::monitoring {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";

// Prometheus waits for ten seconds, unless it is told otherwise, and what asks whether a process is
// ready often for less: that nobody leads must be said in time.
constexpr std::chrono::milliseconds kAnswerTimeMax{2000};

using Families = std::vector<prometheus::MetricFamily>;

void add(Families& families, Families more) {
  std::move(more.begin(), more.end(), std::back_inserter(families));
}

// What the namenode that leads knows.
asio::awaitable<Families> of_cluster(client::ClientContext& context) {
  Families families;
  const actors::StatusRequest status_request;
  const auto status = co_await client::ask(context, status_request, kAnswerTimeMax);
  families.push_back(gauge_of("minidfs_namenode_up", "1 when a namenode leads and answers, else 0.",
                              status.ok() ? 1 : 0));
  if (!status.ok()) co_return families;
  add(families, cluster_metrics(*status));
  const actors::QuorumRequest quorum_request;
  const auto quorum = co_await client::ask(context, quorum_request, kAnswerTimeMax);
  if (quorum.ok()) add(families, quorum_metrics(client::quorum_of(*quorum)));
  co_return families;
}

asio::awaitable<void> metrics(Exchange& exchange, ContextSource& cluster,
                              RequestMetrics& requests) {
  auto families = requests.collect();
  add(families, process_metrics());
  auto known = co_await of_cluster(cluster.get());
  add(families, std::move(known));
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
  const auto status = co_await client::ask(cluster.get(), request, kAnswerTimeMax);
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
