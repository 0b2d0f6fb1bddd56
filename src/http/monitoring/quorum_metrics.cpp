#include "http/monitoring/quorum_metrics.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/random_id.hpp"
#include "http/monitoring/families.hpp"

namespace minidfs::http::monitoring {
namespace {

using client::Namenode;
using prometheus::ClientMetric;
using prometheus::MetricFamily;

// One value of each namenode.
template <class Value>
MetricFamily of_namenodes(const client::Quorum& quorum, std::string name, std::string help,
                          Value value) {
  std::vector<ClientMetric> metrics;
  for (const auto& member : quorum.members) {
    const auto who = member.address.empty() ? hex_64(member.id) : member.address;
    metrics.push_back(gauge(value(member), {{"namenode", who}}));
  }
  return gauges(std::move(name), std::move(help), std::move(metrics));
}

bool answers(const Namenode& member) {
  return member.state != "unreachable" && member.state != "unknown";
}

// Changes are numbered without a gap from the first one on.
std::uint64_t changes_of(const client::Quorum& quorum) {
  std::uint64_t last = 0;
  for (const auto& member : quorum.members) last = std::max(last, member.applied);
  return last;
}

}  // namespace

std::vector<MetricFamily> quorum_metrics(const client::Quorum& quorum) {
  return {
      gauge_of("minidfs_quorum_term", "Grows with every election.", number(quorum.term)),
      gauge_of("minidfs_quorum_led_seconds", "For how long the namenode that leads has done so.",
               seconds_of(quorum.led_for_ms)),
      gauge_of("minidfs_quorum_voters", "Namenodes that decide.", number(quorum.voters())),
      gauge_of("minidfs_quorum_spare_voters",
               "How many more of them may fail before nothing can be changed or read.",
               number(quorum.spare())),
      of_namenodes(quorum, "minidfs_namenode_leads", "1 of the one that leads, else 0.",
                   [&](const Namenode& member) { return member.id == quorum.leader ? 1.0 : 0.0; }),
      of_namenodes(quorum, "minidfs_namenode_answers", "1 while the leader reaches it, else 0.",
                   [](const Namenode& member) { return answers(member) ? 1.0 : 0.0; }),
      of_namenodes(quorum, "minidfs_namenode_applied_changes",
                   "The last change that its namespace holds.",
                   [](const Namenode& member) { return number(member.applied); }),
      of_namenodes(quorum, "minidfs_namenode_lag_entries",
                   "Entries of the leader's log that it lacks.",
                   [](const Namenode& member) { return number(member.lag); }),
      counter_of("minidfs_namespace_changes_total", "Changes of the namespace since its beginning.",
                 number(changes_of(quorum))),
  };
}

}  // namespace minidfs::http::monitoring
