// Asks for the status of one file at fixed times, whether or not earlier questions have been
// answered, so that a pause is felt by all that arrive in it. Prints a line for each: the time at
// which it was to be asked (CLOCK_MONOTONIC), how long its answer took from then on, both in
// nanoseconds, and ok or what went wrong.
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>

#include "client/link/namenode_link.hpp"
#include "history/cluster_flags.hpp"
#include "history/flags.hpp"
#include "history/history_writer.hpp"
#include "history/stop_signal.hpp"

namespace minidfs::history {
namespace {

constexpr char kUsage[] =
    "usage: minidfs_steady_stats --namenodes=HOST:PORT[,...] --path=PATH --seconds=N\n"
    "  [--rate=500] [--clients=8] [--patience-seconds=60] [--secret-file=FILE]\n";

struct Question {
  Nanoseconds due = 0;
  Nanoseconds answered = 0;
  std::string outcome;
};

std::vector<std::unique_ptr<client::NamenodeLink>> connect(const Flags& flags) {
  const auto options = cluster_options<client::LinkOptions>(flags, 60);
  std::vector<std::unique_ptr<client::NamenodeLink>> links;
  for (std::uint64_t i = 0; i < flags.number("clients", 8); ++i) {
    links.push_back(std::make_unique<client::NamenodeLink>(options));
    // Connected before the first question is due.
    (void)links.back()->call(actors::StatRequest{flags.text("path")});
  }
  return links;
}

int ask(const Flags& flags) {
  const auto path = flags.text("path");
  const auto rate = flags.number("rate", 500);
  std::vector<Question> questions(flags.number("seconds", 10) * rate);
  std::atomic<std::size_t> answered{0};
  std::size_t asked = 0;
  {
    const auto links = connect(flags);
    const auto start = now();
    for (; asked < questions.size() && !stop; ++asked) {
      auto& question = questions[asked];
      question.due = start + static_cast<Nanoseconds>(asked * 1'000'000'000 / rate);
      if (const auto wait = question.due - now(); wait > 0) {
        std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
      }
      links[asked % links.size()]->submit<actors::StatRequest>(
          {path}, [&question, &answered](const Result<metadata::FileStatus>& status) {
            question.answered = now();
            question.outcome = status.ok() ? "ok" : status.error().message;
            ++answered;
          });
    }
    while (answered < asked) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (std::size_t i = 0; i < asked; ++i) {
    const auto& question = questions[i];
    std::printf("%lld %lld %s\n", static_cast<long long>(question.due),
                static_cast<long long>(question.answered - question.due), question.outcome.c_str());
  }
  return 0;
}

}  // namespace
}  // namespace minidfs::history

int main(int count, char** words) {
  using namespace minidfs::history;
  const Flags flags(count, words, kUsage);
  stop_at_sigterm();
  return ask(flags);
}
