#include "cli/verbs/cluster_text.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/interface_version.hpp"
#include "base/units.hpp"
#include "cli/command/io.hpp"
#include "cli/verbs/listing.hpp"
#include "cli/verbs/quorum_text.hpp"

namespace minidfs::cli {
namespace {

// An honest sync may take seconds.
constexpr std::uint64_t kHangsMs = 5'000;

std::string node_line(const client::NodeReport& node, std::size_t name_width,
                      std::size_t state_width) {
  std::array<char, 512> columns{};
  std::snprintf(columns.data(), columns.size(),
                "  %-*.128s %-*.16s %-16.64s %10s used, %10s free, %8llu blocks",
                static_cast<int>(std::min<std::size_t>(name_width, 128)), node.name.c_str(),
                static_cast<int>(state_width), shown_state(node).c_str(), node.rack.c_str(),
                human_size(node.used_bytes).c_str(), human_size(node.free_bytes).c_str(),
                static_cast<unsigned long long>(node.blocks));
  std::string line = columns.data();
  if (node.admin == "decommissioning") {
    line += ", " + std::to_string(node.draining_left) + " blocks left to copy";
  }
  if (node.admin == "maintenance") {
    line += ", for " + human_duration(std::chrono::seconds(node.maintenance_left_ms / 1000));
  }
  if (node.state == "absent") {
    line += ", not seen since the namenode started";
  } else if (node.state != "live") {
    line += ", silent for " + human_duration(std::chrono::seconds(node.last_heartbeat_ms / 1000));
  }
  // In the middle of an upgrade, as seen from its end or from its beginning.
  if (node.version != 0 && node.version != own_versions().newest) {
    line += ", interface version " + std::to_string(node.version);
  }
  if (node.http.port != 0) line += ", HTTP at " + metadata::to_string(node.http);
  if (node.reached == false) line += ", CANNOT BE REACHED from here";
  line += "\n";
  for (const auto& disk : node.bad_disks) {
    line += "    disk " + disk.directory + " " + disk.state + "\n";
  }
  return line;
}

bool may_be_reached(const client::NodeReport& node) {
  return node.state == "live" || node.state == "stale";
}

// Null where it was not tried.
nlohmann::json unreachable_json(const client::NodeReport& node) {
  if (may_be_reached(node) && !node.reached) return nullptr;
  return node.reached == false;
}

// Whom HTTP lets in.
struct HttpWords {
  const char* text;
  const char* json;
};

HttpWords http_words(client::ClusterStatus::Http http) {
  switch (http) {
    case client::ClusterStatus::Http::kEverybody:
      return {"OPEN to all who reach the ports", "open"};
    case client::ClusterStatus::Http::kTokens:
      return {"by tokens", "tokens"};
    default:
      return {"off", "off"};
  }
}

// Of many datanodes only some are tried.
std::string reach_text(const std::vector<client::NodeReport>& nodes) {
  const auto tried = std::count_if(nodes.begin(), nodes.end(),
                                   [](const auto& node) { return node.reached.has_value(); });
  const auto all = std::count_if(nodes.begin(), nodes.end(), may_be_reached);
  if (tried == all) return {};
  return "reach:      " + std::to_string(tried) + " of " + std::to_string(all) +
         " datanodes were tried from here\n";
}

}  // namespace

client::ClusterStatus printable(client::ClusterStatus status, bool is_terminal) {
  status.safe_mode_reason = printable(status.safe_mode_reason, is_terminal);
  status.directory = printable(status.directory, is_terminal);
  if (status.quorum) status.quorum = printable(*std::move(status.quorum), is_terminal);
  for (auto& node : status.nodes) {
    for (auto* text : {&node.name, &node.rack, &node.state, &node.admin, &node.http.host}) {
      *text = printable(*text, is_terminal);
    }
    for (auto& disk : node.bad_disks) disk.directory = printable(disk.directory, is_terminal);
  }
  return status;
}

std::string shown_state(const client::NodeReport& node) {
  const bool decided = !node.admin.empty() && node.admin != "in service";
  return decided && !(node.state == "dead" && node.admin == "decommissioning") ? node.admin
                                                                               : node.state;
}

std::string safe_mode_text(const client::ClusterStatus& status) {
  if (!status.safe_mode) return "off";
  return status.safe_mode_reason.empty() ? "on" : "on, " + status.safe_mode_reason;
}

std::string silence_text(const client::ClusterStatus& status) {
  if (status.directory_silent_ms == 0) return {};
  const std::chrono::seconds silent(status.directory_silent_ms / 1000);
  return "namenode:   the disk of " + status.directory +
         (status.directory_silent_ms < kHangsMs ? " is slow" : " HANGS") + ", no answer for " +
         human_duration(silent) + "; files and blocks are as last known\n";
}

std::string repair_text(const client::BlockCounts& blocks) {
  if (blocks.under_replicated == 0 || blocks.repaired_per_second <= 0) return {};
  const auto seconds = static_cast<std::int64_t>(static_cast<double>(blocks.under_replicated) /
                                                 blocks.repaired_per_second) +
                       1;
  std::array<char, 64> rate{};
  std::snprintf(rate.data(), rate.size(), "%.1f", blocks.repaired_per_second);
  return "repair:     " + std::string(rate.data()) + " copies a second, about " +
         human_duration(std::chrono::seconds(seconds)) + " left\n";
}

std::string status_text(const client::ClusterStatus& status) {
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::size_t live = 0;
  std::size_t name_width = 0;
  std::size_t state_width = 6;
  for (const auto& node : status.nodes) {
    name_width = std::max(name_width, node.name.size());
    state_width = std::max(state_width, shown_state(node).size());
    if (node.state == "dead" || node.state == "absent") continue;
    used_bytes += node.used_bytes;
    free_bytes += node.free_bytes;
    live += node.state == "live" ? 1 : 0;
  }
  const auto& blocks = status.blocks;
  std::string text = "cluster:    " + to_string(status.cluster) + "\n";
  text += "safe mode:  " + safe_mode_text(status) + "\n";
  text += std::string("admission:  ") +
          (status.asks_secret ? "by the cluster's secret" : "OPEN to all who reach the ports") +
          "\n";
  text += std::string("HTTP:       ") + http_words(status.http).text + "\n";
  text += silence_text(status);
  if (status.quorum) text += namenodes_text(*status.quorum);
  text += "files:      " + std::to_string(status.files) + " in " +
          std::to_string(status.directories) + " directories\n";
  text += "space:      " + human_size(used_bytes) + " used, " + human_size(free_bytes) + " free\n";
  text += "blocks:     " + std::to_string(blocks.total) + ": " +
          std::to_string(blocks.under_replicated) + " under-replicated, " +
          std::to_string(blocks.missing) + " missing, " + std::to_string(blocks.corrupt) +
          " corrupt, " + std::to_string(blocks.pending_copies) + " copies pending\n";
  text += repair_text(blocks);
  text += "datanodes:  " + std::to_string(status.nodes.size()) + ", " + std::to_string(live) +
          " live\n";
  text += reach_text(status.nodes);
  for (const auto& node : status.nodes) text += node_line(node, name_width, state_width);
  return text;
}

nlohmann::json to_json(const client::ClusterStatus& status) {
  auto nodes = nlohmann::json::array();
  for (const auto& node : status.nodes) {
    nodes.push_back({{"id", to_string(node.id)},
                     {"state", shown_state(node)},
                     {"liveness", node.state},
                     {"unreachable", unreachable_json(node)},
                     {"draining_left", node.draining_left},
                     {"capacity", node.capacity_bytes},
                     {"used", node.used_bytes},
                     {"free", node.free_bytes},
                     {"blocks", node.blocks},
                     {"last_heartbeat_ms", node.last_heartbeat_ms},
                     {"version", node.version}});
    auto bad_disks = nlohmann::json::array();
    for (const auto& disk : node.bad_disks) {
      bad_disks.push_back({{"state", disk.state}});
      put_bytes(bad_disks.back(), "directory", disk.directory);
    }
    nodes.back()["bad_disks"] = std::move(bad_disks);
    nodes.back()["http"] = nullptr;
    if (node.http.port != 0) put_bytes(nodes.back(), "http", metadata::to_string(node.http));
    put_bytes(nodes.back(), "name", node.name);
    put_bytes(nodes.back(), "rack", node.rack);
  }
  nlohmann::json namenode{{"disk_silent_ms", status.directory_silent_ms}};
  put_bytes(namenode, "directory", status.directory);
  return {{"cluster", to_string(status.cluster)},
          {"namenode", std::move(namenode)},
          {"admission", status.asks_secret ? "secret" : "open"},
          {"http", http_words(status.http).json},
          {"safe_mode", status.safe_mode},
          {"safe_mode_reason", status.safe_mode_reason},
          {"behind", status.behind},
          {"files", status.files},
          {"directories", status.directories},
          {"blocks",
           {{"total", status.blocks.total},
            {"under_replicated", status.blocks.under_replicated},
            {"missing", status.blocks.missing},
            {"corrupt", status.blocks.corrupt},
            {"pending_copies", status.blocks.pending_copies}}},
          {"repaired_per_second", status.blocks.repaired_per_second},
          {"balance_deviation", status.balance_deviation},
          {"quorum", status.quorum ? to_json(*status.quorum) : nlohmann::json(nullptr)},
          {"nodes", std::move(nodes)}};
}

}  // namespace minidfs::cli
