// Puts and cats whose datanodes die or hang in the middle, with a fourth node to take their place.
// The bounds on time only tell a hang from a success: the machine may be slow.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uintmax_t kMiB = 1 << 20;

std::uintmax_t bytes_below(const std::string& directory) {
  std::uintmax_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  return bytes;
}

// The fewest copies of any block of a file, as the namenode knows them.
std::size_t copies_of(const TestCluster& cluster, const std::string& path) {
  const auto stat = cluster.minidfs({"stat", "--blocks", "--json", path});
  REQUIRE(stat.exit_code == 0);
  const auto json = nlohmann::json::parse(stat.out);
  std::size_t fewest = SIZE_MAX;
  for (const auto& block : json.at("blocks")) {
    fewest = std::min(fewest, block.at("replicas").size());
  }
  return fewest;
}

std::string name_of(int signal) { return signal == SIGKILL ? "killed" : "stopped"; }

}  // namespace

TEST_CASE("a put has all its copies when a datanode dies or hangs in the middle of it") {
  const int signal = GENERATE(SIGKILL, SIGSTOP);
  TestCluster cluster({.datanodes = 4, .environment = {}});
  const auto local = cluster.make_file("big", 160 * kMiB);
  // Whichever place the victim has: with several blocks and three of four nodes for each it is the
  // first of some pipelines, in the middle of others and the last of others.
  auto put = cluster.start_minidfs({"put", "--block-size", "16MiB", local, "/big"}, "put.log");
  while (bytes_below(cluster.datanode_directory(1)) < 40 * kMiB && put->running()) {
  }
  REQUIRE(put->running());
  const auto start = SteadyClock::now();
  cluster.datanode(1).signal(signal);
  const int exit_code = put->wait(seconds(60));
  INFO("datanode 1 " << name_of(signal) << ": " << put->log());
  REQUIRE(exit_code == 0);
  CHECK(SteadyClock::now() - start < seconds(20));
  CHECK(put->log().find("of 3") == std::string::npos);  // No warning of missing copies.
  CHECK(copies_of(cluster, "/big") == 3);
  CHECK(cluster.minidfs({"cat", "/big"}).out == read_file(local));
  if (signal == SIGKILL) return;
  // A node that only hung comes back, with whatever it was in the middle of.
  cluster.datanode(1).signal(SIGCONT);
  REQUIRE(cluster.wait_for_live(4));
  CHECK(cluster.minidfs({"cat", "/big"}).out == read_file(local));
}

TEST_CASE("a put of a stream has all its copies when a datanode hangs in the middle of it") {
  const std::size_t victim = GENERATE(0U, 1U, 2U, 3U);
  TestCluster cluster({.datanodes = 4, .environment = {}});
  const auto local = cluster.make_file("big", 24 * kMiB);
  // The shell gives the first half, then waits for the file "go", then gives the rest.
  const auto go = cluster.directory() + "/go";
  const std::string half = std::to_string(12 * kMiB);
  Process put({"/bin/sh", "-c",
               "{ head -c " + half + " '" + local + "'; while [ ! -e '" + go +
                   "' ]; do sleep 0.05; done; tail -c +$((" + half + " + 1)) '" + local +
                   "'; } | '" + MINIDFS_BINARY "' put --block-size 8MiB - /big"},
              cluster.directory() + "/put.log", {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
  // The second block is half sent.
  const auto deadline = SteadyClock::now() + seconds(30);
  const auto total = [&] {
    std::uintmax_t bytes = 0;
    for (std::size_t i = 0; i < 4; ++i) bytes += bytes_below(cluster.datanode_directory(i));
    return bytes;
  };
  while (total() < 3 * 10 * kMiB && SteadyClock::now() < deadline) {
  }
  cluster.datanode(victim).signal(SIGSTOP);
  const auto start = SteadyClock::now();
  std::filesystem::create_directory(go);
  const int exit_code = put.wait(seconds(60));
  INFO(put.log());
  REQUIRE(exit_code == 0);
  CHECK(SteadyClock::now() - start < seconds(20));
  CHECK(put.log().find("of 3") == std::string::npos);
  CHECK(copies_of(cluster, "/big") == 3);
  CHECK(cluster.minidfs({"cat", "/big"}).out == read_file(local));
}

TEST_CASE("a datanode lost in the middle of a large block is replaced before the block ends") {
  const int signal = GENERATE(SIGKILL, SIGSTOP);
  TestCluster cluster({.datanodes = 4, .environment = {}});
  const auto local = cluster.make_file("big", 96 * kMiB);
  // The shell gives the only block in three parts, and waits for a file before the second and
  // before the third. The second is more than the sockets on the way hold.
  const auto second = cluster.directory() + "/second";
  const auto third = cluster.directory() + "/third";
  const auto script = "part() { tail -c +$(($1 * 1048576 + 1)) '" + local +
                      "' | head -c $(($2 * 1048576)); }; "
                      "await() { while [ ! -e \"$1\" ]; do sleep 0.05; done; }; "
                      "{ part 0 16; await '" +
                      second + "'; part 16 64; await '" + third +
                      "'; part 80 16; } | '" MINIDFS_BINARY "' put --block-size 96MiB - /big";
  Process put({"/bin/sh", "-c", script}, cluster.directory() + "/put.log",
              {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
  const auto receives = [&](std::size_t i) {
    return bytes_below(cluster.datanode_directory(i)) > 8 * kMiB;
  };
  std::vector<std::size_t> nodes;
  const auto deadline = SteadyClock::now() + seconds(60);
  while (nodes.size() < 3 && SteadyClock::now() < deadline) {
    nodes.clear();
    for (std::size_t i = 0; i < 4; ++i) {
      if (receives(i)) nodes.push_back(i);
    }
  }
  INFO("datanode 1 of the receiving ones " << name_of(signal) << ": " << put.log());
  REQUIRE(nodes.size() == 3);
  const auto spare = 0 + 1 + 2 + 3 - nodes[0] - nodes[1] - nodes[2];
  cluster.datanode(nodes[1]).signal(signal);
  std::filesystem::create_directory(second);
  const auto replaced_by = SteadyClock::now() + seconds(60);
  while (!receives(spare) && SteadyClock::now() < replaced_by) {
  }
  CHECK(receives(spare));
  REQUIRE(put.running());
  std::filesystem::create_directory(third);
  REQUIRE(put.wait(seconds(60)) == 0);
  CHECK(put.log().find("of 3") == std::string::npos);  // No warning of missing copies.
  CHECK(copies_of(cluster, "/big") == 3);
  const auto status = cluster.minidfs({"status", "--json"});
  REQUIRE(status.exit_code == 0);
  CHECK(nlohmann::json::parse(status.out).at("blocks").at("under_replicated") == 0);
  CHECK((cluster.minidfs({"cat", "/big"}).out == read_file(local)));
}

TEST_CASE("a cat is hardly held up by datanodes that hang") {
  TestCluster cluster({.datanodes = 3, .environment = {}});
  const auto local = cluster.make_file("big", 64 * kMiB);
  REQUIRE(cluster.minidfs({"put", "--block-size", "8MiB", local, "/big"}).exit_code == 0);
  SECTION("from the start") {
    cluster.datanode(0).signal(SIGSTOP);
    cluster.datanode(1).signal(SIGSTOP);
    const auto start = SteadyClock::now();
    CHECK(cluster.minidfs({"cat", "/big"}).out == read_file(local));
    CHECK(SteadyClock::now() - start < seconds(20));
  }
  SECTION("in the middle") {
    const auto copy = cluster.directory() + "/copy";
    // The reader of the pipe waits for the file "go" in the middle.
    const auto go = cluster.directory() + "/go";
    const auto begun = cluster.directory() + "/begun";
    Process cat(
        {"/bin/sh", "-c",
         std::string("'") + MINIDFS_BINARY + "' cat /big | { head -c 20000000; mkdir '" + begun +
             "'; while [ ! -e '" + go + "' ]; do sleep 0.05; done; cat; } > '" + copy + "'"},
        cluster.directory() + "/cat.log", {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
    const auto deadline = SteadyClock::now() + seconds(30);
    while (!std::filesystem::exists(begun) && SteadyClock::now() < deadline) {
    }
    cluster.datanode(2).signal(SIGSTOP);
    std::filesystem::create_directory(go);
    const auto start = SteadyClock::now();
    REQUIRE(cat.wait(seconds(60)) == 0);
    CHECK(SteadyClock::now() - start < seconds(20));
    CHECK(read_file(copy) == read_file(local));
  }
}

}  // namespace minidfs::test
