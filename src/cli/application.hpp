// From the words of the command line to a role or a verb. What it wires together comes in from
// main, so that tests run whole verbs without a network.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/command/command.hpp"
#include "cli/roles/role_command.hpp"

namespace minidfs::cli {

// What a command line asks for.
struct ShowText {
  std::string text;  // Help or the version.
};
struct RunRole {
  Role role = Role::kNamenode;
  Config config;
};
struct RunVerb {
  const Command* command = nullptr;
  Arguments arguments;
  Config config;
};
using Request = std::variant<ShowText, RunRole, RunVerb>;

// `words` are those after the program's name, `environment` holds "NAME=VALUE". Reads nothing but
// the file of --config. Errors: kInvalidArgument, with a suggestion where one is near.
Result<Request> parse_command_line(const std::vector<std::string>& words,
                                   const std::vector<std::string>& environment);

struct Wiring {
  Io io;
  Connector connect;
  std::function<int(Role, const Config&)> run_role;
  // A verb that gets SIGINT, SIGTERM or SIGHUP tidies up and ends the process with 128 + the
  // signal.
  bool takes_signals = false;
};

// Everything a process does; the exit code.
int run_application(const std::vector<std::string>& words,
                    const std::vector<std::string>& environment, const Wiring& wiring);

// The help texts.
std::string overview_text();
std::string version_text();
std::string command_help(const Command& command);
std::string role_help(const RoleEntry& role);

}  // namespace minidfs::cli
