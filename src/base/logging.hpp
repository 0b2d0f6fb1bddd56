// The log of a process: one line per event, with names and numbers.
//
//   2026-05-04T10:11:12.345Z info  namenode: listening on 127.0.0.1:8020, data in /srv/nn
//
// Until start_logging() everything is dropped, so a verb of the command line logs nothing. All
// functions may be called from any thread, and none that logs waits for the log's reader: lines are
// written in the background, and those that find no room are counted and told of later. Bytes that
// would break a line (names are bytes) are escaped as \xNN.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace minidfs {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff };

// "debug", "info", "warn", "error" or "off".
Result<LogLevel> parse_log_level(std::string_view text);

// To `file` (appended) or, when that is empty, to standard error. Called once, before other threads
// exist; a second call replaces the first. Errors name the file.
Status start_logging(LogLevel level, const std::string& file);

// Opens the log file anew, for one that was moved away (SIGHUP); nothing happens to standard error.
// After an error the old file stays in use.
Status reopen_log();

// Waits until everything logged so far is written; false when `within` passes first. For the end of
// a process.
bool flush_log(std::chrono::milliseconds within);

// True when a line of this level would be written.
bool log_enabled(LogLevel level);

void log_message(LogLevel level, std::string_view component, std::string_view message);
void log_formatted(LogLevel level, std::string_view component, fmt::string_view format,
                   fmt::format_args arguments);

// `component` is the part that speaks: "namenode", "datanode", "raft", "client"...
//
//   log_info("datanode", "block {} stored, {} bytes", id.value, size);
template <class... Args>
void log_debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug)) {
    log_formatted(LogLevel::kDebug, component, format, fmt::make_format_args(args...));
  }
}

template <class... Args>
void log_info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kInfo)) {
    log_formatted(LogLevel::kInfo, component, format, fmt::make_format_args(args...));
  }
}

template <class... Args>
void log_warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kWarn)) {
    log_formatted(LogLevel::kWarn, component, format, fmt::make_format_args(args...));
  }
}

template <class... Args>
void log_error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kError)) {
    log_formatted(LogLevel::kError, component, format, fmt::make_format_args(args...));
  }
}

}  // namespace minidfs
