// minidfs config: all options with their explanations.

#include <array>

#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"effective", 0, "", "The values in effect here, not the defaults", ""},
    Flag{"config", 0, "FILE", "With --effective: read options from a TOML file", ""},
    Flag{"help", 'h', "", "Show this help", ""},
};

Result<int> run(Invocation& invocation) {
  const bool effective = invocation.arguments().has("effective");
  MDFS_CHECK(invocation.io().print(print_config(effective ? invocation.config() : Config{})));
  return 0;
}

}  // namespace

const Command kConfigCommand{
    .name = "config",
    .operands = "",
    .summary = "Print all options with their defaults, as a configuration file",
    .details =
        "Every option can be given in a file (--config), as the environment variable\n"
        "MINIDFS_SECTION_KEY, and many as a flag; the flag beats the environment, the\n"
        "environment beats the file.",
    .example = "minidfs config > minidfs.toml",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .is_client = false,
    .run = run};

}  // namespace minidfs::cli
