#include "base/config_rules.hpp"

#include <array>
#include <string>

namespace minidfs {
namespace {

std::uint64_t count(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(duration.count());
}

template <auto kSection, auto kMember>
std::uint64_t value(const Config& config) {
  if constexpr (requires { count(config.*kSection.*kMember); }) {
    return count(config.*kSection.*kMember);
  } else {
    return config.*kSection.*kMember;
  }
}

using N = NamenodeConfig;
using D = DatanodeConfig;
using F = ClientConfig;

constexpr std::array kRules{
    ConfigRule{"datanode.heartbeat_interval", "namenode.stale_after", false,
               "a datanode would be stale between two heartbeats",
               value<&Config::datanode, &D::heartbeat_interval>,
               value<&Config::namenode, &N::stale_after>},
    ConfigRule{"namenode.stale_after", "namenode.dead_after", false,
               "a datanode is stale before it is lost", value<&Config::namenode, &N::stale_after>,
               value<&Config::namenode, &N::dead_after>},
    ConfigRule{"namenode.leader_heartbeat", "namenode.election_timeout", false,
               "followers would elect another leader between two signs of life",
               value<&Config::namenode, &N::leader_heartbeat>,
               value<&Config::namenode, &N::election_timeout>},
    ConfigRule{"client.min_replication", "client.replication", true, "no write could succeed",
               value<&Config::client, &F::min_replication>,
               value<&Config::client, &F::replication>},
};

// As it stands in the file, without quotes.
std::string shown(std::string_view key, const Config& config) {
  std::string text = find_option(key)->print(config);
  if (text.size() > 1 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return std::string(key) + " (" + text + ")";
}

}  // namespace

std::span<const ConfigRule> config_rules() { return kRules; }

Status check_rule(const ConfigRule& rule, const Config& config) {
  const auto lower = rule.lower_value(config);
  const auto upper = rule.upper_value(config);
  if (lower < upper || (rule.may_be_equal && lower == upper)) return {};
  return Error{Errc::kInvalidArgument, shown(rule.lower, config) + " must be " +
                                           (rule.may_be_equal ? "at most " : "less than ") +
                                           shown(rule.upper, config) + ": " +
                                           std::string(rule.reason)};
}

Status check_config(const Config& config) {
  for (const auto& rule : kRules) MDFS_CHECK(check_rule(rule, config));
  return {};
}

}  // namespace minidfs
