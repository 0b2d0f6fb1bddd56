// Says whether the histories of a run are linearizable, each directory for itself.
//
// Exit code 0: they are. 1: one is not; the smallest that is not is printed. 2: they cannot be
// read. 3: one is too entangled to say.
#include <cstdio>
#include <optional>
#include <set>

#include "history/flags.hpp"
#include "history/history_file.hpp"
#include "history/linearizability.hpp"
#include "history/reduction.hpp"

namespace minidfs::history {
namespace {

constexpr char kUsage[] =
    "usage: minidfs_check_histories --histories=DIR\n"
    "  DIR has what minidfs_record_histories wrote, and the file leaderships if somebody wrote "
    "it.\n";
constexpr std::size_t kFailuresShown = 5;

struct Findings {
  std::optional<DirectoryHistory> smallest;  // Of those that are violated.
  std::size_t violated = 0;
  std::size_t undecided = 0;
};

Findings judge_all(const RecordedRun& run) {
  Findings findings;
  for (const auto& [path, history] : run.directories) {
    const auto verdict = judge(history);
    if (verdict == Verdict::kUndecided) {
      ++findings.undecided;
      std::printf("undecided: %s with %zu operations\n", path.c_str(), history.operations.size());
    }
    if (verdict != Verdict::kViolated) continue;
    ++findings.violated;
    auto smallest = smallest_violation(history);
    if (!findings.smallest || smallest.operations.size() < findings.smallest->operations.size()) {
      findings.smallest = std::move(smallest);
    }
  }
  return findings;
}

void print_summary(const RecordedRun& run) {
  std::size_t operations = 0;
  std::set<std::uint32_t> clients;
  for (const auto& [path, history] : run.directories) {
    operations += history.operations.size();
    for (const auto& operation : history.operations) clients.insert(operation.client);
  }
  std::printf("%zu directories, %zu operations of %zu clients, %zu of unknown outcome; ",
              run.directories.size(), operations, clients.size(), run.failures.size());
  std::printf("%zu leaderships, %llu of them with reads that overlap changes\n",
              run.leaderships.size(), static_cast<unsigned long long>(telling_leaderships(run)));
  for (std::size_t i = 0; i < run.failures.size() && i < kFailuresShown; ++i) {
    std::printf("unknown: %s\n", run.failures[i].c_str());
  }
}

int check(const std::string& directory) {
  const auto run = read_run(directory);
  if (!run.ok()) {
    std::fprintf(stderr, "%s\n", run.error().message.c_str());
    return 2;
  }
  print_summary(*run);
  const auto findings = judge_all(*run);
  if (findings.smallest) {
    std::printf("NOT linearizable: %zu directories; the smallest is %s:\n%s", findings.violated,
                findings.smallest->directory.c_str(), to_text(*findings.smallest).c_str());
    return 1;
  }
  if (findings.undecided > 0) return 3;
  std::printf("linearizable\n");
  return 0;
}

}  // namespace
}  // namespace minidfs::history

int main(int count, char** words) {
  const minidfs::history::Flags flags(count, words, minidfs::history::kUsage);
  return minidfs::history::check(flags.text("histories"));
}
