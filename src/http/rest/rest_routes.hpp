// The simple REST API: files, uploads, downloads and the state of the cluster, under /api/v1. The
// three that people type stand at the top as well: /files, /upload and /download. What it answers
// is described by openapi.json.
#pragma once

#include "http/access/access.hpp"
// The above comes first: see net/asio.hpp.
#include "http/context_source.hpp"
#include "http/monitoring/request_metrics.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/routes.hpp"

namespace minidfs::http::rest {

// All outlive the routes.
void add_rest_routes(Routes& routes, ContextSource& cluster, ClusterHistory& history,
                     monitoring::RequestMetrics& requests, const access::Access& access);

}  // namespace minidfs::http::rest
