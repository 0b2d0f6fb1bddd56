#include "http/monitoring/families.hpp"

#include <utility>

namespace minidfs::http::monitoring {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double value, Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

MetricFamily gauges(std::string name, std::string help, std::vector<ClientMetric> metrics) {
  return {std::move(name), std::move(help), MetricType::Gauge, std::move(metrics)};
}

MetricFamily gauge_of(std::string name, std::string help, double value) {
  return gauges(std::move(name), std::move(help), {gauge(value)});
}

MetricFamily counter_of(std::string name, std::string help, double value) {
  ClientMetric metric;
  metric.counter.value = value;
  return {std::move(name), std::move(help), MetricType::Counter, {metric}};
}

}  // namespace minidfs::http::monitoring
