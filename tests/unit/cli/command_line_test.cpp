#include <array>
#include <catch2/catch.hpp>
#include <iterator>
#include <sstream>

#include "cli/application.hpp"
#include "fake_file_system.hpp"
#include "storage/blocks/slice_codec.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

using Words = std::vector<std::string>;

std::string problem_of(const Words& words, const Words& environment = {}) {
  const auto request = parse_command_line(words, environment);
  return request.ok() ? "no error" : request.error().message;
}

std::string text_of(const Words& words) {
  const auto request = parse_command_line(words, {});
  REQUIRE(request.ok());
  REQUIRE(std::holds_alternative<ShowText>(*request));
  return std::get<ShowText>(*request).text;
}

RunRole role_of(const Words& words, const Words& environment = {}) {
  auto request = parse_command_line(words, environment);
  INFO((request.ok() ? "" : request.error().message));
  REQUIRE(request.ok());
  REQUIRE(std::holds_alternative<RunRole>(*request));
  return std::get<RunRole>(std::move(*request));
}

RunVerb verb_of(const Words& words, const Words& environment = {}) {
  auto request = parse_command_line(words, environment);
  INFO((request.ok() ? "" : request.error().message));
  REQUIRE(request.ok());
  REQUIRE(std::holds_alternative<RunVerb>(*request));
  return std::get<RunVerb>(std::move(*request));
}

TEST_CASE("only verbs that change nothing and judge nothing may read what is old") {
  const auto stale_of = [](const Words& words, const Words& environment = {}) {
    return verb_of(words, environment).config.client.stale;
  };
  CHECK(stale_of({"ls", "--stale=5s"}) == std::chrono::seconds(5));
  CHECK(stale_of({"ls"}) == std::chrono::seconds(0));
  CHECK(stale_of({"get", "/a", "-", "--stale", "300ms"}) == std::chrono::milliseconds(300));
  const Words always{"MINIDFS_CLIENT_STALE=5s"};
  for (const auto* verb : {"cat", "stat", "checksum"}) {
    CHECK(stale_of({verb, "/a"}, always) == std::chrono::seconds(5));
  }
  CHECK(stale_of({"status"}, always) == std::chrono::seconds(5));
  CHECK(stale_of({"status", "--stale=0s"}, always) == std::chrono::seconds(0));
  for (const auto* verb : {"rm", "mkdir"}) {
    CHECK(stale_of({verb, "/a"}, always) == std::chrono::seconds(0));
  }
  CHECK(stale_of({"mv", "/a", "/b", "--stale=5s"}) == std::chrono::seconds(0));
  CHECK(stale_of({"fsck"}, always) == std::chrono::seconds(0));
}

TEST_CASE("a namenode is configured by its flags") {
  const auto request = role_of({"--role=namenode", "--data-dir=/srv/nn", "--port", "18020",
                                "--listen=0.0.0.0", "--log-level=debug", "--log-file=/tmp/log"});
  CHECK(request.role == Role::kNamenode);
  CHECK(request.config.namenode.data_dir == "/srv/nn");
  CHECK(request.config.namenode.port == 18020);
  CHECK(request.config.common.listen == "0.0.0.0");
  CHECK(request.config.common.log_level == "debug");
  CHECK(request.config.common.log_file == "/tmp/log");
}

TEST_CASE("a datanode is configured by its flags, --role at any place") {
  const auto request =
      role_of({"--port=9867", "--role", "datanode", "--data-dir=/d1,/d2", "--namenode=h1:1,h2",
               "--rack=/r1", "--advertise=me:99", "--capacity=500G", "--sync=none"});
  CHECK(request.role == Role::kDatanode);
  CHECK(request.config.datanode.port == 9867);
  CHECK(request.config.datanode.data_dir == Words{"/d1", "/d2"});
  CHECK(request.config.datanode.namenode == Words{"h1:1", "h2:8020"});
  CHECK(request.config.datanode.rack == "/r1");
  CHECK(request.config.datanode.advertise == "me:99");
  CHECK(request.config.datanode.capacity == 500ULL << 30);
  CHECK(request.config.datanode.sync == "none");
}

TEST_CASE("a local cluster is configured by its flags") {
  const auto request =
      role_of({"--role=local", "--datanodes=5", "--data-dir=/tmp/all", "--port=1234"});
  CHECK(request.role == Role::kLocal);
  CHECK(request.config.local.datanodes == 5);
  CHECK(request.config.local.data_dir == "/tmp/all");
  CHECK(request.config.namenode.port == 1234);
}

TEST_CASE("a role takes the rest from file and environment") {
  const minidfs::test::TemporaryDirectory directory;
  const auto file =
      directory.write("minidfs.toml", "[namenode]\nport = 1\ndata_dir = '/from/file'\n");
  const auto request = role_of({"--role=namenode", "--config", file}, {"MINIDFS_NAMENODE_PORT=2"});
  CHECK(request.config.namenode.data_dir == "/from/file");
  CHECK(request.config.namenode.port == 2);
}

TEST_CASE("a role without its data directory, or with what it does not know, is refused") {
  CHECK(problem_of({"--role=namenode"}) ==
        "--role=namenode needs --data-dir (or namenode.data_dir in the configuration)");
  CHECK(problem_of({"--role=datanode"}).find("--role=datanode needs --data-dir") == 0);
  CHECK(problem_of({"--role=local"}).find("--role=local needs --data-dir") == 0);
  CHECK(problem_of({"--role=namenode", "--rak=/r"}).find("--role=namenode: unknown flag '--rak'") ==
        0);
  CHECK(problem_of({"--role=datanode", "--rak=/r"}) ==
        "--role=datanode: unknown flag '--rak'; did you mean '--rack'?");
  CHECK(problem_of({"--role=datanod"}).find("did you mean 'datanode'?") != std::string::npos);
  CHECK(problem_of({"--role"}).find("unknown role ''") == 0);
  CHECK(problem_of({"--role=namenode", "x"}) == "--role=namenode: unexpected operand 'x'");
  CHECK(problem_of({"--role=namenode", "--data-dir=/x", "--port=no"}) ==
        "--port: 'no' is not a whole number from 0 to 65535");
}

TEST_CASE("unknown verbs and flags get a suggestion") {
  CHECK(problem_of({"pt", "a", "/b"}) == "unknown verb 'pt'; did you mean 'put'?");
  CHECK(problem_of({"frobnicate"}) ==
        "unknown verb 'frobnicate'; `minidfs --help` lists the verbs");
  CHECK(problem_of({"put", "--replicaton=1", "a", "/b"}) ==
        "put: unknown flag '--replicaton'; did you mean '--replication'?");
  CHECK(problem_of({"--rol=namenode"}) == "unknown flag '--rol'; did you mean '--role'?");
  CHECK(problem_of({"--user=x", "ls", "/"}).find("flags come after the verb") != std::string::npos);
  CHECK(problem_of({}).find("a verb or --role is missing") == 0);
}

TEST_CASE("a verb's flags set its options, over environment and file") {
  const auto request =
      verb_of({"put", "-r", "--replication=2", "--block-size=1M", "--compression=zstd:5",
               "--namenode=h:1", "--user=alice", "--timeout=3s", "a", "/b"},
              {"MINIDFS_CLIENT_REPLICATION=9", "MINIDFS_NAMENODE=other"});
  CHECK(request.command->name == "put");
  CHECK(request.arguments.has("recursive"));
  CHECK_FALSE(request.arguments.has("force"));
  CHECK(request.arguments.operands == Words{"a", "/b"});
  CHECK(request.config.client.replication == 2);
  CHECK(request.config.client.block_size == 1ULL << 20);
  CHECK(request.config.client.compression == "zstd:5");
  CHECK(request.config.client.namenode == Words{"h:1"});
  CHECK(request.config.client.user == "alice");
  CHECK(request.config.client.timeout == std::chrono::seconds(3));
}

TEST_CASE("bad values and numbers of operands are refused before anything is done") {
  CHECK(problem_of({"put", "--replication=300", "a", "/b"}) ==
        "--replication: '300' is not a whole number from 1 to 255");
  CHECK(problem_of({"put", "--block-size=64MB", "a", "/b"}) ==
        "--block-size: '64MB' is not a size such as 1048576, 64M or 64MiB");
  CHECK(problem_of({"put", "a"}).find("put: operands missing") == 0);
  CHECK(problem_of({"status", "/x"}) == "status: unexpected operand '/x'");
  CHECK(problem_of({"ls", "/"}, {"MINIDFS_CLIENT_USR=x"}).find("MINIDFS_CLIENT_USR") !=
        std::string::npos);
}

TEST_CASE("the overview names every role and verb, and each has its own help with an example") {
  const auto overview = text_of({"--help"});
  for (const auto* command : command_table()) {
    INFO(command->name);
    const std::string name(command->name);
    CHECK(overview.find("\n  " + name + " ") != std::string::npos);
    const auto help = text_of({name, "--help"});
    CHECK(help.find("Usage: minidfs " + name) == 0);
    CHECK(help.find("Example:\n  " + std::string(command->example)) != std::string::npos);
    CHECK(text_of({"help", name}) == help);
    for (const auto& flag : command->flags) {
      CHECK(help.find("--" + std::string(flag.name)) != std::string::npos);
    }
  }
  for (const auto& role : role_table()) {
    INFO(role.name);
    const std::string name(role.name);
    CHECK(overview.find("\n  " + name + " ") != std::string::npos);
    const auto help = text_of({"--role=" + name, "--help"});
    CHECK(help.find(std::string(role.example)) != std::string::npos);
  }
}

TEST_CASE("the examples in the help texts are valid command lines") {
  for (const auto& role : role_table()) {
    INFO(role.example);
    std::istringstream words{std::string(role.example)};
    Words list(std::istream_iterator<std::string>(words), {});
    list.erase(list.begin());
    CHECK(problem_of(list) == "no error");
  }
}

TEST_CASE("every flag that stands for an option names one that exists") {
  const auto check = [](std::span<const Flag> flags) {
    for (const auto& flag : flags) {
      INFO(flag.name);
      if (!flag.option_key.empty()) CHECK(find_option(flag.option_key) != nullptr);
    }
  };
  check(client_flags());
  for (const auto* command : command_table()) check(command->flags);
  for (const auto& role : role_table()) check(role.flags);
}

TEST_CASE("the version is printed") {
  CHECK(text_of({"--version"}).find("minidfs ") == 0);
  CHECK(text_of({"--role=namenode", "--version"}) == text_of({"--version"}));
}

TEST_CASE("wrong usage is one line on standard error and exit code 2") {
  test::FakeState state;
  const auto outcome = test::run(state, {"pt"});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "minidfs: unknown verb 'pt'; did you mean 'put'?\n");
  CHECK(outcome.out.empty());
  CHECK(state.connections == 0);
}

TEST_CASE("the configuration accepts just the compressions that the store knows") {
  for (const char* text : {"none", "auto", "zstd", "zstd:1", "zstd:19", "zstd:0", "zstd:20",
                           "zstd:", "zstd:-1", "gzip", "", "NONE", "zstd:3x"}) {
    INFO(text);
    Config config;
    CHECK(find_option("client.compression")->parse(config, text).ok() ==
          storage::parse_compression(text).ok());
  }
}

}  // namespace
}  // namespace minidfs::cli
