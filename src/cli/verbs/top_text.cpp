#include "cli/verbs/top_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "cli/verbs/cluster_text.hpp"
#include "cli/verbs/quorum_text.hpp"

namespace minidfs::cli {
namespace {

// Short of this a number says more with a digit behind the point.
constexpr double kSmallMax = 10;

std::string number_text(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", std::abs(value) < kSmallMax ? 1 : 0, value);
  return text.data();
}

// What another process told may be any number.
std::uint64_t whole(double value) {
  constexpr double kMost = 1e18;
  return value > 0 ? static_cast<std::uint64_t>(std::min(value, kMost)) : 0;
}

// "-" for what is not known.
std::string rate_text(const std::optional<double>& rate) {
  return rate ? number_text(*rate) : std::string("-");
}

std::string bytes_text(const std::optional<double>& rate) {
  if (!rate) return "-";
  const auto size = human_size(whole(std::abs(*rate)));
  return (*rate <= -1 ? "-" : "") + size + "/s";
}

// Through double: bytes times 100 may not fit in 64 bits.
std::string percent_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return number_text(static_cast<double>(part) * 100 / static_cast<double>(whole)) + " %";
}

std::string space_line(const client::ClusterStatus& status) {
  const auto space = space_of(status);
  return "space:      " + percent_text(space.used_bytes, space.used_bytes + space.free_bytes) +
         " full: " + human_size(space.used_bytes) + " used, " + human_size(space.free_bytes) +
         " free of " + human_size(space.capacity_bytes) + "\n";
}

std::string blocks_line(const client::BlockCounts& blocks) {
  return "blocks:     " + std::to_string(blocks.total) + ": " +
         std::to_string(blocks.under_replicated) + " under-replicated, " +
         std::to_string(blocks.missing) + " missing, " + std::to_string(blocks.corrupt) +
         " corrupt, " + std::to_string(blocks.pending_copies) + " copies pending\n";
}

std::string rates_line(const ClusterRates& rates) {
  return "changes:    " + rate_text(rates.changes) + " a second, files " + rate_text(rates.files) +
         " a second, stored " + bytes_text(rates.stored_bytes) + "\n";
}

std::string requests_line(const TopFrame& frame) {
  if (!frame.shows_requests) return {};
  if (!frame.look.requests) return "requests:   " + frame.requests_problem + "\n";
  const auto& rates = frame.rates;
  return "requests:   " + rate_text(rates.requests) + " a second, " +
         rate_text(rates.failed_requests) + " failed, " +
         std::to_string(whole(frame.look.requests->in_progress)) + " under way; in " +
         bytes_text(rates.received_bytes) + ", out " + bytes_text(rates.sent_bytes) + "\n";
}

std::string problem_text(const TopFrame& frame) {
  if (frame.problem.empty()) return {};
  std::string text = "namenode:   AWAY: " + frame.problem + "\n";
  if (frame.quorum) text += namenodes_text(*frame.quorum);
  if (frame.look.status) {
    text += "figures:    as they were " + human_duration(frame.age) + " ago\n";
  }
  return text;
}

std::string node_line(const client::NodeReport& node, std::size_t name_width) {
  std::array<char, 512> columns{};
  std::snprintf(columns.data(), columns.size(),
                "  %-*.128s %-15.16s %-12.64s %10s %10s %8s %9llu %7s",
                static_cast<int>(std::min<std::size_t>(name_width, 128)), node.name.c_str(),
                shown_state(node).c_str(), node.rack.c_str(), human_size(node.used_bytes).c_str(),
                human_size(node.capacity_bytes).c_str(),
                percent_text(node.used_bytes, node.used_bytes + node.free_bytes).c_str(),
                static_cast<unsigned long long>(node.blocks),
                node.state == "absent"
                    ? "-"
                    : human_duration(std::chrono::seconds(node.last_heartbeat_ms / 1000)).c_str());
  return std::string(columns.data()) + "\n";
}

// Those that need somebody to look come first.
std::string nodes_text(std::vector<client::NodeReport> nodes) {
  std::stable_partition(nodes.begin(), nodes.end(),
                        [](const auto& node) { return node.state != "live"; });
  std::size_t name_width = 8;
  std::size_t live = 0;
  std::size_t dead = 0;
  for (const auto& node : nodes) {
    name_width = std::max(name_width, node.name.size());
    live += node.state == "live" ? 1 : 0;
    dead += node.state == "dead" ? 1 : 0;
  }
  std::array<char, 512> head{};
  std::snprintf(head.data(), head.size(), "  %-*s %-15s %-12s %10s %10s %8s %9s %7s\n",
                static_cast<int>(std::min<std::size_t>(name_width, 128)), "datanode", "state",
                "rack", "used", "capacity", "full", "blocks", "silent");
  std::string text = "datanodes:  " + std::to_string(nodes.size()) + ", " + std::to_string(live) +
                     " live, " + std::to_string(dead) + " dead\n" + head.data();
  for (const auto& node : nodes) text += node_line(node, name_width);
  return text;
}

std::string status_lines(const client::ClusterStatus& status, const TopFrame& frame) {
  std::string text = "safe mode:  " + safe_mode_text(status) + "\n" + silence_text(status);
  if (status.quorum && frame.problem.empty()) text += namenodes_text(*status.quorum);
  text += "files:      " + std::to_string(status.files) + " in " +
          std::to_string(status.directories) + " directories\n";
  text += space_line(status) + blocks_line(status.blocks) + repair_text(status.blocks);
  return text + rates_line(frame.rates) + requests_line(frame) + nodes_text(status.nodes);
}

// Of UTF-8, whose letters are not cut through.
std::string_view cut(std::string_view line, std::size_t columns) {
  if (columns == 0) return line;
  std::size_t letters = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool begins_letter = (static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80;
    if (begins_letter && letters++ == columns) return line.substr(0, i);
  }
  return line;
}

std::string fitted(const std::string& text, const Window& window) {
  std::vector<std::string_view> lines;
  for (std::string_view left = text; !left.empty();) {
    const auto end = left.find('\n');
    lines.push_back(cut(left.substr(0, end), window.columns));
    left.remove_prefix(end == left.npos ? left.size() : end + 1);
  }
  std::string more;
  if (window.rows > 0 && lines.size() > window.rows) {
    more = "  ... and " + std::to_string(lines.size() - window.rows + 1) + " more lines";
    lines.resize(window.rows - 1);
    lines.push_back(cut(more, window.columns));
  }
  std::string shown;
  for (const auto line : lines) shown.append(line).append("\n");
  return shown;
}

}  // namespace

std::string top_text(const TopFrame& frame, const Window& window) {
  std::string text = frame.title + "\n" + problem_text(frame);
  if (frame.look.status) {
    text += status_lines(*frame.look.status, frame);
  } else {
    text += requests_line(frame);
  }
  return fitted(text, window);
}

}  // namespace minidfs::cli
