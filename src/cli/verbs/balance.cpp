// minidfs balance: moves blocks until the datanodes are about equally full.

#include <array>
#include <chrono>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "client/polling.hpp"

namespace minidfs::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{500};
// As long as nothing is being copied and the nodes do not come nearer to each other, no block can
// be moved that would help.
constexpr std::chrono::seconds kStuck{20};

constexpr std::array kFlags{
    Flag{"threshold", 't', "PERCENT", "How far from the mean a datanode may stay (5)", ""},
    Flag{"wait", 'w', "", "Wait until it has come to its end", ""},
    Flag{"stop", 0, "", "End a balance that is under way", ""},
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

Status wait_for_end(Invocation& invocation, client::FileSystem& files, double threshold) {
  double shown = -1;
  auto changed_at = Clock::now();
  return client::poll_until(kPoll, [&]() -> Result<bool> {
    MDFS_TRY(const auto status, files.status());
    const auto now = Clock::now();
    if (status.balance_deviation != shown) {
      shown = status.balance_deviation;
      changed_at = now;
      MDFS_CHECK(invocation.io().print("farthest from the mean: " + percent_text(shown) + "\n"));
    }
    if (status.balanced) return true;
    if (status.blocks.pending_copies > 0 || now - changed_at <= kStuck) return false;
    auto stopped = files.balance(std::nullopt);
    if (!stopped.ok()) return std::move(stopped).error();
    return Error{Errc::kNoDatanode,
                 "balance: no block can be moved that would bring the datanodes within " +
                     percent_text(threshold) + " of the mean; they are within " +
                     percent_text(shown)};
  });
}

Result<int> run(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  MDFS_TRY(const auto threshold,
           parse_percent(arguments.has("threshold") ? arguments.value("threshold") : "5"));
  MDFS_TRY(auto* files, invocation.file_system());
  if (arguments.has("stop")) {
    MDFS_CHECK(files->balance(std::nullopt));
    return 0;
  }
  MDFS_CHECK(files->balance(threshold));
  if (arguments.has("wait")) MDFS_CHECK(wait_for_end(invocation, *files, threshold));
  return 0;
}

}  // namespace

const Command kBalanceCommand{
    .name = "balance",
    .operands = "",
    .summary = "Move blocks until the datanodes are about equally full",
    .details =
        "The namenode does it in the background, until it is done or --stop; -w waits for the\n"
        "end. See also the option namenode.balance.\n",
    .example = "minidfs balance --wait --threshold 5",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .run = run};

}  // namespace minidfs::cli
