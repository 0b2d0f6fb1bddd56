#include "base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/log_writer.hpp"
#include "base/printable.hpp"

namespace minidfs {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warn", "error", "off"};

// Read on every call, so that a disabled line costs one load.
std::atomic<LogLevel> lowest_level{LogLevel::kOff};

std::atomic<spdlog::logger*> current{nullptr};
std::atomic<LogWriter*> current_writer{nullptr};

std::unique_ptr<spdlog::formatter> make_formatter() {
  return std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                     spdlog::pattern_time_type::utc);
}

// Formats in the thread that logs and leaves the writing to another.
class QueueSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit QueueSink(LogWriter& writer) : writer_(writer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.push(fmt::to_string(line));
  }
  void flush_() override {}

  LogWriter& writer_;
};

std::string dropped_line(std::uint64_t lines) {
  const auto text = fmt::format("warn  log: {} lines were lost: nobody took them", lines);
  spdlog::memory_buf_t line;
  make_formatter()->format({"minidfs", spdlog::level::warn, text}, line);
  return fmt::to_string(line);
}

// Makes a logger the current one. Neither it nor the one before is ever destroyed: threads may be
// in the middle of a line, also while the process exits.
void replace_current(std::unique_ptr<spdlog::logger> logger) {
  static auto& all = *new std::vector<std::unique_ptr<spdlog::logger>>;
  current.store(all.emplace_back(std::move(logger)).get());
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) return static_cast<LogLevel>(i);
  }
  return Error{Errc::kInvalidArgument,
               "'" + std::string(text) + "' is not a log level: debug, info, warn, error, off"};
}

Status start_logging(LogLevel level, const std::string& file) {
  auto writer = LogWriter::start(file, dropped_line);
  if (!writer.ok()) {
    auto problem = std::move(writer).error();
    return Error{problem.code, "log file " + problem.message};
  }
  auto logger = std::make_unique<spdlog::logger>("minidfs", std::make_shared<QueueSink>(**writer));
  logger->set_formatter(make_formatter());
  logger->set_level(spdlog::level::trace);
  replace_current(std::move(logger));
  current_writer.store(*writer);
  lowest_level.store(level);
  return {};
}

Status reopen_log() {
  auto* writer = current_writer.load();
  return writer == nullptr ? Status() : writer->reopen();
}

bool flush_log(std::chrono::milliseconds within) {
  auto* writer = current_writer.load();
  return writer == nullptr || writer->flush(within);
}

bool log_enabled(LogLevel level) {
  return level >= lowest_level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

void log_message(LogLevel level, std::string_view component, std::string_view message) {
  auto* logger = current.load();
  if (logger == nullptr || !log_enabled(level)) return;
  logger->log(to_spdlog(level), "{:<5} {}: {}", kLevelNames[static_cast<std::size_t>(level)],
              component, escape_controls(message));
}

void log_formatted(LogLevel level, std::string_view component, fmt::string_view format,
                   fmt::format_args arguments) {
  log_message(level, component, fmt::vformat(format, arguments));
}

}  // namespace minidfs
