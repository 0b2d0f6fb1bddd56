// How processes begin and end: with closed descriptors, at signals, with a log that nobody reads.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "base/file.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

constexpr std::chrono::seconds kSoon{20};

// The command, run with its standard descriptors closed as `closed` says in the shell's words.
std::vector<std::string> closing(const std::string& closed,
                                 const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"/bin/sh", "-c", "exec \"$0\" \"$@\" " + closed, MINIDFS_BINARY};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Finished run_closing(const TestCluster& cluster, const std::string& closed,
                     const std::vector<std::string>& arguments) {
  return run(closing(closed, arguments), {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
}

ClusterOptions few(std::size_t datanodes) {
  ClusterOptions options;
  options.datanodes = datanodes;
  return options;
}

std::string port_flag(const std::string& address) {
  return "--port=" + address.substr(address.rfind(':') + 1);
}

}  // namespace

TEST_CASE("roles that are started without descriptors serve, and log into nobody's files") {
  TestCluster cluster(few(1));
  const auto source = cluster.make_file("source", 300'000);
  const auto lock = cluster.directory() + "/namenode/lock";
  cluster.kill_all();

  Process namenode(
      closing("<&- >&- 2>&-", {"--role=namenode", port_flag(cluster.namenode_address()),
                               "--data-dir=" + cluster.directory() + "/namenode"}),
      cluster.directory() + "/unused.log");
  Process datanode(closing("<&- >&- 2>&-", {"--role=datanode", "--port=0",
                                            "--namenode=" + cluster.namenode_address(),
                                            "--data-dir=" + cluster.datanode_directory(0)}),
                   cluster.directory() + "/unused.log");
  REQUIRE(cluster.wait_for_live(1));
  REQUIRE(cluster.minidfs({"put", source, "/a"}).exit_code == 0);
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(source));
  CHECK(read_file(lock).find("listening") == std::string::npos);
  CHECK(read_file(cluster.datanode_directory(0) + "/lock").find("listening") == std::string::npos);
  CHECK(namenode.running());
  CHECK(datanode.running());
}

TEST_CASE("a verb whose output is closed says so, and one whose input is closed stores nothing") {
  TestCluster cluster(few(1));
  const auto source = cluster.make_file("source", 300'000);
  REQUIRE(cluster.minidfs({"put", source, "/a"}).exit_code == 0);

  const auto cat = run_closing(cluster, ">&-", {"cat", "/a"});
  CHECK(cat.exit_code == 1);
  CHECK(cat.err == "minidfs: /a: standard output: Bad file descriptor\n");
  CHECK(run_closing(cluster, "<&- >&- 2>&-", {"cat", "/a"}).exit_code == 1);
  CHECK(run_closing(cluster, "<&- 2>&-", {"cat", "/a"}).out == read_file(source));

  const auto put = run_closing(cluster, "<&-", {"put", "-", "/b"});
  CHECK(put.exit_code == 1);
  CHECK(put.err.find("standard input: Bad file descriptor") != std::string::npos);
  CHECK(cluster.minidfs({"stat", "/b"}).exit_code == 1);
}

TEST_CASE("SIGHUP opens the log file anew, and the role goes on") {
  TestCluster cluster(few(0));
  const auto log = cluster.directory() + "/the.log";
  Process namenode({MINIDFS_BINARY, "--role=namenode", "--port=0", "--log-file=" + log,
                    "--data-dir=" + cluster.directory() + "/other"},
                   log);
  REQUIRE_FALSE(namenode.wait_for_line("listening on ").empty());
  std::filesystem::rename(log, log + ".1");
  namenode.signal(SIGHUP);
  REQUIRE_FALSE(namenode.wait_for_line("SIGHUP: the log goes on here").empty());
  namenode.signal(SIGTERM);
  CHECK(namenode.wait(kSoon) == 0);
  CHECK(read_file(log).find("stopping (SIGTERM)") != std::string::npos);
  CHECK(read_file(log + ".1").find("stopping") == std::string::npos);
}

TEST_CASE("a role whose log nobody reads serves and stops as ever") {
  TestCluster cluster(few(0));
  const auto pipe = cluster.directory() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  const int filler = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(filler >= 0);
  const std::string page(4096, '.');
  while (::write(filler, page.data(), page.size()) > 0) {
  }
  ::close(filler);

  cluster.kill_namenode();
  Process namenode({MINIDFS_BINARY, "--role=namenode", port_flag(cluster.namenode_address()),
                    "--log-file=" + pipe, "--data-dir=" + cluster.directory() + "/namenode"},
                   cluster.directory() + "/unused.log");
  CHECK(cluster.minidfs({"stat", "--timeout=20s", "/"}).exit_code == 0);
  namenode.signal(SIGTERM);
  CHECK(namenode.wait(kSoon) == 0);
  ::close(reader);
}

TEST_CASE("a start that takes long ends at SIGTERM") {
  TestCluster cluster(few(0));
  // The VERSION file is a pipe that nobody writes to: reading it takes for ever.
  const auto directory = cluster.directory() + "/slow";
  const auto version = directory + "/VERSION";
  std::filesystem::create_directories(directory);
  REQUIRE(::mkfifo(version.c_str(), 0600) == 0);
  const auto log = cluster.directory() + "/slow.log";
  Process datanode({MINIDFS_BINARY, "--role=datanode", "--port=0", "--data-dir=" + directory}, log);
  // The pipe can be opened at this end as soon as somebody reads it.
  UniqueFd writer;
  while (!writer && datanode.wait(std::chrono::milliseconds(20)) == -1) {
    writer = UniqueFd(::open(version.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }
  REQUIRE(writer.get() >= 0);
  datanode.signal(SIGTERM);
  CHECK(datanode.wait(kSoon) == 0);
  CHECK(datanode.log().find("stopping (SIGTERM)") != std::string::npos);
}

TEST_CASE("a verb that a signal ends leaves nothing behind and gives 128 and the signal") {
  TestCluster cluster(few(1));
  REQUIRE(cluster.minidfs({"put", cluster.make_file("source", 3'000'000), "/a"}).exit_code == 0);
  const auto local = cluster.directory() + "/local";
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::filesystem::create_directories(local);
    // A stopped datanode: the verb waits in the middle of its work.
    cluster.datanode(0).signal(SIGSTOP);
    auto get = cluster.start_minidfs({"get", "--timeout=60s", "/a", local + "/a"}, "get.log");
    CHECK(get->wait(std::chrono::milliseconds(300)) == -1);
    get->signal(number);
    CHECK(get->wait(kSoon) == 128 + number);
    CHECK(get->log().empty());
    cluster.datanode(0).signal(SIGCONT);
    CHECK(std::filesystem::is_empty(local));
    std::filesystem::remove(cluster.directory() + "/get.log");
  }
}

TEST_CASE("a verb whose reader goes away ends without a word") {
  TestCluster cluster(few(1));
  REQUIRE(cluster.minidfs({"put", cluster.make_file("source", 3'000'000), "/a"}).exit_code == 0);
  const auto cat = run(
      {"/bin/bash", "-c", "\"$0\" cat /a /a | head -c 10; exit ${PIPESTATUS[0]}", MINIDFS_BINARY},
      {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
  CHECK(cat.err.empty());
  CHECK(cat.out.size() == 10);
  CHECK(cat.exit_code == 128 + SIGPIPE);
}

TEST_CASE("a datanode takes its namenode from MINIDFS_NAMENODE") {
  TestCluster cluster(few(0));
  Process datanode(
      {MINIDFS_BINARY, "--role=datanode", "--port=0", "--data-dir=" + cluster.directory() + "/d"},
      cluster.directory() + "/d.log", {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
  CHECK(cluster.wait_for_live(1));
}

}  // namespace minidfs::test
