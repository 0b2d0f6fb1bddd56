#include "base/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace minidfs {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warn", "error", "off"};

// Read on every call, so that a disabled line costs one load.
std::atomic<LogLevel> lowest_level{LogLevel::kOff};

std::atomic<spdlog::logger*> current{nullptr};

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

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
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
  spdlog::sink_ptr sink;
  try {
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
  } catch (const spdlog::spdlog_ex& problem) {
    return Error{Errc::kIoError, "log file " + file + ": " + problem.what()};
  }
  auto logger = std::make_unique<spdlog::logger>("minidfs", std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
  logger->set_level(spdlog::level::trace);
  // Events are rare and the last ones before a crash matter most.
  logger->flush_on(spdlog::level::trace);
  replace_current(std::move(logger));
  lowest_level.store(level);
  return {};
}

bool log_enabled(LogLevel level) {
  return level >= lowest_level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

void log_message(LogLevel level, std::string_view component, std::string_view message) {
  auto* logger = current.load();
  if (logger == nullptr || !log_enabled(level)) return;
  logger->log(to_spdlog(level), "{:<5} {}: {}", kLevelNames[static_cast<std::size_t>(level)],
              component, one_line(message));
}

void log_formatted(LogLevel level, std::string_view component, fmt::string_view format,
                   fmt::format_args arguments) {
  log_message(level, component, fmt::vformat(format, arguments));
}

}  // namespace minidfs
