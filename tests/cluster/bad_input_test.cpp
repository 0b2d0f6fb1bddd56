// Bad input gets one clear line on standard error and a non-zero exit code.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "cluster/test_cluster.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::test {
namespace {

void check_refused(const Finished& finished, const std::string& what) {
  INFO("stderr: " << finished.err);
  CHECK(finished.exit_code != 0);
  CHECK(finished.exit_code < 128);
  CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  CHECK(finished.err.find(what) != std::string::npos);
}

}  // namespace

TEST_CASE("wrong words on the command line are refused with the word in the message") {
  check_refused(run({MINIDFS_BINARY, "ptu", "a", "/a"}), "put");
  check_refused(run({MINIDFS_BINARY, "put", "--replicaton", "2", "a", "/a"}), "--replication");
  check_refused(run({MINIDFS_BINARY, "put", "--block-size", "12Q", "a", "/a"}), "12Q");
  check_refused(run({MINIDFS_BINARY, "--role=nonode"}), "nonode");
  check_refused(run({MINIDFS_BINARY, "--role=namenode", "--data-dir=/tmp/x", "--port=70000"}),
                "70000");
}

TEST_CASE("an unreachable namenode is named within the time-out") {
  const auto start = std::chrono::steady_clock::now();
  const auto stat =
      run({MINIDFS_BINARY, "stat", "--timeout", "1s", "/"}, {"MINIDFS_NAMENODE=127.0.0.1:1"});
  check_refused(stat, "127.0.0.1:1");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("bad paths and missing files are refused by name") {
  TestCluster cluster;
  check_refused(cluster.minidfs({"put", "/no/such/file", "/a"}), "/no/such/file");
  check_refused(cluster.minidfs({"cat", "/missing"}), "/missing");
  check_refused(cluster.minidfs({"stat", "relative"}), "relative");
  check_refused(cluster.minidfs({"mkdir", "/a/../b"}), "..");
  check_refused(cluster.minidfs({"mkdir", "/" + std::string(256, 'x')}), "255");
  REQUIRE(cluster.minidfs({"mkdir", "/" + std::string(255, 'x')}).exit_code == 0);
  REQUIRE(cluster.minidfs({"mkdir", "/\xff\xfe"}).exit_code == 0);
  CHECK(cluster.minidfs({"ls", "/"}).out.find("\xff\xfe") != std::string::npos);
}

TEST_CASE("no live datanode is said plainly") {
  TestCluster cluster({.datanodes = 0, .environment = {}});
  check_refused(cluster.minidfs({"put", "--timeout", "2s", "-", "/a"}, "hello"), "datanode");
}

TEST_CASE("a full datanode refuses, the file is not there and the space is given back") {
  TestCluster cluster({.datanodes = 1, .environment = {"MINIDFS_DATANODE_CAPACITY=64MiB"}});
  const auto local = cluster.make_file("big", 100 << 20);
  const auto put = cluster.minidfs(
      {"put", "--replication", "1", "--block-size", "8MiB", "--timeout", "3s", local, "/big"});
  check_refused(put, "/big");
  CHECK(cluster.minidfs({"stat", "/big"}).exit_code == 1);
  const auto fits = cluster.make_file("fits", 40 << 20);
  // The deletions travel with heartbeats, and so does the news of the free space.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Finished again;
  do {
    again = cluster.minidfs({"put", "--replication", "1", "--block-size", "8MiB", fits, "/fits"});
  } while (again.exit_code != 0 && std::chrono::steady_clock::now() < deadline);
  INFO(again.err);
  CHECK(again.exit_code == 0);
}

TEST_CASE("directories in use, of another cluster or damaged are refused and left alone") {
  TestCluster cluster({.datanodes = 1, .environment = {}});
  check_refused(run({MINIDFS_BINARY, "--role=namenode", "--port=0", "--log-level=off",
                     "--data-dir=" + cluster.directory() + "/namenode"}),
                cluster.directory() + "/namenode");
  check_refused(run({MINIDFS_BINARY, "--role=datanode", "--port=0", "--log-level=off",
                     "--data-dir=" + cluster.datanode_directory(0)}),
                cluster.datanode_directory(0));
  TestCluster other({.datanodes = 0, .environment = {}});
  cluster.kill_datanode(0);
  Process stranger(
      {MINIDFS_BINARY, "--role=datanode", "--port=0", "--namenode=" + other.namenode_address(),
       "--data-dir=" + cluster.datanode_directory(0)},
      cluster.directory() + "/stranger.log");
  const int exit_code = stranger.wait(std::chrono::seconds(10));
  INFO(stranger.log());
  CHECK(exit_code > 0);
  CHECK(exit_code < 128);
  CHECK(stranger.log().find("cluster") != std::string::npos);

  cluster.kill_namenode();
  const auto database = cluster.directory() + "/namenode/namespace.db";
  std::filesystem::remove(database + "-wal");
  std::ofstream(database, std::ios::binary) << "this is not a database";
  const auto damaged = run({MINIDFS_BINARY, "--role=namenode", "--port=0", "--log-level=off",
                            "--data-dir=" + cluster.directory() + "/namenode"});
  check_refused(damaged, "namespace.db");
  CHECK(read_file(database) == "this is not a database");
}

TEST_CASE("a port in use is named") {
  TestCluster cluster({.datanodes = 1, .environment = {}});
  const auto address = cluster.namenode_address();
  check_refused(run({MINIDFS_BINARY, "--role=namenode", "--log-level=off",
                     "--port=" + address.substr(address.find(':') + 1),
                     "--data-dir=" + cluster.directory() + "/second"}),
                address);
  check_refused(run({MINIDFS_BINARY, "--role=datanode", "--log-level=off",
                     "--port=" + std::to_string(cluster.datanode_port(0)),
                     "--data-dir=" + cluster.directory() + "/third"}),
                std::to_string(cluster.datanode_port(0)));
}

TEST_CASE("a configuration file with an unknown key is refused with its line") {
  const TemporaryDirectory directory;
  const auto file = directory.write("minidfs.toml", "[client]\nreplication = 2\nreplicatoin = 3\n");
  check_refused(run({MINIDFS_BINARY, "stat", "--config", file, "/"}), file + ":3");
}

}  // namespace minidfs::test
