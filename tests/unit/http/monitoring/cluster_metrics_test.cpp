#include "http/monitoring/cluster_metrics.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "http/monitoring/quorum_metrics.hpp"

namespace minidfs::http::monitoring {
namespace {

using Values = std::map<std::string, double>;

double value_of(const prometheus::MetricFamily& family, const prometheus::ClientMetric& metric) {
  return family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
}

// By the name, and the first label's value behind it.
Values values_of(const std::vector<prometheus::MetricFamily>& families) {
  Values values;
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      const auto name =
          metric.label.empty() ? family.name : family.name + " " + metric.label.front().value;
      values[name] = value_of(family, metric);
    }
  }
  return values;
}

actors::NodeReport node(std::string host, std::string state, std::string admin) {
  actors::NodeReport report;
  report.data = {std::move(host), 9866};
  report.state = std::move(state);
  report.admin = std::move(admin);
  report.capacity_bytes = 100;
  report.used_bytes = 60;
  report.free_bytes = 30;
  return report;
}

TEST_CASE("space is that of the datanodes that are there") {
  actors::StatusReply status;
  status.nodes = {node("a", "live", "in service"), node("b", "stale", "in service"),
                  node("c", "dead", "in service")};
  const auto values = values_of(cluster_metrics(status));
  CHECK(values.at("minidfs_capacity_bytes") == 200);
  CHECK(values.at("minidfs_used_bytes") == 120);
  CHECK(values.at("minidfs_free_bytes") == 60);
  CHECK(values.at("minidfs_datanode_free_bytes c:9866") == 30);
}

TEST_CASE("a datanode that is to be away is told from one that has died") {
  actors::StatusReply status;
  status.nodes = {node("a", "dead", "in service"), node("b", "dead", "maintenance"),
                  node("c", "live", "decommissioning"), node("", "absent", "decommissioned")};
  const auto values = values_of(cluster_metrics(status));
  CHECK(values.at("minidfs_datanode_live a:9866") == 0);
  CHECK(values.at("minidfs_datanode_in_service a:9866") == 1);
  CHECK(values.at("minidfs_datanode_live b:9866") == 0);
  CHECK(values.at("minidfs_datanode_in_service b:9866") == 0);
  CHECK(values.at("minidfs_datanode_live c:9866") == 1);
  CHECK(values.at("minidfs_datanode_in_service c:9866") == 0);
  CHECK(values.at("minidfs_datanodes absent") == 1);
  CHECK(values.count("minidfs_datanode_live :9866") == 0);
}

TEST_CASE("of the namenodes it is told who leads, who answers and how far each is") {
  client::Quorum quorum{2, 7, 1500, {}};
  quorum.members = {{1, "n1:8020", true, "follower", 0, 90, 10},
                    {2, "n2:8020", true, "leader", 0, 100, 0},
                    {3, "", true, "unreachable", 0, 50, 50}};
  const auto values = values_of(quorum_metrics(quorum));
  CHECK(values.at("minidfs_quorum_term") == 7);
  CHECK(values.at("minidfs_quorum_led_seconds") == 1.5);
  CHECK(values.at("minidfs_quorum_voters") == 3);
  CHECK(values.at("minidfs_quorum_spare_voters") == 0);
  CHECK(values.at("minidfs_namenode_leads n1:8020") == 0);
  CHECK(values.at("minidfs_namenode_leads n2:8020") == 1);
  CHECK(values.at("minidfs_namenode_answers n1:8020") == 1);
  CHECK(values.at("minidfs_namenode_answers 0000000000000003") == 0);
  CHECK(values.at("minidfs_namenode_lag_entries n1:8020") == 10);
  CHECK(values.at("minidfs_namespace_changes_total") == 100);
}

}  // namespace
}  // namespace minidfs::http::monitoring
