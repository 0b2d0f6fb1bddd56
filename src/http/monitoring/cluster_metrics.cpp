#include "http/monitoring/cluster_metrics.hpp"

#include <map>
#include <string>
#include <utility>

namespace minidfs::http::monitoring {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

ClientMetric gauge(double value, Labels labels = {}) {
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

double number(std::uint64_t value) { return static_cast<double>(value); }

// One value of each datanode.
template <class Value>
MetricFamily of_nodes(const actors::StatusReply& status, std::string name, std::string help,
                      Value value) {
  std::vector<ClientMetric> metrics;
  for (const auto& node : status.nodes) {
    if (node.data.host.empty()) continue;  // Known by name only.
    metrics.push_back(
        gauge(value(node), {{"datanode", metadata::to_string(node.data)}, {"rack", node.rack}}));
  }
  return gauges(std::move(name), std::move(help), std::move(metrics));
}

MetricFamily nodes_by_state(const actors::StatusReply& status) {
  std::map<std::string, std::uint64_t> counts{{"live", 0}, {"stale", 0}, {"dead", 0}};
  for (const auto& node : status.nodes) ++counts[node.state];
  std::vector<ClientMetric> metrics;
  for (const auto& [state, count] : counts) {
    metrics.push_back(gauge(number(count), {{"state", state}}));
  }
  return gauges("minidfs_datanodes", "Datanodes, by what the namenode takes them for.",
                std::move(metrics));
}

}  // namespace

std::vector<MetricFamily> cluster_metrics(const actors::StatusReply& status) {
  std::vector<MetricFamily> families;
  families.push_back(gauge_of("minidfs_safe_mode", "1 while nothing may be changed, else 0.",
                              status.safe_mode ? 1 : 0));
  families.push_back(gauge_of("minidfs_files", "Files of the namespace.", number(status.files)));
  families.push_back(
      gauge_of("minidfs_directories", "Directories of the namespace.", number(status.directories)));
  families.push_back(
      gauge_of("minidfs_blocks", "Blocks of all files.", number(status.blocks_total)));
  families.push_back(gauge_of("minidfs_blocks_under_replicated",
                              "Blocks with fewer live replicas than wanted, but at least one.",
                              number(status.blocks_under_replicated)));
  families.push_back(gauge_of("minidfs_blocks_missing", "Blocks without a live replica.",
                              number(status.blocks_missing)));
  families.push_back(gauge_of("minidfs_blocks_corrupt",
                              "Blocks with a replica that is known to be bad.",
                              number(status.blocks_corrupt)));
  families.push_back(gauge_of("minidfs_copies_pending", "Replicas that are being copied or wait.",
                              number(status.pending_copies)));
  families.push_back(gauge_of("minidfs_balance_deviation_ratio",
                              "How far the farthest datanode's use is from the mean.",
                              status.balance_deviation));
  families.push_back(nodes_by_state(status));
  families.push_back(of_nodes(status, "minidfs_datanode_capacity_bytes", "What it can hold.",
                              [](const auto& node) { return number(node.capacity_bytes); }));
  families.push_back(of_nodes(status, "minidfs_datanode_used_bytes", "What its blocks take.",
                              [](const auto& node) { return number(node.used_bytes); }));
  families.push_back(of_nodes(status, "minidfs_datanode_free_bytes", "What it can still take.",
                              [](const auto& node) { return number(node.free_bytes); }));
  families.push_back(of_nodes(status, "minidfs_datanode_blocks", "Replicas that it holds.",
                              [](const auto& node) { return number(node.blocks); }));
  families.push_back(of_nodes(
      status, "minidfs_datanode_silent_seconds", "Since its last heartbeat.",
      [](const auto& node) { return static_cast<double>(node.last_heartbeat_ms) / 1000; }));
  families.push_back(of_nodes(status, "minidfs_datanode_bad_disks", "Disks that hang or failed.",
                              [](const auto& node) { return number(node.bad_disks.size()); }));
  MetricFamily repaired{"minidfs_replicas_repaired_total",
                        "Copies that arrived since the namenode started.",
                        MetricType::Counter,
                        {}};
  ClientMetric count;
  count.counter.value = number(status.repaired_blocks);
  repaired.metric.push_back(count);
  families.push_back(std::move(repaired));
  return families;
}

}  // namespace minidfs::http::monitoring
