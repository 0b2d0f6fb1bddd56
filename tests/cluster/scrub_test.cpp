// Disks that decay and disks that vanish, on real processes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

namespace fs = std::filesystem;

// Flips a byte in the middle of every replica file and pack of a datanode. How many files.
int flip_bytes(const std::string& directory) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const auto folder = entry.path().parent_path().filename();
    if (!entry.is_regular_file() || (folder != "blocks" && folder != "packs")) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    // Near the begin of a pack, whose end may be unused.
    const auto offset = folder == "packs" ? 600 : entry.file_size() / 2;
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 0x20));
    ++count;
  }
  return count;
}

nlohmann::json status_of(const TestCluster& cluster) {
  const auto status = cluster.minidfs({"status", "--json"});
  REQUIRE(status.exit_code == 0);
  return nlohmann::json::parse(status.out);
}

// Takes a directory away at one blow: its datanode may be writing in it.
void take_away(const std::string& path) {
  fs::rename(path, path + ".away");
  fs::remove_all(path + ".away");
}

template <class Condition>
bool wait_until(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

}  // namespace

TEST_CASE("scrub --now finds flipped bytes on one datanode and says so by its exit code") {
  ClusterOptions options;
  options.environment = {"MINIDFS_DATANODE_SCRUB_RATE=0"};
  TestCluster cluster(options);
  const auto local = cluster.make_file("a", 5 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "2MiB", local, "/a"}).exit_code == 0);
  REQUIRE(cluster.minidfs({"put", "-", "/small"}, random_bytes(5000, 3)).exit_code == 0);
  const auto clean = cluster.minidfs({"scrub", "--now", "--wait"});
  INFO(clean.out << clean.err);
  CHECK(clean.exit_code == 0);
  CHECK(clean.out.find(" 4 replicas checked, 0 corrupt") != std::string::npos);
  REQUIRE(flip_bytes(cluster.datanode_directory(1)) > 1);
  const auto found = cluster.minidfs({"scrub", "--now", "--wait", "--json"});
  INFO(found.out << found.err);
  CHECK(found.exit_code == 1);
  int nodes_with_corrupt = 0;
  const auto json = nlohmann::json::parse(found.out);
  for (const auto& node : json.at("nodes")) {
    CHECK(node.at("done") == true);
    CHECK(node.at("checked") == 4);
    nodes_with_corrupt += node.at("corrupt").get<int>() > 0 ? 1 : 0;
  }
  CHECK(nodes_with_corrupt == 1);
  CHECK_FALSE(cluster.datanode(1).wait_for_line("is bad").empty());
  // The namenode hears of it: until the copies are replaced it shows them as corrupt.
  const std::string said = "has a bad replica of block";
  CHECK(wait_until([&] { return cluster.namenode().log().find(said) != std::string::npos; }));
  // Nothing wrong is given out, whatever the state of the repair.
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
  CHECK(cluster.minidfs({"cat", "/small"}).out == random_bytes(5000, 3));
}

TEST_CASE("a background scrub finds flipped bytes without being asked") {
  ClusterOptions options;
  options.environment = {"MINIDFS_DATANODE_SCRUB_RATE=100MiB",
                         "MINIDFS_DATANODE_SCRUB_INTERVAL=1s"};
  TestCluster cluster(options);
  const auto local = cluster.make_file("a", 5 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "2MiB", local, "/a"}).exit_code == 0);
  REQUIRE(flip_bytes(cluster.datanode_directory(2)) == 3);
  CHECK(wait_until([&] { return cluster.datanode(2).log().find("is bad") != std::string::npos; }));
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
}

TEST_CASE("a last copy that was called bad and is whole again counts after the next scrub") {
  ClusterOptions options;
  options.datanodes = 1;
  options.environment = {"MINIDFS_DATANODE_SCRUB_RATE=0"};
  TestCluster cluster(options);
  const auto local = cluster.make_file("a", 3 << 20);
  REQUIRE(cluster.minidfs({"put", "--replication", "1", local, "/a"}).exit_code == 0);
  // What a disk once reads wrong, and then right again.
  REQUIRE(flip_bytes(cluster.datanode_directory(0)) > 0);
  CHECK(cluster.minidfs({"scrub", "--now", "--wait"}).exit_code == 1);
  const auto missing = [&] { return status_of(cluster).at("blocks").at("missing").get<int>(); };
  CHECK(wait_until([&] { return missing() == 1; }));
  const bool restarts = GENERATE(false, true);
  INFO((restarts ? "with another process" : "with the same process"));
  if (restarts) {
    // Its full report alone is no proof.
    cluster.kill_datanode(0);
    cluster.start_datanode(0);
    REQUIRE(cluster.wait_for_live(1));
    CHECK_FALSE(cluster.namenode().wait_for_line("has reported 1 replicas in full").empty());
    CHECK(missing() == 1);
  }
  CHECK(cluster.minidfs({"scrub", "--now", "--wait"}).exit_code == 1);
  CHECK(missing() == 1);
  flip_bytes(cluster.datanode_directory(0));
  CHECK(wait_until([&] {
    static_cast<void>(cluster.minidfs({"scrub", "--now", "--wait"}));
    return missing() == 0;
  }));
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
}

TEST_CASE("reads and puts go on when the directory of one of two disks vanishes") {
  ClusterOptions options;
  options.datanodes = 1;
  options.disks = 2;
  options.environment = {"MINIDFS_DATANODE_DISK_CHECK_INTERVAL=200ms"};
  TestCluster cluster(options);
  // One copy each, so that only what lies on the other disk can be read afterwards.
  constexpr int kFiles = 12;
  const auto path = [](int i) { return "/f" + std::to_string(i); };
  const auto content = [](int i) {
    return random_bytes(1'200'000 + static_cast<std::size_t>(i), static_cast<unsigned>(i));
  };
  for (int i = 0; i < kFiles; ++i) {
    REQUIRE(cluster.minidfs({"put", "--replication", "1", "-", path(i)}, content(i)).exit_code ==
            0);
  }
  const std::string gone = cluster.datanode_directory(0) + "/disk1";
  const auto replicas_on = [](const std::string& disk) {
    const fs::directory_iterator files(disk + "/blocks");
    return static_cast<int>(std::distance(begin(files), end(files)));
  };
  const int lost = replicas_on(gone);
  REQUIRE(replicas_on(cluster.datanode_directory(0) + "/disk0") + lost == kFiles);
  REQUIRE(lost > 0);
  REQUIRE(lost < kFiles);
  take_away(gone);
  REQUIRE_FALSE(
      cluster.datanode(0).wait_for_line("has failed with " + std::to_string(lost)).empty());
  CHECK(wait_until([&] {
    const auto status = status_of(cluster);
    return status.at("blocks").at("missing") == lost;
  }));
  int readable = 0;
  for (int i = 0; i < kFiles; ++i) {
    const auto cat = cluster.minidfs({"cat", path(i)});
    if (cat.exit_code != 0) continue;
    CHECK(cat.out == content(i));
    ++readable;
  }
  CHECK(readable == kFiles - lost);
  for (int i = kFiles; i < kFiles + 4; ++i) {
    const auto put = cluster.minidfs({"put", "--replication", "1", "-", path(i)}, content(i));
    INFO(put.err);
    REQUIRE(put.exit_code == 0);
    CHECK(cluster.minidfs({"cat", path(i)}).out == content(i));
  }
  CHECK(cluster.datanode(0).running());
  CHECK_FALSE(fs::exists(gone));
  // It starts again as well: the directory is made anew, as an empty disk of the same node.
  cluster.kill_datanode(0);
  cluster.start_datanode(0);
  REQUIRE(cluster.wait_for_live(1));
}

TEST_CASE("a datanode that loses its last disk says goodbye and ends with an error") {
  ClusterOptions options;
  options.datanodes = 2;
  options.environment = {"MINIDFS_DATANODE_DISK_CHECK_INTERVAL=200ms"};
  TestCluster cluster(options);
  REQUIRE(cluster.minidfs({"put", "--replication", "2", "-", "/a"}, "a").exit_code == 0);
  take_away(cluster.datanode_directory(0));
  const int exit_code = cluster.datanode(0).wait(std::chrono::seconds(30));
  INFO(cluster.datanode(0).log());
  CHECK(exit_code == 1);
  CHECK(cluster.datanode(0).log().find("no data directory works any more") != std::string::npos);
  CHECK(cluster.minidfs({"cat", "/a"}).out == "a");
  CHECK(wait_until([&] {
    const auto nodes = status_of(cluster).at("nodes");
    return std::count_if(nodes.begin(), nodes.end(),
                         [](const auto& node) { return node.at("state") == "dead"; }) == 1;
  }));
}

}  // namespace minidfs::test
