// Disks whose calls do not return, on real processes: file calls are interposed.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

// Which calls hang below which directories of a cluster.
class Faults {
 public:
  Faults() { std::filesystem::remove(path_); }
  ~Faults() { heal(); }
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  ClusterOptions options() const {
    ClusterOptions options;
    options.environment = {"LD_PRELOAD=" FILE_FAULTS_CONTROL_LIBRARY,
                           "ASAN_OPTIONS=verify_asan_link_order=0", "FILE_FAULTS_CONTROL=" + path_,
                           "MINIDFS_DATANODE_DISK_TIMEOUT=2s"};
    return options;
  }
  void set(const std::vector<std::string>& lines) {
    std::ofstream file(path_ + ".new");
    for (const auto& line : lines) file << line << "\n";
    file.close();
    std::filesystem::rename(path_ + ".new", path_);
  }
  void heal() { std::filesystem::remove(path_); }

 private:
  const std::string path_ = "/tmp/minidfs-faults-" + std::to_string(::getpid());
};

bool wait_for_line(TestCluster& cluster, std::size_t datanode, const std::string& text) {
  return !cluster.datanode(datanode).wait_for_line(text).empty();
}

}  // namespace

TEST_CASE("with one of three disks hanging a put ends with two copies, and the disk comes back") {
  Faults faults;
  TestCluster cluster(faults.options());
  REQUIRE(cluster.wait_for_live(3));
  const std::string file = cluster.make_file("file", 3'000'000);
  const std::string before = read_file(file);
  REQUIRE(cluster.minidfs({"put", file, "/before"}).exit_code == 0);
  const std::string call = GENERATE("sync", "write", "open");
  INFO(call);
  faults.set({call + " " + cluster.datanode_directory(0) + " hang"});
  const auto put = cluster.minidfs({"put", file, "/during"});
  INFO(put.err);
  CHECK(put.exit_code == 0);
  CHECK(put.err.find("2 of 3 copies") != std::string::npos);
  CHECK(cluster.minidfs({"cat", "/during"}).out == before);
  CHECK(cluster.minidfs({"cat", "/before"}).out == before);
  CHECK(wait_for_line(cluster, 0, "hangs"));
  faults.heal();
  CHECK(wait_for_line(cluster, 0, "is back"));
  CHECK(cluster.minidfs({"put", file, "/after"}).exit_code == 0);
  CHECK(cluster.minidfs({"cat", "/after"}).out == before);
}

TEST_CASE("with every disk hanging a put fails and says so, and a datanode can still be stopped") {
  Faults faults;
  TestCluster cluster(faults.options());
  REQUIRE(cluster.wait_for_live(3));
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < 3; ++i) {
    lines.push_back("sync " + cluster.datanode_directory(i) + " hang");
  }
  faults.set(lines);
  const auto put = cluster.minidfs({"put", cluster.make_file("file", 3'000'000), "/file"});
  CHECK(put.exit_code != 0);
  CHECK_FALSE(put.err.empty());
  CHECK(wait_for_line(cluster, 1, "hangs"));
  cluster.datanode(0).signal(SIGTERM);
  CHECK(cluster.datanode(0).wait(std::chrono::seconds(20)) >= 0);
}

}  // namespace minidfs::test
