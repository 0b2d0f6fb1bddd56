// Directories that other versions have left behind. directories-with-libraft.tar.gz holds those of
// a namenode and a datanode of before the log was our own (format 2), both killed: 8 files in /d of
// 100 lines each, of which f0 was moved to /moved and f1 removed after a restart, and /last.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cluster/namenode_cluster.hpp"

namespace minidfs::test {
namespace {

using namespace std::chrono_literals;

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string lines_of(const std::string& name) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "bytes of " + name + "\n";
  return text;
}

void stop(Process& process) {
  process.signal(SIGTERM);
  REQUIRE(process.wait(30s) == 0);
}

std::string cat(const NamenodeCluster& cluster, const std::string& path) {
  const auto finished = cluster.minidfs({"cat", path});
  UNSCOPED_INFO(finished.err << cluster.logs());
  return finished.out;
}

// As its only line, when it is started.
void check_refused(const std::vector<std::string>& arguments, const std::string& why) {
  const auto finished = run(arguments);
  CHECK(finished.exit_code > 0);
  CHECK_THAT(finished.err, Catch::Contains(why));
}

}  // namespace

TEST_CASE("directories of before the own log go on in this version, and not back") {
  NamenodeCluster cluster(1, 1);
  stop(cluster.namenode(0));
  stop(cluster.datanode(0));
  const auto namenode = cluster.namenode_directory(0);
  const auto datanode = cluster.directory() + "/datanode0";
  std::filesystem::remove_all(namenode);
  std::filesystem::remove_all(datanode);
  REQUIRE(run({"/bin/tar", "-xzf", OLDER_DIRECTORIES, "-C", cluster.directory()}).exit_code == 0);
  std::filesystem::rename(cluster.directory() + "/namenode", namenode);
  std::filesystem::rename(cluster.directory() + "/datanode", datanode);
  REQUIRE_THAT(content(namenode + "/VERSION"), Catch::StartsWith("format=2\n"));
  REQUIRE(std::filesystem::exists(namenode + "/raft/open-1"));

  cluster.start_namenode(0, false);
  cluster.start_datanode(0);
  CHECK_THAT(content(namenode + "/VERSION"), Catch::StartsWith("format=4\n"));
  CHECK_FALSE(std::filesystem::exists(namenode + "/raft/open-1"));
  for (int restarts = 0; restarts < 2; ++restarts) {
    CHECK(cat(cluster, "/moved") == lines_of("f0"));
    CHECK(cat(cluster, "/d/f7") == lines_of("f7"));
    CHECK(cat(cluster, "/last") == "the last one\n");
    CHECK(cluster.minidfs({"stat", "/d/f1"}).exit_code == 1);
    cluster.namenode(0).kill_and_wait();
    cluster.start_namenode(0, false);
  }
  CHECK(cluster.minidfs({"put", "--replication", "1", "-", "/new"}, "new").exit_code == 0);
}

TEST_CASE("a directory of a newer format is refused with its name and both numbers") {
  NamenodeCluster cluster(1, 1);
  stop(cluster.namenode(0));
  stop(cluster.datanode(0));
  for (const auto& [role, directory, formats] :
       {std::tuple("--role=namenode", cluster.namenode_directory(0), std::pair("5", "4")),
        std::tuple("--role=datanode", cluster.directory() + "/datanode0", std::pair("2", "1"))}) {
    const auto version = directory + "/VERSION";
    std::ofstream(version) << "format=" << formats.first << "\nsomething=new\n";
    check_refused(
        {MINIDFS_BINARY, role, "--port=0", "--data-dir=" + directory},
        version + ": format " + formats.first + " is newer than this program's " + formats.second);
    CHECK_THAT(content(version), Catch::Contains("something=new"));
  }
}

}  // namespace minidfs::test
