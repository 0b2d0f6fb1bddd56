// minidfs safemode: shows and changes whether the namenode refuses changes.

#include <array>
#include <chrono>

#include "cli/command/command.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using Action = client::FileSystem::SafeModeAction;

constexpr std::chrono::milliseconds kPoll{200};

constexpr std::array kFlags{
    Flag{"accept-older-namespace", 0, "", "With leave: give up what only the datanodes know", ""},
};

Result<int> run(Invocation& invocation) {
  const auto& word = invocation.arguments().operands.front();
  Action action = Action::kStatus;
  if (word == "enter") action = Action::kEnter;
  if (word == "leave") action = Action::kLeave;
  if (action == Action::kStatus && word != "status" && word != "wait") {
    return Error{Errc::kInvalidArgument,
                 "safemode: '" + word + "' is none of enter, leave, wait, status"};
  }
  if (invocation.arguments().has("accept-older-namespace")) {
    if (action != Action::kLeave) {
      return Error{Errc::kInvalidArgument,
                   "safemode: --accept-older-namespace goes with leave, not with " + word};
    }
    action = Action::kAccept;
  }
  MDFS_TRY(auto* files, invocation.file_system());
  MDFS_TRY(auto mode, files->safe_mode(action));
  if (word == "wait" && mode.on) {
    MDFS_CHECK(client::poll_until(kPoll, [&]() -> Result<bool> {
      if (mode.behind) return Error{Errc::kBehind, mode.reason};  // It does not end by itself.
      MDFS_TRY(mode, files->safe_mode(Action::kStatus));
      return !mode.on;
    }));
  }
  const std::string text = mode.on ? "on: " + mode.reason : std::string("off");
  MDFS_CHECK(invocation.io().print("safe mode is " +
                                   printable(text, invocation.io().out_is_terminal) + "\n"));
  return 0;
}

}  // namespace

const Command kSafemodeCommand{
    .name = "safemode",
    .operands = "enter|leave|wait|status",
    .summary = "Show or change whether the namenode refuses changes",
    .details =
        "In safe mode nothing is written, deleted or repaired. The namenode is in it after its\n"
        "start until enough blocks have been reported; `enter` keeps it there until `leave`.\n"
        "When the namenode was put back and the datanodes know a later state of the cluster, it\n"
        "stays in safe mode until the newer state is put back or `leave --accept-older-namespace`\n"
        "gives up what was changed since.\n",
    .example = "minidfs safemode wait",
    .flags = kFlags,
    .operands_min = 1,
    .operands_max = 1,
    .run = run};

}  // namespace minidfs::cli
