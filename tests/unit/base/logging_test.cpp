#include "base/logging.hpp"

#include <catch2/catch.hpp>
#include <regex>

#include "base/file.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs {
namespace {

constexpr std::chrono::seconds kSoon{20};

std::string content(const std::string& path) {
  REQUIRE(flush_log(kSoon));
  return *read_file(path, 1 << 20);
}

TEST_CASE("an event is one line with time, level, component and values") {
  const test::TemporaryDirectory directory;
  const auto file = directory.file("log");
  REQUIRE(start_logging(LogLevel::kInfo, file).ok());
  log_info("namenode", "listening on {}:{}", "127.0.0.1", 8020);
  CHECK(std::regex_match(
      content(file),
      std::regex(
          R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info  namenode: listening on 127\.0\.0\.1:8020\n)")));
}

TEST_CASE("a name with a line break stays within its line") {
  const test::TemporaryDirectory directory;
  const auto file = directory.file("log");
  REQUIRE(start_logging(LogLevel::kInfo, file).ok());
  log_warn("datanode", "bad name '{}'", "a\nb\x7f");
  const auto text = content(file);
  CHECK(text.find("bad name 'a\\x0ab\\x7f'") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

TEST_CASE("events below the level are dropped and a file is appended to") {
  const test::TemporaryDirectory directory;
  const auto file = directory.write("log", "old\n");
  REQUIRE(start_logging(LogLevel::kWarn, file).ok());
  log_debug("x", "one");
  log_info("x", "two");
  log_error("x", "three {{}} {}", "{}");
  const auto text = content(file);
  CHECK(text.find("old\n") == 0);
  CHECK(text.find("one") == std::string::npos);
  CHECK(text.find("two") == std::string::npos);
  CHECK(text.find("error x: three {} {}\n") != std::string::npos);
}

TEST_CASE("a log file that cannot be opened is named") {
  const auto started = start_logging(LogLevel::kInfo, "/dev/null/log");
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().message.find("/dev/null/log") != std::string::npos);
}

TEST_CASE("a log file that was moved away is opened anew") {
  const test::TemporaryDirectory directory;
  const auto file = directory.file("log");
  REQUIRE(start_logging(LogLevel::kInfo, file).ok());
  log_info("x", "before");
  REQUIRE(flush_log(kSoon));
  REQUIRE(std::rename(file.c_str(), directory.file("old").c_str()) == 0);
  log_info("x", "still there");
  REQUIRE(reopen_log().ok());
  log_info("x", "after");
  CHECK(content(file).find("after") != std::string::npos);
  const auto old = content(directory.file("old"));
  CHECK(old.find("still there") != std::string::npos);
  CHECK(old.find("after") == std::string::npos);
}

TEST_CASE("level names are parsed exactly") {
  CHECK(*parse_log_level("debug") == LogLevel::kDebug);
  CHECK(*parse_log_level("off") == LogLevel::kOff);
  CHECK_FALSE(parse_log_level("INFO").ok());
  CHECK_FALSE(parse_log_level("").ok());
}

}  // namespace
}  // namespace minidfs
