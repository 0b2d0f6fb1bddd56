// Very many datanodes that report at once to a namenode which was killed and started, among idle
// connections: nobody is taken for lost, and heartbeats do not wait for reports.
#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <vector>

#include "client/link/namenode_link.hpp"
#include "cluster/fake_datanodes.hpp"
#include "cluster/hostile_peer.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLook{100};
constexpr std::uint64_t kBlockBytes = 1 << 20;
constexpr std::size_t kBlocksOfFile = 4'000;

struct Sizes {
  std::size_t connections = 0;
  std::size_t nodes = 0;
  std::size_t blocks_of_node = 0;
  std::size_t admitted_idle = 0;
  std::size_t strangers = 0;
  seconds safe_mode_limit{30};
  milliseconds heartbeat_limit{1000};
};

template <class Condition>
bool wait_until(seconds limit, const Condition& condition) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

struct Cluster {
  explicit Cluster(const Sizes& of)
      : sizes(of),
        cluster({.datanodes = 0, .environment = without_quarantine()}),
        port(static_cast<std::uint16_t>(std::stoi(
            cluster.namenode_address().substr(cluster.namenode_address().find(':') + 1)))),
        nodes({.namenode_port = port, .connections = of.connections, .nodes = of.nodes}) {
    REQUIRE(wait_until(seconds(120), [&] { return nodes.figures().registered == sizes.nodes; }));
  }

  // Files whose blocks are the nodes', in order. Returns how many blocks these are.
  std::size_t write_files() {
    const std::size_t total = sizes.nodes * sizes.blocks_of_node;
    std::vector<metadata::Block> blocks;
    while (blocks.size() < total) {
      const auto count = std::min(kBlocksOfFile, total - blocks.size());
      const auto written = write_file(count);
      blocks.insert(blocks.end(), written.begin(), written.end());
    }
    for (std::size_t i = 0; i < sizes.nodes; ++i) {
      const auto first = blocks.begin() + static_cast<std::ptrdiff_t>(i * sizes.blocks_of_node);
      nodes.give(i, {first, first + static_cast<std::ptrdiff_t>(sizes.blocks_of_node)});
    }
    return blocks.size();
  }

  std::vector<metadata::Block> write_file(std::size_t count) {
    actors::AllocateBlocks request;
    request.client = link.client_id();
    request.blocks_per_pipeline = static_cast<std::uint32_t>(count);
    request.block_size = kBlockBytes;
    request.replication = 1;
    const auto grant = link.call(request);
    REQUIRE(grant.ok());
    actors::CommitWrite commit;
    commit.client = link.client_id();
    commit.session = grant->session;
    auto& file = commit.change.files.emplace_back();
    file.path = "/file" + std::to_string(files++);
    file.block_size = kBlockBytes;
    file.replication = 1;
    for (const auto& pipeline : grant->pipelines) {
      for (const auto id : pipeline.blocks) {
        file.blocks.push_back({id, pipeline.generation, kBlockBytes});
        commit.written.push_back({id, {pipeline.targets.front().node}});
      }
    }
    auto blocks = file.blocks;
    const auto done = link.call(std::move(commit));
    REQUIRE(done.ok());
    return blocks;
  }

  // Idle connections, some of them admitted.
  void add_crowd() {
    crowd.clear();
    for (std::size_t i = 0; i < sizes.admitted_idle; ++i) {
      crowd.push_back(admitted_peer(port, random, {}));
    }
    for (std::size_t i = 0; i < sizes.strangers; ++i) crowd.emplace_back(port);
  }

  // The verb would connect to each datanode as well, and asked again and again take the processors
  // from those who are measured.
  bool in_safe_mode() {
    const auto reply = link.call(actors::SafeModeRequest{"status"});
    return !reply.ok() || reply->on;
  }

  nlohmann::json status() const {
    const auto status = cluster.minidfs({"status", "--json"});
    return status.exit_code == 0 ? nlohmann::json::parse(status.out) : nlohmann::json();
  }

  std::size_t count(const nlohmann::json& status, const std::string& state) const {
    std::size_t count = 0;
    for (const auto& node : status.at("nodes")) count += node.at("state") == state ? 1 : 0;
    return count;
  }

  Sizes sizes;
  TestCluster cluster;
  std::uint16_t port;
  client::NamenodeLink link{{{{"127.0.0.1", port}}, seconds(5), seconds(60)}};
  FakeDatanodes nodes;
  std::mt19937_64 random{23};
  std::vector<HostilePeer> crowd;
  std::size_t files = 0;
};

void report_at_once(const Sizes& sizes) {
  Cluster many(sizes);
  REQUIRE(many.write_files() == sizes.nodes * sizes.blocks_of_node);
  many.add_crowd();
  many.cluster.kill_namenode();
  many.nodes.forget();
  many.cluster.start_namenode();
  const auto start = Clock::now();
  many.add_crowd();
  REQUIRE(wait_until(sizes.safe_mode_limit, [&] { return !many.in_safe_mode(); }));
  const auto safe_mode_took = std::chrono::duration<double>(Clock::now() - start).count();
  CHECK(wait_until(seconds(60), [&] { return many.nodes.figures().reported == sizes.nodes; }));
  const auto reports_took = std::chrono::duration<double>(Clock::now() - start).count();
  // Two rounds of heartbeats more, and nobody has been taken for lost.
  const auto beats = many.nodes.figures().heartbeats;
  CHECK(wait_until(seconds(60),
                   [&] { return many.nodes.figures().heartbeats >= beats + 2 * sizes.nodes; }));
  const auto status = many.status();
  CHECK(many.count(status, "live") == sizes.nodes);
  const auto figures = many.nodes.figures();
  CHECK(figures.slowest_heartbeat <= sizes.heartbeat_limit);
  std::printf(
      "%zu nodes over %zu connections: safe mode over after %.1f s, reports after %.1f s, "
      "slowest of %llu heartbeats %lld ms, %llu requests refused\n",
      sizes.nodes, sizes.connections, safe_mode_took, reports_took,
      static_cast<unsigned long long>(figures.heartbeats),
      static_cast<long long>(figures.slowest_heartbeat.count()),
      static_cast<unsigned long long>(figures.failures));
}

}  // namespace

TEST_CASE("many datanodes report at once to a namenode that was killed and started") {
  report_at_once({.connections = 8,
                  .nodes = 80,
                  .blocks_of_node = 100,
                  .admitted_idle = 100,
                  .strangers = 200,
                  .safe_mode_limit = seconds(60),
                  .heartbeat_limit = seconds(5)});
}

// For scripts/faults: needs a limit of open files of its own above 10,500.
TEST_CASE("a thousand datanodes report at once to a namenode that was killed and started",
          "[.long]") {
  REQUIRE(connections_allowed(10'000) == 10'000);
  report_at_once({.connections = 100,
                  .nodes = 1'000,
                  .blocks_of_node = 1'000,
                  .admitted_idle = 900,
                  .strangers = 9'000});
}

}  // namespace minidfs::test
