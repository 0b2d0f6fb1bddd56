// How fast the replicated log of one member is: latency of one command at a time, rate with many in
// flight, the directory's size afterwards. Usage: log_bench DIRECTORY [seconds per case [entries
// between checkpoints]]
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "consensus/log.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using minidfs::Error;
using minidfs::Result;
using minidfs::Status;
using minidfs::consensus::Completion;
using minidfs::consensus::Log;
using minidfs::consensus::LogOptions;

constexpr std::size_t kCommandBytes = 100;

// Costs nothing, so that only the log is measured.
class NullState : public minidfs::consensus::StateMachine {
 public:
  std::uint64_t applied() const override { return number_; }
  Result<std::string> apply(std::uint64_t number, std::string_view) override {
    number_ = number;
    return std::string();
  }
  Status commit_batch() override {
    ++batches_;
    committed_ = number_;
    return {};
  }
  Result<std::uint64_t> make_durable() override { return committed_.load(); }

  std::uint64_t batches() const { return batches_; }

 private:
  std::uint64_t number_ = 0;
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<std::uint64_t> committed_{0};
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Keeps `in_flight` commands in the log until `seconds` have passed; prints rate and latencies.
void run_case(Log& log, NullState& state, unsigned in_flight, double seconds) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::uint64_t> done;
  const auto channel = log.add_channel([&](std::vector<Completion> completions) {
    const std::lock_guard lock(mutex);
    for (const auto& completion : completions) {
      if (!completion.reply.ok()) {
        std::fprintf(stderr, "%s\n", completion.reply.error().message.c_str());
        std::exit(1);
      }
      done.push_back(completion.token);
    }
    changed.notify_one();
  });
  std::vector<Clock::time_point> sent(in_flight);
  std::vector<double> latencies;
  const std::string command(kCommandBytes, 'x');
  const auto start = Clock::now();
  const auto batches = state.batches();
  const auto cpu = cpu_seconds();
  for (unsigned i = 0; i < in_flight; ++i) {
    sent[i] = Clock::now();
    log.propose(channel, i, command);
  }
  unsigned open = in_flight;
  while (open > 0) {
    std::vector<std::uint64_t> finished;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !done.empty(); });
      finished.swap(done);
    }
    const auto now = Clock::now();
    const bool over = seconds_since(start) >= seconds;
    for (const auto slot : finished) {
      latencies.push_back(std::chrono::duration<double, std::milli>(now - sent[slot]).count());
      if (over) {
        --open;
        continue;
      }
      sent[slot] = now;
      log.propose(channel, slot, command);
    }
  }
  const double elapsed = seconds_since(start);
  std::sort(latencies.begin(), latencies.end());
  const auto count = latencies.size();
  std::printf(
      "%4u in flight: %8.0f/s  median %.3f ms  99 %% %.3f ms  %.1f a batch  cpu %.1f us each\n",
      in_flight, static_cast<double>(count) / elapsed, latencies[count / 2],
      latencies[count * 99 / 100],
      static_cast<double>(count) / static_cast<double>(state.batches() - batches),
      (cpu_seconds() - cpu) * 1e6 / static_cast<double>(count));
}

void print_directory(const std::string& directory) {
  std::uintmax_t bytes = 0;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    bytes += entry.file_size();
    ++files;
  }
  std::printf("directory: %d files, %.1f MiB\n", files, static_cast<double>(bytes) / 1048576.0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: log_bench DIRECTORY [seconds [entries between checkpoints]]\n");
    return 2;
  }
  const std::string directory = std::string(argv[1]) + "/log-bench";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  NullState state;
  LogOptions options;
  options.directory = directory;
  if (argc > 3) {
    options.checkpoint_entries = static_cast<std::uint32_t>(std::atoi(argv[3]));
  }
  const auto start = Clock::now();
  auto log = Log::open(options, state, [](const Error& error) {
    std::fprintf(stderr, "fatal: %s\n", error.message.c_str());
    std::exit(1);
  });
  if (!log.ok()) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    return 1;
  }
  std::printf("open: %.1f ms\n", seconds_since(start) * 1e3);
  for (const unsigned in_flight : {1U, 16U, 64U, 256U, 1024U}) {
    run_case(**log, state, in_flight, seconds);
  }
  print_directory(directory);
  const auto cpu = cpu_seconds();
  const auto idle = Clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(5));
  std::printf("idle: %.3f %% of a core\n", (cpu_seconds() - cpu) / seconds_since(idle) * 100);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("memory: %ld MiB at most\n", usage.ru_maxrss / 1024);
  const auto stop = Clock::now();
  log->reset();
  std::printf("close: %.1f ms\n", seconds_since(stop) * 1e3);
  std::filesystem::remove_all(directory);
  return 0;
}
