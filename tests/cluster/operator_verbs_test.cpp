// What operators ask for and wait for, and what copies keep, on real processes.
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

nlohmann::json nodes_of(const TestCluster& cluster) {
  const auto status = cluster.minidfs({"status", "--json"});
  REQUIRE(status.exit_code == 0);
  return nlohmann::json::parse(status.out).at("nodes");
}

nlohmann::json node_at(const TestCluster& cluster, std::size_t i) {
  const auto name = "127.0.0.1:" + std::to_string(cluster.datanode_port(i));
  for (const auto& node : nodes_of(cluster)) {
    if (node.at("name") == name) return node;
  }
  return {};
}

template <class Condition>
bool wait_until(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

// Replica files of a datanode that hold no small blocks.
std::vector<fs::path> replica_files(const TestCluster& cluster, std::size_t i) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(cluster.datanode_directory(i))) {
    if (entry.is_regular_file() && entry.path().parent_path().filename() == "blocks") {
      files.push_back(entry.path());
    }
  }
  return files;
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("a dead datanode and one that was only decided about are shown, and can be forgotten") {
  TestCluster cluster(
      {.datanodes = 2,
       .environment = {"MINIDFS_NAMENODE_DEAD_AFTER=2s", "MINIDFS_NAMENODE_STALE_AFTER=1s",
                       "MINIDFS_DATANODE_HEARTBEAT_INTERVAL=200ms"}});
  const auto name = node_at(cluster, 1).at("name").get<std::string>();
  const auto id = node_at(cluster, 1).at("id").get<std::string>();
  CHECK(cluster.minidfs({"node", "forget", name}).exit_code == 1);
  REQUIRE(cluster.minidfs({"node", "decommission", name}).exit_code == 0);
  cluster.kill_datanode(1);
  REQUIRE(wait_until([&] { return node_at(cluster, 1).at("liveness") == "dead"; }));
  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(1));
  const auto absent = nodes_of(cluster);
  REQUIRE(absent.size() == 2);
  CHECK(absent[1].at("liveness") == "absent");
  CHECK(absent[1].at("id") == id);
  CHECK(absent[1].at("state") == "decommissioning");
  REQUIRE(cluster.minidfs({"node", "forget", id}).exit_code == 0);
  CHECK(nodes_of(cluster).size() == 1);
  // It comes back as a datanode like any other.
  cluster.start_datanode(1);
  REQUIRE(cluster.wait_for_live(2));
  CHECK(node_at(cluster, 1).at("state") == "live");

  // Another identity has the address: the dead one is forgotten, the live one stays.
  cluster.kill_datanode(1);
  fs::remove_all(cluster.datanode_directory(1));
  cluster.start_datanode(1);
  REQUIRE(wait_until([&] { return nodes_of(cluster).size() == 3; }));
  REQUIRE(cluster.minidfs({"node", "forget", name}).exit_code == 0);
  REQUIRE(nodes_of(cluster).size() == 2);
  CHECK(node_at(cluster, 1).at("id") != id);
  CHECK(node_at(cluster, 1).at("state") == "live");
}

TEST_CASE("setrep -w ends when the replicas are there, or gone from the disks") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 6 << 20);
  REQUIRE(cluster.minidfs({"put", "--replication=1", "--block-size=2MiB", local, "/a"}).exit_code ==
          0);
  const auto replicas = [&] {
    std::size_t count = 0;
    for (std::size_t i = 0; i < 3; ++i) count += replica_files(cluster, i).size();
    return count;
  };
  REQUIRE(replicas() == 3);
  REQUIRE(cluster.minidfs({"setrep", "-w", "3", "/a"}).exit_code == 0);
  CHECK(replicas() == 9);
  REQUIRE(cluster.minidfs({"setrep", "-w", "1", "/a"}).exit_code == 0);
  CHECK(replicas() == 3);
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));

  // Too few are in service: it says so, and goes on when there are enough.
  REQUIRE(cluster.minidfs({"node", "maintenance", node_at(cluster, 2).at("name")}).exit_code == 0);
  const auto waiting = cluster.start_minidfs({"setrep", "-w", "3", "/a"}, "setrep.log");
  CHECK_FALSE(
      waiting->wait_for_line("3 copies are wanted, and 2 datanodes are in service").empty());
  REQUIRE(cluster.minidfs({"node", "recommission", node_at(cluster, 2).at("name")}).exit_code == 0);
  CHECK(waiting->wait(std::chrono::seconds(60)) == 0);
  CHECK(replicas() == 9);
}

TEST_CASE(
    "a balance right after a put evens the datanodes out, and of few blocks it comes to an end") {
  TestCluster cluster(
      {.datanodes = 3,
       .environment = {"MINIDFS_DATANODE_CAPACITY=1GiB", "MINIDFS_NAMENODE_BALANCE=false"}});
  // Everything goes to the one datanode that is in service.
  for (const std::size_t i : {1U, 2U}) {
    REQUIRE(cluster.minidfs({"node", "maintenance", node_at(cluster, i).at("name")}).exit_code ==
            0);
  }
  const auto local = cluster.make_file("a", 120 << 20);
  REQUIRE(cluster.minidfs({"put", "--replication=1", "--block-size=2MiB", local, "/a"}).exit_code ==
          0);
  for (const std::size_t i : {1U, 2U}) {
    REQUIRE(cluster.minidfs({"node", "recommission", node_at(cluster, i).at("name")}).exit_code ==
            0);
  }
  const auto even = cluster.minidfs({"balance", "--wait", "--threshold", "10"});
  INFO(even.out << even.err);
  CHECK(even.exit_code == 0);
  CHECK(even.out.find("blocks moved") != std::string::npos);
  for (std::size_t i = 0; i < 3; ++i) {
    INFO(i);
    CHECK(replica_files(cluster, i).size() >= 17);
    CHECK(replica_files(cluster, i).size() <= 23);
  }
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
  CHECK(cluster.minidfs({"balance", "--status"}).out.find("balance: reached") == 0);

  REQUIRE(cluster.minidfs({"rm", "/a"}).exit_code == 0);
  REQUIRE(wait_until([&] { return replica_files(cluster, 0).empty(); }));
  const auto large = cluster.make_file("b", 40 << 20);
  REQUIRE(
      cluster.minidfs({"put", "--replication=1", "--block-size=10MiB", large, "/b"}).exit_code ==
      0);
  const auto stuck = cluster.minidfs({"balance", "--wait", "--threshold", "1"});
  INFO(stuck.out << stuck.err);
  CHECK(stuck.exit_code == 1);
  CHECK(stuck.err.find("no block can be moved") != std::string::npos);
  CHECK(cluster.minidfs({"cat", "/b"}).out == read_file(large));
}

TEST_CASE(
    "modes and times go into the file system and come back with -p, of files and directories") {
  TestCluster cluster(ClusterOptions{.datanodes = 1, .environment = {}});
  cluster.make_file("tree/sub/script", 100);
  cluster.make_file("tree/large", 3 << 20);
  const auto tree = cluster.directory() + "/tree";
  const timespec times[2] = {{1'500'000'000, 250'000'000}, {1'400'000'000, 750'000'000}};
  REQUIRE(::chmod((tree + "/sub/script").c_str(), 0755) == 0);
  REQUIRE(::chmod((tree + "/sub").c_str(), 0700) == 0);
  for (const char* name : {"/sub/script", "/large", "/sub", ""}) {
    REQUIRE(::utimensat(AT_FDCWD, (tree + name).c_str(), times, 0) == 0);
  }
  const Words put{"put", "-rpT", "--replication=1", "--skip-existing", tree, "/tree"};
  REQUIRE(cluster.minidfs(put).exit_code == 0);
  const auto entry =
      nlohmann::json::parse(cluster.minidfs({"stat", "--json", "/tree/sub/script"}).out);
  CHECK(entry.at("permission") == "0755");
  CHECK(entry.at("modified_ms") == 1'400'000'000'750);
  // They outlive the namenode, which reads them from its log and database.
  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(1));
  const auto copy = cluster.directory() + "/copy";
  REQUIRE(cluster.minidfs({"get", "-rp", "/tree", copy}).exit_code == 0);
  for (const char* name : {"/sub/script", "/large", "/sub", ""}) {
    INFO(name);
    const auto before = status_of(tree + name);
    const auto after = status_of(copy + name);
    CHECK(after.st_mode == before.st_mode);
    CHECK(after.st_mtim.tv_sec == before.st_mtim.tv_sec);
    CHECK(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  }
  // What is missing is brought again, what is there stays.
  fs::remove(copy + "/large");
  std::ofstream(copy + "/sub/script") << "mine";
  const auto again = cluster.minidfs({"get", "-rT", "--skip-existing", "/tree", copy});
  INFO(again.err);
  CHECK(again.exit_code == 0);
  CHECK(read_file(copy + "/large") == read_file(tree + "/large"));
  CHECK(read_file(copy + "/sub/script") == "mine");
  CHECK(cluster.minidfs(put).exit_code == 0);
}

TEST_CASE("of a file with a damaged and a lost block the rest is salvaged") {
  TestCluster cluster({.datanodes = 1, .environment = {"MINIDFS_DATANODE_SCRUB_RATE=0"}});
  const auto local = cluster.make_file("a", 6 << 20);
  REQUIRE(cluster.minidfs({"put", "--replication=1", "--block-size=2MiB", local, "/a"}).exit_code ==
          0);
  const auto stat =
      nlohmann::json::parse(cluster.minidfs({"stat", "--blocks", "--json", "/a"}).out);
  const auto file_of = [&](int block) {
    const auto number = std::stoull(stat.at("blocks")[block].at("id").get<std::string>());
    std::ostringstream digits;
    digits << std::hex << std::setw(16) << std::setfill('0') << number;
    const auto id = digits.str();
    for (const auto& file : replica_files(cluster, 0)) {
      if (file.filename().string().rfind(id, 0) == 0) return file;
    }
    FAIL("no file of block " << id);
    return fs::path();
  };
  {
    std::fstream file(file_of(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20 * 65'536 + 30'000);
    file.put('x').put('y').put('z');
  }
  fs::remove(file_of(2));
  const auto target = cluster.directory() + "/copy";
  CHECK(cluster.minidfs({"get", "/a", target}).exit_code == 1);
  CHECK_FALSE(fs::exists(target));
  // By now the namenode knows what is bad.
  REQUIRE(wait_until([&] { return cluster.minidfs({"fsck", "/a"}).exit_code == 1; }));
  const auto got = cluster.minidfs({"get", "--salvage", "/a", target});
  INFO(got.err);
  CHECK(got.exit_code == 1);
  CHECK(got.err.find("/a: ") != std::string::npos);
  auto expected = read_file(local);
  std::fill_n(expected.begin() + (4 << 20), 2 << 20, '\0');
  auto found = read_file(target);
  REQUIRE(found.size() == expected.size());
  // One slice of the second block, wherever its bytes begin in the file of the replica.
  std::size_t first = 2 << 20;
  while (first < (4 << 20) && found[first] == expected[first]) ++first;
  REQUIRE(first < (4 << 20));
  first -= first % 65'536;
  std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(first), 65'536, '\0');
  CHECK((found == expected));
  const auto streamed = cluster.minidfs({"get", "--salvage", "/a", "-"});
  CHECK(streamed.exit_code == 1);
  CHECK((streamed.out == expected));
  CHECK(streamed.err == got.err);
}

TEST_CASE("a datanode that lives but does not answer is said to be out of reach") {
  TestCluster cluster(
      {.datanodes = 2,
       .environment = {"MINIDFS_NAMENODE_DEAD_AFTER=60s", "MINIDFS_NAMENODE_STALE_AFTER=50s"}});
  CHECK(cluster.minidfs({"status"}).out.find("REACHED") == std::string::npos);
  cluster.datanode(1).signal(SIGSTOP);
  CHECK(node_at(cluster, 0).at("unreachable") == false);
  CHECK(node_at(cluster, 1).at("unreachable") == true);
  CHECK(cluster.minidfs({"status"}).out.find("CANNOT BE REACHED") != std::string::npos);
  cluster.datanode(1).signal(SIGCONT);
  CHECK(wait_until([&] { return node_at(cluster, 1).at("unreachable") == false; }));
}

TEST_CASE("names that are no ASCII stand once in a message, as they are") {
  TestCluster cluster(ClusterOptions{.datanodes = 1, .environment = {}});
  const std::string name = "/M\xC3\xBCnchen";
  for (const Words& words :
       {Words{"ls", name}, Words{"cat", name}, Words{"rm", name}, Words{"mv", name, "/x"},
        Words{"setrep", "1", name}, Words{"get", name, "-"}, Words{"stat", name}}) {
    INFO(words.front());
    const auto outcome = cluster.minidfs(words);
    CHECK(outcome.exit_code == 1);
    CHECK(outcome.err == "minidfs: " + name + ": not found\n");
  }
  const auto twice = cluster.minidfs({"mkdir", name, name});
  CHECK(twice.err == "minidfs: " + name + ": already exists\n");
}

}  // namespace minidfs::test
