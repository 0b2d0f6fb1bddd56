#include "cli/application.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/logging.hpp"
#include "base/suggest.hpp"
#include "cli/command/signals.hpp"

namespace minidfs::cli {
namespace {

constexpr std::string_view kRoleFlag = "--role";

bool is_flag(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

// The value of --role wherever it stands; nothing when there is none.
std::optional<std::string> role_name(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == kRoleFlag) return i + 1 < words.size() ? words[i + 1] : std::string();
    if (word.substr(0, kRoleFlag.size() + 1) == "--role=") {
      return std::string(word.substr(kRoleFlag.size() + 1));
    }
  }
  return std::nullopt;
}

Result<Config> configure(const Arguments& arguments, const std::vector<std::string>& environment) {
  return load_config({arguments.value("config"), environment, arguments.settings});
}

Result<Request> parse_role(const std::string& name, const std::vector<std::string>& words,
                           const std::vector<std::string>& environment) {
  MDFS_TRY(const auto* role, find_role(name));
  auto parsed = parse_arguments(role->flags, words);
  if (!parsed.ok()) {
    return Error{Errc::kInvalidArgument,
                 "--role=" + name + ": " + std::move(parsed).error().message};
  }
  if (parsed->has("help")) return Request(ShowText{role_help(*role)});
  if (parsed->has("version")) return Request(ShowText{version_text()});
  if (!parsed->operands.empty()) {
    return Error{Errc::kInvalidArgument,
                 "--role=" + name + ": unexpected operand '" + parsed->operands.front() + "'"};
  }
  RunRole request{role->role, {}};
  MDFS_TRY(request.config, configure(*parsed, environment));
  MDFS_CHECK(check_role_config(request.role, request.config));
  return Request(std::move(request));
}

Result<const Command*> find_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto* command : command_table()) {
    if (command->name == name) return command;
    names.push_back(command->name);
  }
  const auto hint = suggestion(name, names);
  return Error{
      Errc::kInvalidArgument,
      "unknown verb '" + name + "'" + (hint.empty() ? "; `minidfs --help` lists the verbs" : hint)};
}

Error wrong_usage(const Command& command, const std::string& problem) {
  return {Errc::kInvalidArgument, std::string(command.name) + ": " + problem};
}

Status check_operands(const Command& command, const Arguments& arguments) {
  const auto count = arguments.operands.size();
  if (count < command.operands_min) {
    return wrong_usage(command, "operands missing; usage: minidfs " + std::string(command.name) +
                                    " [FLAG...] " + std::string(command.operands));
  }
  if (count > command.operands_max) {
    return wrong_usage(command,
                       "unexpected operand '" + arguments.operands[command.operands_max] + "'");
  }
  return {};
}

Result<Request> parse_verb(const std::vector<std::string>& words,
                           const std::vector<std::string>& environment) {
  MDFS_TRY(const auto* command, find_command(words.front()));
  std::vector<Flag> flags(command->flags.begin(), command->flags.end());
  if (command->is_client) {
    flags.insert(flags.end(), client_flags().begin(), client_flags().end());
  }
  auto parsed = parse_arguments(flags, {words.begin() + 1, words.end()});
  if (!parsed.ok()) return wrong_usage(*command, parsed.error().message);
  if (parsed->has("help")) return Request(ShowText{command_help(*command)});
  if (parsed->operands.empty() && !command->operand_default.empty()) {
    parsed->operands.emplace_back(command->operand_default);
  }
  MDFS_CHECK(check_operands(*command, *parsed));
  RunVerb request{command, std::move(*parsed), {}};
  // The defaults can be printed whatever the environment says.
  if (command->is_client || command->takes_options || request.arguments.has("effective")) {
    MDFS_TRY(request.config, configure(request.arguments, environment));
  }
  // Who changes something, or judges, sees what there is.
  if (command->is_client && !command->reads_only) request.config.client.stale = {};
  return Request(std::move(request));
}

}  // namespace

Result<Request> parse_command_line(const std::vector<std::string>& words,
                                   const std::vector<std::string>& environment) {
  if (words.empty()) {
    return Error{Errc::kInvalidArgument,
                 "a verb or --role is missing; `minidfs --help` shows both"};
  }
  const std::string& first = words.front();
  if (!is_flag(first)) {
    if (first != "help") return parse_verb(words, environment);
    if (words.size() == 1) return Request(ShowText{overview_text()});
    MDFS_TRY(const auto* command, find_command(words[1]));
    return Request(ShowText{command_help(*command)});
  }
  if (const auto role = role_name(words)) return parse_role(*role, words, environment);
  if (first == "--help" || first == "-h") return Request(ShowText{overview_text()});
  if (first == "--version") return Request(ShowText{version_text()});
  const std::string name = first.substr(0, first.find('='));
  constexpr std::array<std::string_view, 3> kKnown{"--role", "--help", "--version"};
  const auto hint = suggestion(name, kKnown);
  return Error{Errc::kInvalidArgument,
               "unknown flag '" + name + "'" +
                   (hint.empty() ? " without --role; a verb's flags come after the verb" : hint)};
}

namespace {

int start_role(const RunRole& request, const Wiring& wiring) {
  const auto level = parse_log_level(request.config.common.log_level);
  if (!level.ok()) return report(wiring.io, level.error());
  const auto started = start_logging(*level, request.config.common.log_file);
  if (!started.ok()) return report(wiring.io, started.error());
  return wiring.run_role(request.role, request.config);
}

// What is left to tidy up with, for a verb that a signal ends.
constexpr std::chrono::milliseconds kAbandonTimeMax{2000};

// Ends the process.
void interrupt(Invocation& invocation, int signal) {
  const auto& io = invocation.io();
  io.end->interrupted = true;
  invocation.abandon(kAbandonTimeMax);
  if (io.err_is_terminal) io.err("\r\x1b[K");  // Where the progress line stands.
  std::fflush(nullptr);
  ::_exit(128 + signal);
}

int perform_verb(RunVerb request, const Wiring& wiring) {
  const auto run = request.command->run;
  Invocation invocation(std::move(request.arguments), std::move(request.config), wiring.io,
                        wiring.connect);
  // Ends first: a signal that is being handled ends the process while all else still lives.
  std::optional<SignalThread> signals;
  if (wiring.takes_signals) {
    signals.emplace(SignalThread::Ignored::kRespect,
                    [&invocation](int signal) { interrupt(invocation, signal); });
  }
  const auto done = run(invocation);
  const int exit_code = done.ok() ? *done : report(wiring.io, done.error());
  const bool failed = exit_code == kExitFailure || exit_code == kExitUnreachable;
  if (failed && invocation.arguments().has("json") && !wiring.io.end->printed) {
    // A program that parses what it was promised finds a document all the same.
    if (const auto printed = wiring.io.print("null\n"); !printed.ok()) {
      return report(wiring.io, printed.error());
    }
  }
  return exit_code;
}

}  // namespace

int run_application(const std::vector<std::string>& words,
                    const std::vector<std::string>& environment, const Wiring& wiring) {
  auto request = parse_command_line(words, environment);
  if (!request.ok()) return report(wiring.io, request.error());
  if (const auto* show = std::get_if<ShowText>(&*request)) {
    const auto shown = wiring.io.print(show->text);
    return shown.ok() ? 0 : report(wiring.io, shown.error());
  }
  if (const auto* role = std::get_if<RunRole>(&*request)) return start_role(*role, wiring);
  return perform_verb(std::get<RunVerb>(std::move(*request)), wiring);
}

}  // namespace minidfs::cli
