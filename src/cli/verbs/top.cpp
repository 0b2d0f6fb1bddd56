// minidfs top: the state of the cluster and what goes on in it, again and again.

#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/command/screen.hpp"
#include "cli/verbs/cluster_text.hpp"
#include "cli/verbs/quorum_text.hpp"
#include "cli/verbs/top_text.hpp"
#include "http/monitoring/fetch_metrics.hpp"

namespace minidfs::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kIntervalMin{100};
constexpr milliseconds kIntervalMax{3'600'000};
// Who watches would rather see that nobody answers than wait for it.
constexpr milliseconds kAnswerTimeMax{2000};
constexpr std::uint16_t kHttpPort = 9870;

constexpr std::array kFlags{
    Flag{"interval", 'n', "TIME", "Look so often (2s)", ""},
    Flag{"count", 0, "N", "End after so many looks", ""},
    Flag{"batch", 'b', "", "Print one block after another, as into a file", ""},
    Flag{"http", 0, "HOST[:PORT]", "Show the requests that are served over HTTP there, too", ""},
};

struct TopOptions {
  milliseconds interval{2000};
  std::uint64_t count = 0;  // 0: without end.
  bool batch = false;
  std::optional<HostPort> http;
  bool has_others = false;  // Several namenodes were named.
};

Error wrong(std::string_view flag, const std::string& value, const std::string& rule) {
  return {Errc::kInvalidArgument, "top: --" + std::string(flag) + "=" + value + ": is not " + rule};
}

Result<TopOptions> options_of(const Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  TopOptions options;
  if (const auto text = arguments.value("interval"); arguments.has("interval")) {
    MDFS_TRY(options.interval, parse_duration(text));
    if (options.interval < kIntervalMin || options.interval > kIntervalMax) {
      return wrong(
          "interval", text,
          "between " + format_duration(kIntervalMin) + " and " + format_duration(kIntervalMax));
    }
  }
  if (const auto text = arguments.value("count"); arguments.has("count")) {
    options.count = parse_number(text).value_or(0);
    if (options.count == 0) return wrong("count", text, "a number above 0");
  }
  if (arguments.has("http")) {
    MDFS_TRY(options.http, parse_host_port(arguments.value("http"), kHttpPort));
  }
  options.has_others = invocation.config().client.namenode.size() > 1;
  options.batch = arguments.has("batch") || !invocation.io().out_is_terminal;
  return options;
}

std::string time_text() {
  const auto now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return text.data();
}

// Whether another look may find what this one did not.
bool may_come_back(const Error& error) {
  return errc_info(error.code).exit_code == kExitUnreachable;
}

class Top {
 public:
  Top(const Io& io, client::FileSystem& files, TopOptions options)
      : io_(io), files_(files), options_(std::move(options)), has_others_(options_.has_others) {}

  // Finds out what there is to show, and ends with an error that no further look can mend.
  Status look() {
    ClusterLook now;
    now.at = std::chrono::duration_cast<milliseconds>(Clock::now() - begun_);
    frame_.title = "minidfs top, " + time_text();
    MDFS_CHECK(look_at_cluster(now));
    look_at_requests(now);
    frame_.rates = rates_between(last_, now);
    frame_.age = std::chrono::duration_cast<std::chrono::seconds>(now.at - found_at_);
    frame_.look.requests = now.requests;
    if (now.status) frame_.look.status = now.status;
    last_ = std::move(now);
    return {};
  }

  std::string text(const Window& window) const { return top_text(frame_, window); }

  // What the last look ended with: the cluster may be away.
  const Status& outcome() const { return outcome_; }

 private:
  Status look_at_cluster(ClusterLook& now) {
    auto status = files_.status();
    if (!status.ok() && !may_come_back(status.error())) return std::move(status).error();
    frame_.problem.clear();
    frame_.quorum.reset();
    outcome_ = Status();
    if (status.ok()) {
      now.status = printable(std::move(status).value(), io_.out_is_terminal);
      frame_.title += ", cluster " + to_string(now.status->cluster);
      found_at_ = now.at;
      has_others_ |= now.status->quorum && now.status->quorum->members.size() > 1;
      return {};
    }
    outcome_ = std::move(status).error();
    frame_.problem = printable(outcome_.error().message, io_.out_is_terminal);
    // Which takes a while, and of a single namenode nothing more can be found out.
    if (!has_others_) return {};
    if (auto quorum = files_.quorum(); quorum.ok()) {
      frame_.quorum = printable(std::move(quorum).value(), io_.out_is_terminal);
    }
    return {};
  }

  void look_at_requests(ClusterLook& now) {
    if (!options_.http) return;
    frame_.shows_requests = true;
    const auto metrics = http::monitoring::fetch_metrics(*options_.http, kAnswerTimeMax);
    auto totals = metrics.ok() ? http::monitoring::request_totals(*metrics)
                               : Result<http::monitoring::RequestTotals>(metrics.error());
    if (totals.ok()) {
      now.requests = *totals;
    } else {
      frame_.requests_problem = printable(totals.error().message, io_.out_is_terminal);
    }
  }

  const Io& io_;
  client::FileSystem& files_;
  const TopOptions options_;
  const Clock::time_point begun_ = Clock::now();
  bool has_others_;           // The namenode that leads is not the only one.
  milliseconds found_at_{0};  // When a namenode was last found that leads.
  ClusterLook last_;
  TopFrame frame_;
  Status outcome_;
};

milliseconds left_until(Clock::time_point time) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(time - Clock::now()));
}

Status print_blocks(const Io& io, Top& top, const TopOptions& options) {
  for (std::uint64_t number = 1;; ++number) {
    const auto next = Clock::now() + options.interval;
    MDFS_CHECK(top.look());
    MDFS_CHECK(io.print((number == 1 ? "" : "\n") + top.text({})));
    if (number == options.count) return top.outcome();
    ::poll(nullptr, 0, static_cast<int>(left_until(next).count()));
  }
}

// Draws what was found anew while the next look is waited for, so that it fits a window that
// changes.
Status draw(Screen& screen, Top& top, const TopOptions& options) {
  constexpr milliseconds kRedraw{250};
  for (std::uint64_t number = 1;; ++number) {
    const auto next = Clock::now() + options.interval;
    MDFS_CHECK(top.look());
    do {
      const auto size = Screen::size();
      MDFS_CHECK(screen.show(top.text({size.columns, size.rows})));
      const auto key = screen.wait_for_key(std::min(kRedraw, left_until(next)));
      if (key == 'q' || key == 'Q') return {};
    } while (Clock::now() < next);
    if (number == options.count) return {};
  }
}

Status draw(Invocation& invocation, Top& top, const TopOptions& options) {
  // Shared with whoever ends the process when a signal comes.
  const auto screen = std::make_shared<Screen>(invocation.io());
  invocation.at_abandon([screen] { screen->leave(); });
  const auto drawn = draw(*screen, top, options);
  screen->leave();  // Before an error is told.
  return drawn;
}

Result<int> run(Invocation& invocation) {
  MDFS_TRY(const auto options, options_of(invocation));
  invocation.limit_timeout(kAnswerTimeMax);
  MDFS_TRY(auto* files, invocation.file_system());
  Top top(invocation.io(), *files, options);
  MDFS_CHECK(options.batch ? print_blocks(invocation.io(), top, options)
                           : draw(invocation, top, options));
  return 0;
}

}  // namespace

const Command kTopCommand{
    .name = "top",
    .operands = "",
    .summary = "Show live what goes on in the cluster",
    .details =
        "Nodes, space, blocks and repair, the namenodes, and what changes by the second. A\n"
        "namenode that is away is shown as such, and looked for again. q ends it.\n"
        "Without a terminal, or with -b, each look is a block of lines; the rates are there from\n"
        "the second one on. With --count the end is an error (3) when the last look of these\n"
        "found no namenode.\n",
    .example = "minidfs top --interval=1s --http=127.0.0.1:9870",
    .flags = kFlags,
    .operands_min = 0,
    .operands_max = 0,
    .reads_only = true,
    .run = run};

}  // namespace minidfs::cli
