// What this process takes of its machine, under the names that Prometheus has for that.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace minidfs::http::monitoring {

std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace minidfs::http::monitoring
