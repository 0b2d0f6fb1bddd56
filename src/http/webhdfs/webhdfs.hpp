// WebHDFS, HDFS's REST API (docs/webhdfs.md): every program that speaks it reads and writes here.
#pragma once

#include "http/access/access.hpp"
// The above comes first: see net/asio.hpp.
#include "http/context_source.hpp"
#include "http/monitoring/request_metrics.hpp"
#include "http/routes.hpp"

namespace minidfs::http::webhdfs {

// All outlive the routes.
void add_webhdfs_routes(Routes& routes, ContextSource& cluster,
                        monitoring::RequestMetrics& requests, const access::Access& access);

}  // namespace minidfs::http::webhdfs
