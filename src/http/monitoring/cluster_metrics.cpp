#include "http/monitoring/cluster_metrics.hpp"

#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "http/monitoring/families.hpp"

namespace minidfs::http::monitoring {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

using Families = std::vector<MetricFamily>;

bool has_address(const actors::NodeReport& node) { return !node.data.host.empty(); }

// One value of each datanode.
template <class Value>
MetricFamily of_nodes(const actors::StatusReply& status, std::string name, std::string help,
                      Value value) {
  std::vector<ClientMetric> metrics;
  for (const auto& node : status.nodes) {
    if (!has_address(node)) continue;  // Known by name only.
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

Families of_namespace(const actors::StatusReply& status) {
  return {
      gauge_of("minidfs_safe_mode", "1 while nothing may be changed, else 0.",
               status.safe_mode ? 1 : 0),
      gauge_of("minidfs_files", "Files of the namespace.", number(status.files)),
      gauge_of("minidfs_directories", "Directories of the namespace.", number(status.directories)),
      gauge_of("minidfs_namenode_disk_silent_seconds",
               "For how long the leading namenode's disk has not answered; 0 when it does.",
               seconds_of(status.directory_silent_ms)),
  };
}

Families of_blocks(const actors::StatusReply& status) {
  return {
      gauge_of("minidfs_blocks", "Blocks of all files.", number(status.blocks_total)),
      gauge_of("minidfs_blocks_under_replicated",
               "Blocks with fewer live replicas than wanted, but at least one.",
               number(status.blocks_under_replicated)),
      gauge_of("minidfs_blocks_missing", "Blocks without a live replica.",
               number(status.blocks_missing)),
      gauge_of("minidfs_blocks_corrupt", "Blocks with a replica that is known to be bad.",
               number(status.blocks_corrupt)),
      gauge_of("minidfs_copies_pending", "Replicas that are being copied or wait.",
               number(status.pending_copies)),
      counter_of("minidfs_replicas_repaired_total",
                 "Copies that arrived since the namenode started.", number(status.repaired_blocks)),
      gauge_of("minidfs_balance_deviation_ratio",
               "How far the farthest datanode's use is from the mean.", status.balance_deviation),
  };
}

// Of the datanodes that are there: what a dead one had free helps nobody.
Families of_space(const actors::StatusReply& status) {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  for (const auto& node : status.nodes) {
    if (node.state == "dead" || node.state == "absent") continue;
    capacity_bytes += node.capacity_bytes;
    used_bytes += node.used_bytes;
    free_bytes += node.free_bytes;
  }
  return {
      gauge_of("minidfs_capacity_bytes", "What the datanodes that live can hold.",
               number(capacity_bytes)),
      gauge_of("minidfs_used_bytes", "What blocks take on them.", number(used_bytes)),
      gauge_of("minidfs_free_bytes", "What they can still take.", number(free_bytes)),
  };
}

Families of_each_node(const actors::StatusReply& status) {
  return {
      nodes_by_state(status),
      of_nodes(status, "minidfs_datanode_live", "1 while its heartbeats come, else 0.",
               [](const auto& node) { return node.state == "live" ? 1 : 0; }),
      of_nodes(status, "minidfs_datanode_in_service",
               "0 when an operator has taken it out of service, or is about to, else 1.",
               [](const auto& node) { return node.admin == "in service" ? 1 : 0; }),
      of_nodes(status, "minidfs_datanode_draining_blocks",
               "Blocks that keep a decommission from its end.",
               [](const auto& node) { return number(node.draining_left); }),
      of_nodes(status, "minidfs_datanode_capacity_bytes", "What it can hold.",
               [](const auto& node) { return number(node.capacity_bytes); }),
      of_nodes(status, "minidfs_datanode_used_bytes", "What its blocks take.",
               [](const auto& node) { return number(node.used_bytes); }),
      of_nodes(status, "minidfs_datanode_free_bytes", "What it can still take.",
               [](const auto& node) { return number(node.free_bytes); }),
      of_nodes(status, "minidfs_datanode_blocks", "Replicas that it holds.",
               [](const auto& node) { return number(node.blocks); }),
      of_nodes(status, "minidfs_datanode_silent_seconds", "Since its last heartbeat.",
               [](const auto& node) { return static_cast<double>(node.last_heartbeat_ms) / 1000; }),
      of_nodes(status, "minidfs_datanode_bad_disks", "Disks that hang or failed.",
               [](const auto& node) { return number(node.bad_disks.size()); }),
  };
}

}  // namespace

Families cluster_metrics(const actors::StatusReply& status) {
  Families families;
  for (const auto part : {of_namespace, of_blocks, of_space, of_each_node}) {
    auto more = part(status);
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return families;
}

}  // namespace minidfs::http::monitoring
