// Crowds of idle strangers at every port of a cluster whose processes may have few descriptors:
// verbs go on as if nobody else were there.
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "cluster/besieged_cluster.hpp"
#include "cluster/hostile_peer.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kVerbLimit{5};
constexpr std::size_t kDatanodes = 3;

// Executes a role with a limit of open files, as a shell or a service manager does.
std::vector<std::string> with_limit(const std::string& command) {
  return {"/bin/sh", "-c", command + " && exec \"$@\"", "sh"};
}

// Strangers at one port, who come back when they are closed.
class Crowd {
 public:
  // `greeting`: what some of them say before they fall silent; empty for the namenode's port.
  Crowd(std::uint16_t port, std::string greeting, std::size_t count)
      : port_(port), greeting_(std::move(greeting)) {
    for (std::size_t i = 0; i < count; ++i) peers_.push_back(stranger(i));
  }

  // Returns how many had been closed.
  std::size_t come_back() {
    std::size_t closed = 0;
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      if (!peers_[i].closed()) continue;
      peers_[i] = stranger(i);
      ++closed;
    }
    return closed;
  }

 private:
  // Most say nothing, some stop in the middle of their greeting, some are let in and ask nothing.
  HostilePeer stranger(std::size_t i) {
    if (i % 8 == 0 && greeting_.empty()) return admitted_peer(port_, random_, {});
    HostilePeer peer(port_);
    if (i % 8 == 0) peer.send(greeting_);
    if (i % 8 == 1) peer.send(greeting_.empty() ? "MDFSCTL" : greeting_.substr(0, 20));
    return peer;
  }

  std::uint16_t port_;
  std::string greeting_;
  std::mt19937_64 random_{17};
  std::vector<HostilePeer> peers_;
};

struct CrowdedCluster {
  CrowdedCluster(const std::string& limit, std::size_t strangers_of_port)
      : cluster({.datanodes = kDatanodes,
                 .environment = without_quarantine(),
                 .wrapper = with_limit(limit)}),
        content(random_bytes(300'000, 4)) {
    const auto address = cluster.namenode_address();
    const auto port = std::stoi(address.substr(address.find(':') + 1));
    crowds.emplace_back(static_cast<std::uint16_t>(port), "", strangers_of_port);
    for (std::size_t i = 0; i < kDatanodes; ++i) {
      crowds.emplace_back(cluster.datanode_port(i), data_greeting_of(cluster, i),
                          strangers_of_port);
    }
  }

  // Runs a verb, which must not take longer than it may.
  std::string verb(const std::vector<std::string>& words, const std::string& input = {}) {
    const auto start = Clock::now();
    const auto finished = cluster.minidfs(words, input);
    const auto took = std::chrono::duration<double>(Clock::now() - start).count();
    INFO(words.front() << " took " << took << " s: " << finished.err << cluster.namenode().log()
                       << cluster.datanode(0).log());
    CHECK(finished.exit_code == 0);
    CHECK(took < kVerbLimit.count());
    return finished.out;
  }

  void check_verbs() {
    const auto path = "/file" + std::to_string(++puts);
    verb({"put", "--replication", "3", "-", path}, content);
    CHECK(verb({"cat", path}) == content);
    verb({"stat", path});
    verb({"ls", "/"});
    const auto status = nlohmann::json::parse(verb({"status", "--json"}));
    for (const auto& node : status.at("nodes")) CHECK(node.at("state") == "live");
    CHECK(status.at("nodes").size() == kDatanodes);
  }

  std::size_t come_back() {
    std::size_t closed = 0;
    for (auto& crowd : crowds) closed += crowd.come_back();
    return closed;
  }

  TestCluster cluster;
  const std::string content;
  std::vector<Crowd> crowds;
  int puts = 0;
};

void besiege(const std::string& limit, std::size_t strangers_of_port) {
  CrowdedCluster crowded(limit, strangers_of_port);
  crowded.check_verbs();
  CHECK(crowded.come_back() > 0);
  crowded.check_verbs();
  // A datanode that must join again finds its place, too.
  crowded.cluster.kill_datanode(1);
  crowded.cluster.start_datanode(1);
  CHECK(crowded.cluster.wait_for_live(kDatanodes));
  crowded.come_back();
  crowded.check_verbs();
}

}  // namespace

TEST_CASE("two thousand idle strangers at each port of processes with 1,024 descriptors") {
  const std::string limit = GENERATE("ulimit -Sn 1024", "ulimit -n 1024");
  const std::size_t ports = 1 + kDatanodes;
  besiege(limit, connections_allowed(2'000 * ports) / ports);
}

// For scripts/faults: needs a limit of open files of its own above 10,500.
TEST_CASE("ten thousand strangers at the ports of a cluster", "[.long]") {
  const std::size_t ports = 1 + kDatanodes;
  besiege("true", connections_allowed(10'000) / ports);
}

// A namenode leaves an eighth to HTTP.
TEST_CASE("what descriptors are shared out stands in the log of each role") {
  TestCluster cluster({.datanodes = 1, .environment = {}, .wrapper = with_limit("ulimit -n 1024")});
  CHECK_FALSE(cluster.namenode().wait_for_line("896 descriptors: 128 for the log").empty());
  CHECK_FALSE(cluster.datanode(0).wait_for_line("1024 descriptors: 224 for disks").empty());
}

}  // namespace minidfs::test
