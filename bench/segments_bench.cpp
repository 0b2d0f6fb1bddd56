// How fast entries become durable: the log's segments, beside a file that grows and one that was
// only allocated, which is what a log without segments of its own would write to. Usage:
// segments_bench DIRECTORY [seconds per case]
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "consensus/segments/segmented_log.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using namespace minidfs;
using namespace minidfs::consensus;

constexpr std::size_t kPayloadBytes = 200;
constexpr std::uint64_t kFileBytes = 8 << 20;
constexpr Index kDropEvery = 32768;

template <class T>
T need(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}
void need(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

// Makes batches durable, one after the other, for so long.
void run_case(const char* name, std::size_t batch, double seconds,
              const std::function<void(std::size_t)>& write_batch) {
  std::vector<double> latencies;
  const auto start = Clock::now();
  auto now = start;
  while (std::chrono::duration<double>(now - start).count() < seconds) {
    write_batch(batch);
    const auto after = Clock::now();
    latencies.push_back(std::chrono::duration<double, std::milli>(after - now).count());
    now = after;
  }
  std::sort(latencies.begin(), latencies.end());
  const auto count = latencies.size();
  const auto elapsed = std::chrono::duration<double>(now - start).count();
  std::printf("%-10s %4zu a batch: %7.0f syncs/s %8.0f entries/s  median %.3f ms  99 %% %.3f ms\n",
              name, batch, static_cast<double>(count) / elapsed,
              static_cast<double>(count * batch) / elapsed, latencies[count / 2],
              latencies[count * 99 / 100]);
}

void bench_segments(const std::string& directory, std::size_t batch, double seconds) {
  std::filesystem::create_directories(directory);
  SegmentedLog::Options options;
  options.directory = directory;
  SegmentedLog::Origin origin;
  origin.member = 1;
  need(SegmentedLog::create(options, origin));
  const auto log = need(SegmentedLog::open(options, 0));
  Index dropped = 0;
  run_case("segments", batch, seconds, [&](std::size_t count) {
    std::vector<Entry> entries;
    for (std::size_t i = 1; i <= count; ++i) {
      entries.push_back(
          {log->last().index + i, 1, EntryKind::kCommand, std::string(kPayloadBytes, 'x')});
    }
    need(log->append(entries, log->synced().index));
    need(log->sync());
    if (log->last().index - dropped < kDropEvery) return;
    dropped = log->last().index;
    need(log->drop_before(dropped));
  });
  std::filesystem::remove_all(directory);
}

// One file after the other, each with the first `allocated` bytes allocated.
void bench_files(const char* name, const std::string& directory, std::uint64_t allocated,
                 std::size_t batch, double seconds) {
  std::filesystem::create_directories(directory);
  UniqueFd fd;
  std::uint64_t offset = kFileBytes;
  int files = 0;
  run_case(name, batch, seconds, [&](std::size_t count) {
    const std::string bytes(count * record_bytes(kPayloadBytes), 'x');
    if (offset + bytes.size() > kFileBytes) {
      fd = need(
          open_file(directory + "/" + std::to_string(++files % 4), O_WRONLY | O_CREAT | O_TRUNC));
      if (allocated > 0 && ::posix_fallocate(fd.get(), 0, static_cast<off_t>(allocated)) != 0) {
        std::exit(1);
      }
      need(sync_directory(directory));
      offset = 0;
    }
    need(write_at(fd.get(), std::as_bytes(std::span(bytes)), offset, directory));
    need(sync_data(fd.get(), directory));
    offset += bytes.size();
  });
  std::filesystem::remove_all(directory);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: segments_bench DIRECTORY [seconds per case]\n");
    return 2;
  }
  const std::string directory = std::string(argv[1]) + "/segments-bench";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  std::filesystem::remove_all(directory);
  for (const std::size_t batch : {1, 16, 256}) {
    bench_segments(directory, batch, seconds);
    bench_files("allocated", directory, kFileBytes, batch, seconds);
    bench_files("growing", directory, 0, batch, seconds);
  }
  return 0;
}
