// The roles as the command line knows them: their flags and what they need.
#pragma once

#include <span>
#include <string_view>

#include "base/config.hpp"
#include "cli/command/arguments.hpp"

namespace minidfs::cli {

enum class Role : std::uint8_t { kNamenode, kDatanode, kGateway, kLocal };

struct RoleEntry {
  Role role;
  std::string_view name;  // As in --role=NAME.
  std::string_view summary;
  std::string_view example;
  std::span<const Flag> flags;
};

std::span<const RoleEntry> role_table();

// kInvalidArgument, with the nearest name, for an unknown role.
Result<const RoleEntry*> find_role(std::string_view name);

// What a role needs beyond valid options: a data directory.
Status check_role_config(Role role, const Config& config);

}  // namespace minidfs::cli
