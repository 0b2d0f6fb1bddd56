#include <catch2/catch.hpp>

#include "base/config.hpp"
#include "base/file.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs {
namespace {

using namespace std::chrono_literals;

// What is wrong with a file of this content, without the file's path.
std::string problem_of(const std::string& content) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("minidfs.toml", content);
  Config config;
  const auto applied = apply_config_file(config, path);
  if (applied.ok()) return "no error";
  REQUIRE(applied.error().message.find(path) == 0);
  return applied.error().message.substr(path.size());
}

Config config_of(const std::string& content) {
  const test::TemporaryDirectory directory;
  Config config;
  const auto applied = apply_config_file(config, directory.write("minidfs.toml", content));
  INFO((applied.ok() ? "" : applied.error().message));
  REQUIRE(applied.ok());
  return config;
}

TEST_CASE("config/minidfs.toml is what minidfs config prints") {
  const auto file = read_file(MINIDFS_SOURCE_DIR "/config/minidfs.toml", 1 << 20);
  REQUIRE(file.ok());
  CHECK(*file == print_config(Config{}));
}

TEST_CASE("the printed options read back as the same options") {
  Config config;
  config.common.log_file = "a \"quoted\\\" name\nof two lines";
  config.namenode.safe_mode_threshold = 1;
  config.datanode.data_dir = {"/d 1", "/d2"};
  config.datanode.capacity = 12345;
  config.client.timeout = 1500ms;
  CHECK(print_config(config_of(print_config(config))) == print_config(config));
}

TEST_CASE("sizes may be numbers, lists may be arrays or strings") {
  const auto config = config_of(
      "[datanode]\ncapacity = 1048576\ndata_dir = ['/a', '/b']\nnamenode = 'h1:1, h2:2'\n"
      "[namenode]\nsafe_mode_threshold = 1\n");
  CHECK(config.datanode.capacity == 1048576);
  CHECK(config.datanode.data_dir == std::vector<std::string>{"/a", "/b"});
  CHECK(config.datanode.namenode == std::vector<std::string>{"h1:1", "h2:2"});
  CHECK(config.namenode.safe_mode_threshold == 1);
}

TEST_CASE("an unknown key is named with its line and the nearest key") {
  CHECK(problem_of("[client]\n\nreplicaton = 3\n") ==
        ":3: unknown key 'client.replicaton'; did you mean 'client.replication'?");
  CHECK(problem_of("replication = 3\n") == ":1: unknown key 'replication'");
  CHECK(problem_of("\n[clint]\n") == ":2: unknown section [clint]; did you mean 'client'?");
}

TEST_CASE("a value of the wrong kind is named with its line, key and value") {
  CHECK(problem_of("[namenode]\nport = '8020'\n") ==
        ":2: namenode.port: '8020' is not a whole number");
  CHECK(problem_of("[client]\ntimeout = 3\n") == ":2: client.timeout: 3 is not a string");
  CHECK(problem_of("[client]\nuser = true\n") == ":2: client.user: true is not a string");
  CHECK(problem_of("[datanode]\ndata_dir = [1]\n") ==
        ":2: datanode.data_dir: [ 1 ] is not a string or an array of strings");
  CHECK(problem_of("[datanode]\ndata_dir = ['/a,b']\n").find(":2: datanode.data_dir: ") == 0);
  CHECK(problem_of("[client.user]\nx = 1\n").find(":1: client.user: ") == 0);
}

TEST_CASE("a bad value is named with its line and key") {
  CHECK(problem_of("[client]\nreplication = -1\n") ==
        ":2: client.replication: '-1' is not a whole number from 1 to 255");
  CHECK(problem_of("[client]\n# c\nblock_size = '64MB'\n") ==
        ":3: client.block_size: '64MB' is not a size such as 1048576, 64M or 64MiB");
}

TEST_CASE("what is no TOML is refused with its line") {
  CHECK(problem_of("[client]\nuser = = 1\n").find(":2: ") == 0);
  CHECK(problem_of("[client]\nuser = 'a'\nuser = 'b'\n").find(":3: ") == 0);
}

TEST_CASE("a missing, unreadable or huge file is named") {
  Config config;
  const auto missing = apply_config_file(config, "/nonexistent/minidfs.toml");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message == "/nonexistent/minidfs.toml: No such file or directory");
  const test::TemporaryDirectory directory;
  const auto huge = apply_config_file(config, directory.write("x", std::string(2 << 20, '#')));
  REQUIRE_FALSE(huge.ok());
  CHECK(huge.error().code == Errc::kTooLarge);
}

}  // namespace
}  // namespace minidfs
