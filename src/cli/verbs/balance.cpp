// minidfs balance: moves blocks until the datanodes are about equally full.

#include <array>
#include <chrono>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using Action = client::FileSystem::BalanceAction;
using State = client::Balance::State;

constexpr std::chrono::milliseconds kPoll{500};

constexpr std::array kFlags{
    Flag{"threshold", 't', "PERCENT", "How far from the mean a datanode may stay (5)", ""},
    Flag{"wait", 'w', "", "Wait until it has come to its end", ""},
    Flag{"stop", 0, "", "End a balance that is under way", ""},
    Flag{"status", 0, "", "Only show how far the last one is", ""},
};

Result<double> parse_percent(const std::string& text) {
  char* end = nullptr;
  const double percent = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(percent > 0 && percent <= 100)) {
    return Error{Errc::kInvalidArgument,
                 "balance: '" + text + "' is no percentage above 0 and up to 100"};
  }
  return percent / 100;
}

std::string percent_text(double part) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", part * 100);
  return text.data();
}

std::string progress_text(const client::Balance& balance) {
  return "farthest from the mean: " + percent_text(balance.deviation) + "; " +
         std::to_string(balance.moved) + " blocks moved (" + human_size(balance.moved_bytes) +
         "), " + std::to_string(balance.moving) + " under way";
}

const char* state_text(State state) {
  switch (state) {
    case State::kNone:
      return "none was begun since the namenode started";
    case State::kRunning:
      return "under way";
    case State::kReached:
      return "reached";
    case State::kStuck:
      return "ended, as no move would help";
    case State::kStopped:
      return "stopped";
  }
  return "?";
}

// Follows a balance that was begun to its end.
class Wait {
 public:
  Wait(const Io& io, client::FileSystem& files, double threshold, std::uint64_t number)
      : io_(io), files_(files), threshold_(threshold), number_(number) {}

  Status run() {
    return client::poll_until(kPoll, [this]() -> Result<bool> {
      MDFS_TRY(const auto balance, files_.balance(Action::kStatus, 0));
      if (balance.number != number_) {
        return Error{Errc::kExpired, "balance: another one was begun, or the namenode anew"};
      }
      MDFS_CHECK(tell(balance));
      return is_over(balance);
    });
  }

 private:
  Status tell(const client::Balance& balance) {
    if (balance.waits_for != explained_) {
      explained_ = balance.waits_for;
      if (!explained_.empty()) io_.say("balance: waits, as " + explained_);
    }
    auto text = progress_text(balance);
    if (text == shown_) return {};
    shown_ = std::move(text);
    return io_.print(shown_ + "\n");
  }

  Result<bool> is_over(const client::Balance& balance) const {
    if (balance.state == State::kStuck) {
      return Error{Errc::kNoDatanode,
                   "balance: no block can be moved that would bring the datanodes within " +
                       percent_text(threshold_) + " of the mean; they are within " +
                       percent_text(balance.deviation)};
    }
    if (balance.state == State::kStopped) {
      return Error{Errc::kExpired, "balance: was stopped"};
    }
    return balance.state == State::kReached;
  }

  const Io& io_;
  client::FileSystem& files_;
  const double threshold_;
  const std::uint64_t number_;
  std::string shown_;
  std::string explained_;
};

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const bool ends = arguments.has("stop");
  const bool asks = arguments.has("status");
  if (ends + asks + (arguments.has("wait") || arguments.has("threshold")) > 1) {
    return Error{Errc::kInvalidArgument,
                 "balance: --stop, --status and what begins one exclude one another"};
  }
  MDFS_TRY(const auto threshold,
           parse_percent(arguments.has("threshold") ? arguments.value("threshold") : "5"));
  MDFS_TRY(auto* files, invocation.file_system());
  const auto action = ends ? Action::kStop : asks ? Action::kStatus : Action::kBegin;
  MDFS_TRY(const auto balance, files->balance(action, threshold));
  if (asks) {
    MDFS_CHECK(invocation.io().print(std::string("balance: ") + state_text(balance.state) + "; " +
                                     progress_text(balance) + "\n"));
  }
  if (arguments.has("wait")) {
    MDFS_CHECK(Wait(invocation.io(), *files, threshold, balance.number).run());
  }
  return 0;
}

}  // namespace

const Command kBalanceCommand{
    .name = "balance",
    .operands = "",
    .summary = "Move blocks until the datanodes are about equally full",
    .details =
        "The namenode does it in the background: until it is reached, no move would help, or\n"
        "--stop. -w waits for the end and shows how far it is; to interrupt it ends the waiting\n"
        "only. See also the options namenode.balance and datanode.copy_rate.\n",
    .example = "minidfs balance --wait --threshold 5",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .run = run};

}  // namespace minidfs::cli
