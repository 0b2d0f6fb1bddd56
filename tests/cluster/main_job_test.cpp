// The main job: files go in and come back, whole and byte for byte.
#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cluster/test_cluster.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::test {
namespace {

constexpr std::size_t kBlock = 1 << 20;

}  // namespace

TEST_CASE("a file comes back byte for byte by cat and by get, whatever its size") {
  TestCluster cluster;
  const std::size_t sizes[] = {
      0, 1, 65535, 65536, 65537, kBlock - 1, kBlock, kBlock + 1, 3 * kBlock + 12345};
  for (const std::size_t size : sizes) {
    const auto name = "f" + std::to_string(size);
    const auto local = cluster.make_file(name, size, static_cast<unsigned>(size));
    const auto put = cluster.minidfs({"put", "--block-size", "1MiB", local, "/" + name});
    INFO(put.err);
    REQUIRE(put.exit_code == 0);
    const auto cat = cluster.minidfs({"cat", "/" + name});
    REQUIRE(cat.exit_code == 0);
    CHECK(cat.out == read_file(local));
    const auto copy = local + ".copy";
    REQUIRE(cluster.minidfs({"get", "/" + name, copy}).exit_code == 0);
    CHECK(read_file(copy) == read_file(local));
  }
}

TEST_CASE("standard input becomes a file, compressed or not") {
  TestCluster cluster;
  const std::string text = [] {
    std::string lines;
    for (int i = 0; i < 100000; ++i) lines += "line " + std::to_string(i) + "\n";
    return lines;
  }();
  for (const std::string compression : {"none", "zstd", "zstd:9", "auto"}) {
    const auto path = "/text-" + std::to_string(compression.size()) + compression.substr(0, 1);
    const auto put = cluster.minidfs({"put", "--compression", compression, "-", path}, text);
    INFO(put.err);
    REQUIRE(put.exit_code == 0);
    CHECK(cluster.minidfs({"cat", path}).out == text);
  }
}

TEST_CASE("a tree goes in and comes back with put -r and get -r") {
  TestCluster cluster;
  for (unsigned i = 0; i < 600; ++i) {
    cluster.make_file("tree/d" + std::to_string(i % 7) + "/f" + std::to_string(i), 10 + i * 13, i);
  }
  cluster.make_file("tree/big", 5 << 20, 7);
  std::filesystem::create_directories(cluster.directory() + "/tree/empty");
  const auto put = cluster.minidfs({"put", "-r", cluster.directory() + "/tree", "/tree"});
  INFO(put.err);
  REQUIRE(put.exit_code == 0);
  const auto get = cluster.minidfs({"get", "-r", "/tree", cluster.directory() + "/back"});
  INFO(get.err);
  REQUIRE(get.exit_code == 0);
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(cluster.directory() + "/tree")) {
    const auto relative = std::filesystem::relative(entry.path(), cluster.directory() + "/tree");
    const auto back = std::filesystem::path(cluster.directory() + "/back") / relative;
    REQUIRE(std::filesystem::exists(back));
    if (!entry.is_regular_file()) continue;
    CHECK(read_file(entry.path()) == read_file(back));
    ++files;
  }
  CHECK(files == 601);
}

TEST_CASE("the shell verbs agree about the namespace") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 1000);
  REQUIRE(cluster.minidfs({"mkdir", "-p", "/x/y"}).exit_code == 0);
  REQUIRE(cluster.minidfs({"put", local, "/x/y/a"}).exit_code == 0);
  CHECK(cluster.minidfs({"put", local, "/x/y/a"}).exit_code == 1);
  CHECK(cluster.minidfs({"put", "-f", local, "/x/y/a"}).exit_code == 0);
  REQUIRE(cluster.minidfs({"mv", "/x/y/a", "/x/b"}).exit_code == 0);
  CHECK(cluster.minidfs({"stat", "/x/y/a"}).exit_code == 1);
  CHECK(cluster.minidfs({"ls", "/x"}).out == "b\ny\n");
  CHECK(cluster.minidfs({"rm", "/x"}).exit_code == 1);
  REQUIRE(cluster.minidfs({"rm", "-r", "/x"}).exit_code == 0);
  CHECK(cluster.minidfs({"ls", "/"}).out.empty());
}

TEST_CASE("status shows nodes, blocks and safe mode as JSON") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 2 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "1MiB", local, "/a"}).exit_code == 0);
  const auto status = nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
  CHECK(status.at("safe_mode") == false);
  CHECK(status.at("blocks").at("total") == 2);
  CHECK(status.at("blocks").at("under_replicated") == 0);
  CHECK(status.at("blocks").at("missing") == 0);
  REQUIRE(status.at("nodes").size() == 3);
  for (const auto& node : status.at("nodes")) {
    CHECK(node.at("state") == "live");
    CHECK(node.at("blocks") == 2);
  }
}

TEST_CASE("ten thousand small files are fewer than 200 files on a datanode") {
  TestCluster cluster;
  for (unsigned i = 0; i < 10000; ++i) {
    cluster.make_file("many/" + std::to_string(i % 100) + "/" + std::to_string(i), 4096, i);
  }
  const auto put = cluster.minidfs({"put", "-r", cluster.directory() + "/many", "/many"});
  INFO(put.err);
  REQUIRE(put.exit_code == 0);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::filesystem::recursive_directory_iterator files(cluster.datanode_directory(i));
    CHECK(std::count_if(begin(files), end(files),
                        [](const auto& entry) { return entry.is_regular_file(); }) < 200);
  }
}

TEST_CASE("a whole cluster runs in one process") {
  const TemporaryDirectory directory;
  Process local({MINIDFS_BINARY, "--role=local", "--datanodes=2", "--port=0",
                 "--data-dir=" + directory.path()},
                directory.file("log"), {"MINIDFS_DATANODE_PORT=0"});
  const auto line = local.wait_for_line("namenode: listening on ");
  REQUIRE_FALSE(line.empty());
  const auto at = line.find("127.0.0.1:");
  const auto address = line.substr(at, line.find(',', at) - at);
  const std::vector<std::string> environment{"MINIDFS_NAMENODE=" + address,
                                             "MINIDFS_CLIENT_REPLICATION=2"};
  REQUIRE(run({MINIDFS_BINARY, "put", "-", "/hello"}, environment, "hello\n").exit_code == 0);
  CHECK(run({MINIDFS_BINARY, "cat", "/hello"}, environment).out == "hello\n");
  local.signal(SIGTERM);
  CHECK(local.wait(std::chrono::milliseconds(4000)) == 0);
}

}  // namespace minidfs::test
