// Families of metrics whose values are known at once. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <vector>

namespace minidfs::http::monitoring {

using Labels = std::vector<prometheus::ClientMetric::Label>;

inline double number(std::uint64_t value) { return static_cast<double>(value); }
inline double seconds_of(std::uint64_t milliseconds) { return number(milliseconds) / 1000; }

prometheus::ClientMetric gauge(double value, Labels labels = {});

// Of several values, told apart by their labels.
prometheus::MetricFamily gauges(std::string name, std::string help,
                                std::vector<prometheus::ClientMetric> metrics);
prometheus::MetricFamily gauge_of(std::string name, std::string help, double value);
// Of what only grows, but for a restart.
prometheus::MetricFamily counter_of(std::string name, std::string help, double value);

}  // namespace minidfs::http::monitoring
