// What operators and their programs look at: /metrics for Prometheus, /healthz and /readyz for
// whoever starts and balances processes.
#pragma once

#include "http/access/access.hpp"
// The above comes first: see net/asio.hpp.
#include "http/context_source.hpp"
#include "http/monitoring/request_metrics.hpp"
#include "http/routes.hpp"

namespace minidfs::http::monitoring {

// All outlive the routes. /metrics is about the cluster, as its leading namenode knows it, and
// about the requests of this process; while no namenode leads it has the latter alone. /healthz:
// the process serves requests. /readyz: a namenode leads and safe mode is over, else 503 with the
// reason. These two are asked by those who hold no token, and tell nothing else.
void add_monitoring_routes(Routes& routes, ContextSource& cluster, RequestMetrics& requests,
                           const access::Access& access);

}  // namespace minidfs::http::monitoring
