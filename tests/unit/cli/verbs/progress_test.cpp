#include "cli/verbs/progress.hpp"

#include <catch2/catch.hpp>

namespace minidfs::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1ULL << 20;

TEST_CASE("the line shows part, bytes, rate and time left") {
  const client::Progress progress{.bytes_done = 50 * kMiB, .bytes_total = 200 * kMiB};
  CHECK(progress_line(progress, 10.0 * kMiB, 200) ==
        " 25% [=====>              ] 50.0 MiB of 200.0 MiB, 10.0 MiB/s, 16 s left");
}

TEST_CASE("the line counts files when there are several") {
  const client::Progress progress{
      .bytes_done = kMiB, .bytes_total = kMiB, .files_done = 3, .files_total = 10};
  CHECK(progress_line(progress, 0, 200) ==
        "100% [====================] 1.0 MiB of 1.0 MiB, 3 of 10 files");
}

TEST_CASE("without a known total there is neither part nor time left") {
  CHECK(progress_line({.bytes_done = 1024}, 512, 200) == "1.0 KiB, 512 B/s");
}

TEST_CASE("the line is cut to the terminal and survives strange numbers") {
  const client::Progress more_than_all{.bytes_done = ~0ULL, .bytes_total = 1};
  CHECK(progress_line(more_than_all, 1e18, 4) == "100%");
  const client::Progress very_slow{.bytes_done = 1, .bytes_total = ~0ULL};
  CHECK(progress_line(very_slow, 1, 200).find("left") == std::string::npos);
}

TEST_CASE("the rate is that of the last seconds") {
  RateMeter meter;
  meter.add(0ms, 0);
  CHECK(meter.bytes_per_second() == 0);
  meter.add(1000ms, 1000);
  CHECK(meter.bytes_per_second() == Approx(1000));
  auto now = 1000ms;
  std::uint64_t bytes = 1000;
  for (int i = 0; i < 100; ++i) meter.add(now += 100ms, bytes += 1000);
  CHECK(meter.bytes_per_second() == Approx(10'000).epsilon(0.01));
}

TEST_CASE("bytes that are taken back do not make the rate huge") {
  RateMeter meter;
  meter.add(0ms, 0);
  meter.add(1000ms, 1000);
  meter.add(2000ms, 500);
  CHECK(meter.bytes_per_second() < 1000);
}

TEST_CASE("the bar draws on a terminal only, and wipes its line at the end") {
  std::string drawn;
  Io io;
  io.err = [&](std::string_view text) { drawn += text; };
  { CHECK_FALSE(ProgressBar(io, false).callback()); }
  io.err_is_terminal = true;
  { CHECK_FALSE(ProgressBar(io, true).callback()); }
  CHECK(drawn.empty());
  {
    ProgressBar bar(io, false);
    bar.callback()({.bytes_done = 1, .bytes_total = 2});
    CHECK(drawn.find(" 50% ") != std::string::npos);
  }
  CHECK(drawn.substr(drawn.size() - 4) == "\r\x1b[K");
}

}  // namespace
}  // namespace minidfs::cli
