#include "cli/verbs/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "base/units.hpp"

namespace minidfs::cli {
namespace {

constexpr std::size_t kBarColumns = 20;

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string bar(std::uint64_t percent) {
  const std::size_t filled = kBarColumns * percent / 100;
  std::string text(filled, '=');
  if (filled < kBarColumns) text += '>';
  text.resize(kBarColumns, ' ');
  return "[" + text + "]";
}

}  // namespace

void RateMeter::add(std::chrono::milliseconds now, std::uint64_t bytes_done) {
  if (!started_) {
    started_ = true;
    last_ = now;
    last_bytes_ = bytes_done;
    return;
  }
  const auto passed_ms = static_cast<double>((now - last_).count());
  // Closer measurements than this are mostly noise.
  if (passed_ms < 50) return;
  const auto gained = bytes_done > last_bytes_ ? bytes_done - last_bytes_ : 0;
  const double rate = static_cast<double>(gained) * 1000 / passed_ms;
  // The weight of what is older halves about every second.
  const double weight = std::min(1.0, passed_ms / 1500);
  bytes_per_second_ =
      bytes_per_second_ == 0 ? rate : bytes_per_second_ * (1 - weight) + rate * weight;
  last_ = now;
  last_bytes_ = bytes_done;
}

std::string progress_line(const client::Progress& progress, double bytes_per_second,
                          std::size_t columns) {
  std::string line;
  const auto total = progress.bytes_total;
  if (total > 0) {
    // Through double: bytes times 100 may not fit in 64 bits.
    const double part = static_cast<double>(progress.bytes_done) / static_cast<double>(total);
    const auto percent = static_cast<std::uint64_t>(std::clamp(part, 0.0, 1.0) * 100);
    const std::string number = std::to_string(percent);
    line = std::string(3 - number.size(), ' ') + number + "% " + bar(percent) + " " +
           human_size(progress.bytes_done) + " of " + human_size(total);
  } else {
    line = human_size(progress.bytes_done);
  }
  if (progress.files_total > 1) {
    line += ", " + std::to_string(progress.files_done) + " of " +
            std::to_string(progress.files_total) + " files";
  }
  if (bytes_per_second >= 1) {
    line += ", " + human_size(static_cast<std::uint64_t>(bytes_per_second)) + "/s";
    if (total > progress.bytes_done) {
      const double seconds = static_cast<double>(total - progress.bytes_done) / bytes_per_second;
      // Beyond a hundred hours the guess is worth nothing, and the number could overflow.
      if (seconds < 360'000) {
        line +=
            ", " + human_duration(std::chrono::seconds(static_cast<long>(seconds) + 1)) + " left";
      }
    }
  }
  return line.substr(0, columns);
}

struct ProgressBar::State {
  const Io& io;
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  const std::size_t columns = terminal_columns();
  std::mutex mutex;
  RateMeter meter;
  bool drawn = false;

  explicit State(const Io& standard) : io(standard) { meter.add({}, 0); }

  void draw(const client::Progress& progress) {
    const std::lock_guard lock(mutex);
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    meter.add(now, progress.bytes_done);
    // The last column stays free: a full line would wrap.
    const auto line = progress_line(progress, meter.bytes_per_second(), columns - 1);
    io.err("\r" + line + "\x1b[K");
    drawn = true;
  }
};

ProgressBar::ProgressBar(const Io& io, bool quiet) {
  if (io.err_is_terminal && !quiet) state_ = std::make_shared<State>(io);
}

ProgressBar::~ProgressBar() {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->drawn) state_->io.err("\r\x1b[K");
}

client::ProgressCallback ProgressBar::callback() {
  if (state_ == nullptr) return {};
  return [state = state_](const client::Progress& progress) { state->draw(progress); };
}

}  // namespace minidfs::cli
