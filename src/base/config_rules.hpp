// What options must be in relation to one another. One table, which check_config() goes through.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/config.hpp"

namespace minidfs {

// The option `lower` must be less than `upper`, or at most as much.
struct ConfigRule {
  std::string_view lower;
  std::string_view upper;
  bool may_be_equal = false;
  std::string_view reason;  // Completes "…, because REASON".
  // Both in the same unit.
  std::uint64_t (*lower_value)(const Config&) = nullptr;
  std::uint64_t (*upper_value)(const Config&) = nullptr;
};

std::span<const ConfigRule> config_rules();

// kInvalidArgument, with both options and their values, when the rule is broken.
Status check_rule(const ConfigRule& rule, const Config& config);

}  // namespace minidfs
