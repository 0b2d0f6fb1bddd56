// The progress line on a terminal: bytes, percent, rate and time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/command/io.hpp"
#include "client/file_system.hpp"

namespace minidfs::cli {

// Smooths the rate of a growing number of bytes; time comes in as an argument.
class RateMeter {
 public:
  // The time never decreases; the bytes may, when a block has to be sent again.
  void add(std::chrono::milliseconds now, std::uint64_t bytes_done);
  double bytes_per_second() const { return bytes_per_second_; }

 private:
  bool started_ = false;
  std::chrono::milliseconds last_{0};
  std::uint64_t last_bytes_ = 0;
  double bytes_per_second_ = 0;
};

// One line of at most `columns` characters, without line end:
// "42% [========>           ] 1.2 GiB of 3.0 GiB, 120 of 300 files, 412.0 MiB/s, 4 s left".
std::string progress_line(const client::Progress& progress, double bytes_per_second,
                          std::size_t columns);

// Draws the line on standard error, and removes it when destroyed. Nothing when standard error is
// no terminal. The callback may be called from any thread, one at a time.
class ProgressBar {
 public:
  ProgressBar(const Io& io, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Empty when there is nothing to draw. Must not be called after the bar is gone.
  client::ProgressCallback callback();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace minidfs::cli
