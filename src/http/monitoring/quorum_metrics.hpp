// The namenodes of a cluster as metrics of Prometheus. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "client/quorum.hpp"

namespace minidfs::http::monitoring {

// As the one that leads sees them.
std::vector<prometheus::MetricFamily> quorum_metrics(const client::Quorum& quorum);

}  // namespace minidfs::http::monitoring
