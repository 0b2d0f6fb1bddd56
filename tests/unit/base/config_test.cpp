#include "base/config.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "base/config_rules.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs {
namespace {

using namespace std::chrono_literals;

// The message of the error that a configuration must give.
std::string problem_of(const ConfigSources& sources) {
  const auto config = load_config(sources);
  return config.ok() ? "no error" : config.error().message;
}

std::string problem_of_variable(const std::string& variable) {
  return problem_of({"", {variable}, {}});
}

TEST_CASE("a flag beats the environment, which beats the file, which beats the default") {
  const test::TemporaryDirectory directory;
  const auto file = directory.write("minidfs.toml", "[client]\nreplication = 4\n");
  ConfigSources sources;
  CHECK(load_config(sources)->client.replication == 3);
  sources.file = file;
  CHECK(load_config(sources)->client.replication == 4);
  sources.environment = {"MINIDFS_CLIENT_REPLICATION=5"};
  CHECK(load_config(sources)->client.replication == 5);
  sources.flags = {{"--replication", "client.replication", "6"}};
  CHECK(load_config(sources)->client.replication == 6);
}

TEST_CASE("every option can be set by its variable to what it prints") {
  // Different from the defaults, so that a value that is not taken shows.
  const std::vector<std::pair<std::string, std::string>> changed{
      {"common.listen", "0.0.0.0"},
      {"common.secret_file", "/etc/minidfs/secret"},
      {"common.insecure", "true"},
      {"common.log_level", "debug"},
      {"common.log_file", "/var/log/x"},
      {"namenode.port", "1"},
      {"namenode.http_port", "off"},
      {"namenode.data_dir", "/srv/nn"},
      {"namenode.join", "h1:1,h2"},
      {"namenode.advertise", "me:2"},
      {"namenode.leader_heartbeat", "20ms"},
      {"namenode.election_timeout", "1s"},
      {"namenode.safe_mode_threshold", "0.5"},
      {"namenode.orphan_grace", "1h"},
      {"namenode.stale_after", "2s"},
      {"namenode.dead_after", "20s"},
      {"namenode.reserved_space", "1GiB"},
      {"namenode.snapshot_threshold", "100"},
      {"namenode.rack_table", "/etc/racks"},
      {"namenode.balance", "false"},
      {"namenode.balance_threshold", "0.2"},
      {"datanode.http_port", "1"},
      {"datanode.port", "2"},
      {"datanode.data_dir", "/a,/b"},
      {"datanode.namenode", "h1:1,h2"},
      {"datanode.rack", "/r1"},
      {"datanode.advertise", "me:3"},
      {"datanode.capacity", "1T"},
      {"datanode.sync", "none"},
      {"datanode.write_cache", "direct"},
      {"datanode.reserved_space", "0"},
      {"datanode.pack_limit", "0"},
      {"datanode.heartbeat_interval", "1ms"},
      {"datanode.threads", "9"},
      {"datanode.copy_rate", "10MiB"},
      {"datanode.disk_check_interval", "9s"},
      {"datanode.disk_timeout", "19s"},
      {"datanode.scrub_rate", "1MiB"},
      {"datanode.scrub_interval", "1d"},
      {"datanode.keep_corrupt", "true"},
      {"datanode.progress_timeout", "7s"},
      {"client.namenode", "h3"},
      {"client.user", "alice"},
      {"client.replication", "255"},
      {"client.block_size", "1M"},
      {"client.compression", "zstd:19"},
      {"client.connect_timeout", "5s"},
      {"client.timeout", "1m"},
      {"client.stale", "5s"},
      {"client.parallel_blocks", "7"},
      {"client.parallel_batches", "8"},
      {"client.batch_files", "10"},
      {"client.small_file", "4k"},
      {"client.min_replication", "2"},
      {"client.progress_timeout", "8s"},
      {"client.disk_timeout", "9s"},
      {"client.hedge_after", "0s"},
      {"gateway.http_port", "8080"},
      {"http.listen", "h1"},
      {"http.insecure", "true"},
      {"http.group", "staff"},
      {"http.token_file", "/etc/tokens"},
      {"http.cors_origin", "https://example.com,http://h:8080"},
      {"http.checksum_combine_mode", "COMPOSITE_CRC"},
      {"local.namenodes", "3"},
      {"local.datanodes", "5"},
      {"local.datanode_http_port", "0"},
      {"local.data_dir", "/tmp/all"}};
  REQUIRE(changed.size() == option_table().size());
  for (const auto& [key, value] : changed) {
    INFO(key);
    const auto* option = find_option(key);
    REQUIRE(option != nullptr);
    const auto config = load_config({"", {environment_name(*option) + "=" + value}, {}});
    REQUIRE(config.ok());
    CHECK(option->print(*config) != option->print(Config{}));
    // No other option has changed with it.
    for (const auto& other : option_table()) {
      if (other.key != key) CHECK(other.print(*config) == other.print(Config{}));
    }
  }
}

TEST_CASE("the table names each option once and explains it in one line") {
  std::set<std::string_view> keys;
  for (const auto& option : option_table()) {
    INFO(option.key);
    CHECK(keys.insert(option.key).second);
    CHECK(option.help.size() > 10);
    CHECK(option.help.back() == '.');
    CHECK(option.help.find('\n') == std::string_view::npos);
  }
  CHECK(environment_name(*find_option("client.block_size")) == "MINIDFS_CLIENT_BLOCK_SIZE");
}

TEST_CASE("the short variables set namenode and user, and the full names beat them") {
  const auto config = load_config(
      {"", {"MINIDFS_CLIENT_USER=full", "MINIDFS_NAMENODE=h1:9,h2", "MINIDFS_USER=short"}, {}});
  REQUIRE(config.ok());
  CHECK(config->client.namenode == std::vector<std::string>{"h1:9", "h2:8020"});
  CHECK(config->client.user == "full");
  CHECK(config->datanode.namenode == config->client.namenode);
}

TEST_CASE("a port for HTTP may be off, and it is known whether somebody has asked for it") {
  const auto port_of = [](const std::string& text) {
    const auto config = load_config({"", {"MINIDFS_NAMENODE_HTTP_PORT=" + text}, {}});
    REQUIRE(config.ok());
    return config->namenode.http_port;
  };
  CHECK(Config{}.namenode.http_port.open);
  CHECK_FALSE(Config{}.namenode.http_port.wanted);
  CHECK(port_of("9870").wanted);
  CHECK(port_of("0").open);
  CHECK_FALSE(port_of("off").open);
  CHECK(problem_of_variable("MINIDFS_NAMENODE_HTTP_PORT=on") ==
        "environment variable MINIDFS_NAMENODE_HTTP_PORT: 'on' is not a port from 0 to 65535, or "
        "off");
}

TEST_CASE("a misspelt variable is refused with the nearest name") {
  CHECK(problem_of_variable("MINIDFS_CLIENT_REPLICATON=1") ==
        "environment variable MINIDFS_CLIENT_REPLICATON: no such option; did you mean "
        "'MINIDFS_CLIENT_REPLICATION'?");
  CHECK(problem_of_variable("MINIDFS_USR=x") ==
        "environment variable MINIDFS_USR: no such option; did you mean 'MINIDFS_USER'?");
  CHECK(problem_of_variable("MINIDFS_NAMENODE_XYZZY=x") ==
        "environment variable MINIDFS_NAMENODE_XYZZY: no such option");
}

TEST_CASE("a variable with our prefix that is no option is refused, others are left alone") {
  for (const std::string name : {"MINIDFS_FOO", "MINIDFS_", "MINIDFS_TEST_BINARY"}) {
    CHECK(problem_of_variable(name + "=1").find("environment variable " + name + ": ") == 0);
  }
  CHECK(load_config({"", {"HOME=/root", "MINIDFS", "MINIDFSX=1", "XMINIDFS_FOO=1"}, {}}).ok());
}

TEST_CASE("a bad value is refused with its source, itself and what is wanted") {
  CHECK(problem_of_variable("MINIDFS_CLIENT_REPLICATION=0") ==
        "environment variable MINIDFS_CLIENT_REPLICATION: '0' is not a whole number from 1 to 255");
  CHECK(problem_of({"", {}, {{"--port", "namenode.port", "65536"}}}) ==
        "--port: '65536' is not a whole number from 0 to 65535");
  const std::pair<const char*, const char*> bad[] = {
      {"common.listen", ""},
      {"common.log_level", "loud"},
      {"namenode.safe_mode_threshold", "nan"},
      {"namenode.safe_mode_threshold", "1.1"},
      {"namenode.stale_after", "3"},
      {"namenode.orphan_grace", "999ms"},
      {"datanode.progress_timeout", "500ms"},
      {"client.progress_timeout", "999ms"},
      {"client.timeout", "150000d"},
      {"client.batch_files", "257"},
      {"namenode.dead_after", "0s"},
      {"datanode.data_dir", "/a,,/b"},
      {"datanode.namenode", ""},
      {"datanode.rack", "r1"},
      {"datanode.rack", "/r1/"},
      {"datanode.advertise", "h:0"},
      {"datanode.capacity", "lots"},
      {"datanode.sync", "half"},
      {"client.block_size", "1"},
      {"client.compression", "zstd:20"},
      {"client.compression", "gzip"},
  };
  for (const auto& [key, value] : bad) {
    INFO(key << " = " << value);
    const auto problem = problem_of({"", {}, {{"--flag", key, value}}});
    CHECK(problem.find("--flag: '" + std::string(value) + "'") == 0);
  }
}

TEST_CASE("every relation between options is checked, and both values are named") {
  struct Broken {
    FlagSetting setting;
    std::string message;
  };
  // One for each row of the table.
  const std::vector<Broken> broken{
      {{"", "datanode.heartbeat_interval", "3s"},
       "datanode.heartbeat_interval (3s) must be less than namenode.stale_after (3s): a datanode "
       "would be stale between two heartbeats"},
      {{"", "namenode.stale_after", "10s"},
       "namenode.stale_after (10s) must be less than namenode.dead_after (10s): a datanode is "
       "stale before it is lost"},
      {{"", "namenode.leader_heartbeat", "250ms"},
       "namenode.leader_heartbeat (250ms) must be less than namenode.election_timeout (250ms): "
       "followers would elect another leader between two signs of life"},
      {{"", "client.min_replication", "4"},
       "client.min_replication (4) must be at most client.replication (3): no write could succeed"},
  };
  REQUIRE(broken.size() == config_rules().size());
  for (std::size_t i = 0; i < broken.size(); ++i) {
    INFO(config_rules()[i].lower);
    CHECK(problem_of({"", {}, {broken[i].setting}}) == broken[i].message);
    CHECK(find_option(config_rules()[i].lower) != nullptr);
    CHECK(find_option(config_rules()[i].upper) != nullptr);
    CHECK(check_rule(config_rules()[i], Config{}).ok());
  }
  CHECK(load_config({"", {}, {{"", "client.min_replication", "3"}}}).ok());
}

}  // namespace
}  // namespace minidfs
