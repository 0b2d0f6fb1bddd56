// The state of a cluster as metrics of Prometheus, named and measured by its conventions. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "actors/admin_messages.hpp"

namespace minidfs::http::monitoring {

std::vector<prometheus::MetricFamily> cluster_metrics(const actors::StatusReply& status);

}  // namespace minidfs::http::monitoring
