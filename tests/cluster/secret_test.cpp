// Clusters with a secret: those who know it, and those who do not.
#include <algorithm>
#include <caf/all.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "auth/secret_file.hpp"
#include "cluster/hostile_peer.hpp"
#include "cluster/test_cluster.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::test {
namespace {

const std::string kVariable = "MINIDFS_COMMON_SECRET_FILE=";

struct SystemConfig : actors::ControlSystemConfig {
  SystemConfig() { actors::add_message_types(*this); }
};

// Files of secrets and keys beside a cluster.
struct Keys {
  std::string make(const std::string& name) const {
    const auto file = directory.file(name);
    REQUIRE(run({MINIDFS_BINARY, "secret", "new", file}).exit_code == 0);
    return file;
  }
  std::string derive(const std::string& secret, const std::string& name) const {
    const auto file = directory.file(name);
    REQUIRE(run({MINIDFS_BINARY, "secret", "derive", "client", secret, file}).exit_code == 0);
    return file;
  }
  TemporaryDirectory directory;
};

// A cluster whose roles know the secret of a file.
struct SecretCluster {
  explicit SecretCluster(std::size_t datanodes = 1)
      : secret(keys.make("secret")),
        cluster({.datanodes = datanodes,
                 .environment = {kVariable + secret},
                 .verb_environment = {kVariable + secret}}) {}

  Finished verb(const std::vector<std::string>& words, const std::string& file,
                const std::string& input = {}) const {
    std::vector<std::string> command{MINIDFS_BINARY};
    command.insert(command.end(), words.begin(), words.end());
    std::vector<std::string> environment{"MINIDFS_NAMENODE=" + cluster.namenode_address()};
    if (!file.empty()) environment.push_back(kVariable + file);
    return run(command, environment, input);
  }

  std::uint16_t namenode_port() const {
    const auto address = cluster.namenode_address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  }

  void check_refused(const std::string& file, const std::string& why) {
    const auto start = std::chrono::steady_clock::now();
    const auto finished = verb({"ls", "--timeout", "20s", "/"}, file);
    INFO(finished.err);
    CHECK(finished.exit_code == 1);
    CHECK(finished.out.empty());
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    CHECK_THAT(finished.err, Catch::Contains(cluster.namenode_address()) && Catch::Contains(why));
    // It is no use to try again.
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(15));
    CHECK_FALSE(cluster.namenode().wait_for_line("as a client is refused: " + why).empty());
  }

  Keys keys;
  std::string secret;
  TestCluster cluster;
};

// A datanode process that is to find no place in the cluster.
std::unique_ptr<Process> start_stranger(const SecretCluster& secret, const std::string& name,
                                        std::vector<std::string> environment) {
  const auto directory = secret.keys.directory.file("datanode " + name);
  return std::make_unique<Process>(
      std::vector<std::string>{MINIDFS_BINARY, "--role=datanode", "--port=0",
                               "--namenode=" + secret.cluster.namenode_address(),
                               "--data-dir=" + directory},
      directory + ".log", std::move(environment));
}

}  // namespace

TEST_CASE("with the secret, or a client's key of it, a cluster works as ever") {
  SecretCluster secret(3);
  const auto key = secret.keys.derive(secret.secret, "client");
  const auto content = random_bytes(3'000'000, 5);
  for (const auto& file : {secret.secret, key}) {
    const auto put = secret.verb({"put", "-f", "--replication", "3", "-", "/a"}, file, content);
    INFO(put.err << secret.cluster.datanode(0).log());
    REQUIRE(put.exit_code == 0);
    CHECK(put.err.empty());
    CHECK(secret.verb({"cat", "/a"}, file).out == content);
    CHECK(nlohmann::json::parse(secret.verb({"fsck", "--json"}, file).out).at("healthy") == true);
    CHECK_THAT(secret.verb({"status"}, file).out, Catch::Contains("by the cluster's secret"));
  }
  const auto status = nlohmann::json::parse(secret.verb({"status", "--json"}, key).out);
  CHECK(status.at("admission") == "secret");
  for (const auto& node : status.at("nodes")) CHECK(node.at("unreachable") == false);
  // Copies of repair prove themselves as well.
  CHECK(secret.verb({"setrep", "-w", "2", "/a"}, key).exit_code == 0);
  CHECK(secret.verb({"setrep", "-w", "3", "/a"}, key).exit_code == 0);
}

TEST_CASE(
    "without the secret, or with another one, a verb gets one line at once, and so does the log") {
  SecretCluster secret;
  secret.check_refused("", "the cluster's secret is asked for, and none was given");
  const auto other = secret.keys.make("other");
  const std::string differ = "the secrets of the two sides differ";
  secret.check_refused(other, differ);
  secret.check_refused(secret.keys.derive(other, "key of another"), differ);
  CHECK(secret.verb({"ls", "/"}, secret.secret).exit_code == 0);
}

TEST_CASE("a verb with a secret does not trust a cluster that has none") {
  const Keys keys;
  TestCluster cluster({.datanodes = 0, .environment = {}});
  const auto finished =
      run({MINIDFS_BINARY, "ls", "/"},
          {"MINIDFS_NAMENODE=" + cluster.namenode_address(), kVariable + keys.make("secret")});
  CHECK(finished.exit_code == 1);
  CHECK_THAT(finished.err, Catch::Contains("the listening side has none"));
  const auto status = nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
  CHECK(status.at("admission") == "open");
}

TEST_CASE("neither a client's key nor another secret nor none makes a datanode") {
  SecretCluster secret;
  const auto key = secret.keys.derive(secret.secret, "client");
  const auto with_key = start_stranger(secret, "with-key", {kVariable + key});
  CHECK(with_key->wait(std::chrono::seconds(20)) == 1);
  CHECK_THAT(with_key->log(),
             Catch::Contains(key) && Catch::Contains("a role takes the cluster's"));
  const auto without = start_stranger(secret, "without", {});
  const auto other = start_stranger(secret, "other", {kVariable + secret.keys.make("other")});
  CHECK_FALSE(without->wait_for_line("the cluster's secret is asked for").empty());
  CHECK_FALSE(other->wait_for_line("the secrets of the two sides differ").empty());
  auto& namenode = secret.cluster.namenode();
  CHECK_FALSE(namenode.wait_for_line("as a datanode is refused").empty());
  const auto status = nlohmann::json::parse(secret.verb({"status", "--json"}, key).out);
  CHECK(status.at("nodes").size() == 1);
}

TEST_CASE("who was admitted as a client registers no datanode, whatever it sends") {
  SecretCluster secret;
  SystemConfig config;
  caf::actor_system system{config};
  actors::ConnectOptions options;
  const auto key = secret.keys.derive(secret.secret, "client");
  options.credentials = *auth::load_credentials(key);
  const auto connection = actors::connect_control<actors::NamenodeActor>(
      system, "127.0.0.1", secret.namenode_port(), options);
  REQUIRE(connection.ok());
  actors::RegisterNode request;
  request.node = {9, 9};
  request.incarnation = 1;
  request.host = "pretender";
  request.data = {"127.0.0.1", 1};
  request.rack = "/r";
  std::optional<Error> refusal;
  caf::scoped_actor self{system};
  self->request(connection->handle, std::chrono::seconds(20), request)
      .receive([](const actors::Registered&) {},
               [&](const caf::error& error) { refusal = actors::from_caf(error); });
  REQUIRE(refusal.has_value());
  CHECK(refusal->code == Errc::kPermissionDenied);
  const auto status = nlohmann::json::parse(secret.verb({"status", "--json"}, key).out);
  CHECK(status.at("nodes").size() == 1);
}

// CAF's own message by which an actor ends, to the actor of this number.
std::string message_of_the_end(caf::actor_system& system, std::uint64_t actor) {
  std::vector<char> payload;
  caf::binary_serializer sink(system, payload);
  std::vector<caf::strong_actor_ptr> stages;
  auto message = caf::make_message(caf::exit_msg{caf::actor_addr{}, caf::exit_reason::kill});
  REQUIRE_FALSE(sink(stages, message));
  std::string frame(32, '\0');
  frame[0] = 2;
  frame[6] = static_cast<char>(payload.size() >> 8);
  frame[7] = static_cast<char>(payload.size());
  frame[23] = 1;
  frame[31] = static_cast<char>(actor);
  return frame.append(payload.begin(), payload.end());
}

TEST_CASE("who is admitted ends no actor of the namenode") {
  TestCluster cluster({.datanodes = 1, .environment = {}});
  const auto address = cluster.namenode_address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  // The actors have answered a peer, so that CAF knows them.
  REQUIRE(cluster.minidfs({"put", "-", "/a"}, "content").exit_code == 0);
  auto greeting = recorded_conversation(port);
  greeting.resize(32 + static_cast<std::uint8_t>(greeting[7]));
  SystemConfig config;
  caf::actor_system system{config};
  std::mt19937_64 random(5);
  for (std::uint64_t actor = 1; actor < 100; ++actor) {
    auto peer = admitted_peer(port, random, greeting + message_of_the_end(system, actor));
    peer.close_half();
    peer.drain();
  }
  CHECK(cluster.minidfs({"cat", "/a"}).out == "content");
  CHECK(cluster.minidfs({"fsck", "--timeout", "20s"}).exit_code == 0);
  CHECK_FALSE(cluster.namenode().wait_for_line("it sent what no peer of ours sends").empty());
}

TEST_CASE("a port tells those without the secret neither the cluster nor the process") {
  SecretCluster secret;
  const auto status = nlohmann::json::parse(secret.verb({"status", "--json"}, secret.secret).out);
  const auto cluster = status.at("cluster").get<std::string>();
  const auto other = auth::load_credentials(secret.keys.make("other"));
  REQUIRE(other.ok());
  for (const auto& credentials : {auth::CredentialsPtr(), *other}) {
    const auto dialed =
        actors::dial_control("127.0.0.1", secret.namenode_port(),
                             {.cluster = {7, 8}, .process = {1, 2}, .credentials = credentials});
    REQUIRE_FALSE(dialed.ok());
    CHECK(dialed.error().code == Errc::kPermissionDenied);
    CHECK(dialed.error().message.find(cluster) == std::string::npos);
  }
}

TEST_CASE("a role that other machines reach refuses to start without a secret") {
  const Keys keys;
  for (const std::string role : {"namenode", "datanode", "local"}) {
    const auto directory = keys.directory.file(role);
    const auto finished = run({MINIDFS_BINARY, "--role=" + role, "--listen=0.0.0.0", "--port=0",
                               "--log-level=off", "--data-dir=" + directory});
    INFO(finished.err);
    CHECK(finished.exit_code == 2);
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    CHECK_THAT(finished.err, Catch::Contains("0.0.0.0") && Catch::Contains("--secret-file") &&
                                 Catch::Contains("--insecure"));
    CHECK_FALSE(std::filesystem::exists(directory));
  }
  for (const auto& flag : {std::string("--insecure"), "--secret-file=" + keys.make("secret")}) {
    Process namenode({MINIDFS_BINARY, "--role=namenode", "--listen=0.0.0.0", "--port=0",
                      "--data-dir=" + keys.directory.file("names" + flag.substr(0, 4)), flag},
                     keys.directory.file("log" + flag.substr(0, 4)));
    INFO(namenode.log());
    CHECK_FALSE(namenode.wait_for_line("listening on 0.0.0.0").empty());
  }
}

TEST_CASE("a whole cluster in one process keeps a secret, too") {
  const Keys keys;
  const auto secret = keys.make("secret");
  Process local({MINIDFS_BINARY, "--role=local", "--datanodes=2", "--port=0", "--secret-file",
                 secret, "--data-dir=" + keys.directory.file("all")},
                keys.directory.file("log"), {"MINIDFS_DATANODE_PORT=0"});
  const auto line = local.wait_for_line("namenode: listening on ");
  REQUIRE_FALSE(line.empty());
  const auto at = line.find("127.0.0.1:");
  const auto address = line.substr(at, line.find(',', at) - at);
  const auto put = run({MINIDFS_BINARY, "put", "--replication", "2", "-", "/a"},
                       {"MINIDFS_NAMENODE=" + address, kVariable + secret}, "content");
  INFO(put.err << local.log());
  CHECK(put.exit_code == 0);
  CHECK(run({MINIDFS_BINARY, "cat", "/a"}, {"MINIDFS_NAMENODE=" + address}).exit_code == 1);
}

}  // namespace minidfs::test
