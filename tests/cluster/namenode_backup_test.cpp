// The backups of docs/operations.md, command by command: taken from a running namenode, and gone
// back to.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

using Clock = std::chrono::steady_clock;

namespace fs = std::filesystem;

std::size_t entries_in(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

// "Going back to a backup" of the manual.
void go_back(TestCluster& cluster, const std::string& backup) {
  cluster.namenode().signal(SIGTERM);
  REQUIRE(cluster.namenode().wait(std::chrono::seconds(10)) == 0);
  const auto directory = cluster.directory() + "/namenode";
  fs::rename(directory, directory + ".newer");
  fs::copy(backup, directory);
  cluster.start_namenode();
}

// Takes backups until one holds all there is: what a put leaves to be tidied up is a change, too.
std::string backup_in_peace(const TestCluster& cluster) {
  const auto directory = cluster.directory() + "/backup";
  std::string last;
  for (int i = 0; i < 50; ++i) {
    fs::remove_all(directory);
    const auto taken = cluster.minidfs({"namenode", "backup", directory});
    REQUIRE(taken.exit_code == 0);
    if (taken.out == last) return directory;
    last = taken.out;
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
  }
  FAIL("the namespace changes all the time");
  return directory;
}

nlohmann::json status(const TestCluster& cluster) {
  return nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
}

// Until every datanode has heard of all that has happened so far: the answer to a heartbeat tells
// it, and with the next heartbeat that answer has been taken.
void wait_until_heard(const TestCluster& cluster) {
  const auto deadline = Clock::now() + std::chrono::seconds(30);
  for (int beats = 0; beats < 2; ++beats) {
    const auto since = Clock::now();
    for (bool all = false; !all;) {
      REQUIRE(Clock::now() < deadline);
      const auto asked = Clock::now();
      const auto nodes = status(cluster).at("nodes");
      all = std::all_of(nodes.begin(), nodes.end(), [&](const auto& node) {
        return asked - std::chrono::milliseconds(
                           node.at("last_heartbeat_ms").template get<std::int64_t>()) >
               since;
      });
    }
  }
}

}  // namespace

TEST_CASE("a backup is taken from a namenode at work, whole or not at all") {
  TestCluster cluster;
  const auto tree = cluster.directory() + "/tree";
  for (unsigned i = 0; i < 400; ++i) {
    cluster.make_file("tree/" + std::to_string(i % 9) + "/" + std::to_string(i), 100, i);
  }
  REQUIRE(cluster.minidfs({"put", "-r", tree, "/tree"}).exit_code == 0);
  const auto work = cluster.start_minidfs({"put", "-r", tree, "/more"}, "work.log");
  const auto backup = cluster.directory() + "/backup";
  const auto taken = cluster.minidfs({"namenode", "backup", backup});
  INFO(taken.err);
  REQUIRE(taken.exit_code == 0);
  CHECK_THAT(taken.out, Catch::Contains("backup of the namespace at change"));
  CHECK(entries_in(backup) == 2);
  CHECK(fs::exists(backup + "/VERSION"));
  CHECK(work->wait(std::chrono::seconds(60)) == 0);
  // Nothing is left of it where it was made.
  CHECK_FALSE(fs::exists(cluster.directory() + "/namenode/backup.new"));

  // What is there is not touched.
  const auto again = cluster.minidfs({"namenode", "backup", backup});
  CHECK(again.exit_code == 1);
  CHECK_THAT(again.err, Catch::Contains("is not empty"));
  CHECK(cluster.minidfs({"namenode", "backup", tree + "/0/0"}).exit_code == 1);
  CHECK(cluster.minidfs({"namenode", "backup", cluster.directory() + "/none/backup"}).exit_code ==
        1);
  fs::create_directory(cluster.directory() + "/empty");
  CHECK(cluster.minidfs({"namenode", "backup", cluster.directory() + "/empty/"}).exit_code == 0);
  CHECK(entries_in(cluster.directory() + "/empty") == 2);
}

TEST_CASE("a backup goes where a link leads, and to no mount point") {
  const TestCluster cluster({.datanodes = 0, .environment = {}});
  const auto in = [&](const std::string& name) { return cluster.directory() + "/" + name; };
  fs::create_directory(in("place"));
  fs::create_directory_symlink("place", in("link"));
  const auto taken = cluster.minidfs({"namenode", "backup", in("link")});
  INFO(taken.err);
  CHECK(taken.exit_code == 0);
  CHECK(fs::is_symlink(in("link")));
  CHECK(entries_in(in("place")) == 2);
  // Said before anything is copied.
  const auto mounted = cluster.minidfs({"namenode", "backup", "/proc"});
  CHECK(mounted.exit_code == 1);
  CHECK_THAT(mounted.err, Catch::Contains("/proc: is a mount point"));
  CHECK(cluster.minidfs({"namenode", "backup", ""}).exit_code == 2);
}

TEST_CASE("a backup that knows all is gone back to without a word") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 3'000'000);
  REQUIRE(cluster.minidfs({"put", local, "/a"}).exit_code == 0);
  const auto backup = backup_in_peace(cluster);
  go_back(cluster, backup);
  CHECK_THAT(cluster.namenode().log(), Catch::Contains("another life of the namespace begins"));
  REQUIRE(cluster.wait_for_live(3));
  CHECK((cluster.minidfs({"cat", "/a"}).out == read_file(local)));
  CHECK(cluster.minidfs({"put", local, "/b"}).exit_code == 0);
}

TEST_CASE("from a backup one goes on with what it holds, once an operator has said so") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 3'000'000);
  const auto other = cluster.make_file("b", 2'000'000, 2);
  REQUIRE(cluster.minidfs({"put", "--block-size", "1MiB", local, "/a"}).exit_code == 0);
  REQUIRE(cluster.minidfs({"put", local, "/kept"}).exit_code == 0);
  const auto backup = cluster.directory() + "/backup";
  REQUIRE(cluster.minidfs({"namenode", "backup", backup}).exit_code == 0);
  REQUIRE(cluster.minidfs({"put", other, "/b"}).exit_code == 0);
  REQUIRE(cluster.minidfs({"mv", "/a", "/c"}).exit_code == 0);

  wait_until_heard(cluster);

  // Twice: the second time from a life that the backup has never heard of.
  for (int i = 0; i < 2; ++i) {
    go_back(cluster, backup);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (status(cluster).at("behind") != true) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    CHECK((cluster.minidfs({"cat", "/a"}).out == read_file(local)));
    CHECK(cluster.minidfs({"put", other, "/d"}).exit_code == 1);
    REQUIRE(cluster.minidfs({"safemode", "leave", "--accept-older-namespace"}).exit_code == 0);
    REQUIRE(cluster.wait_for_live(3));
    CHECK((cluster.minidfs({"cat", "/a"}).out == read_file(local)));
    CHECK((cluster.minidfs({"cat", "/kept"}).out == read_file(local)));
    CHECK(cluster.minidfs({"cat", "/b"}).exit_code == 1);
    CHECK(cluster.minidfs({"fsck"}).exit_code == 0);
    REQUIRE(cluster.minidfs({"put", other, "/d"}).exit_code == 0);
    CHECK((cluster.minidfs({"cat", "/d"}).out == read_file(other)));
    fs::remove_all(cluster.directory() + "/namenode.newer");
  }
  // The life that began is one that goes on.
  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(3));
  CHECK((cluster.minidfs({"cat", "/d"}).out == read_file(other)));
}

}  // namespace minidfs::test
