// Several namenodes as processes: joining, failing over, leaving, and what must not join.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/namenode_cluster.hpp"

namespace minidfs::test {
namespace {

using namespace std::chrono_literals;

// A verb must succeed; what it printed.
std::string must(const NamenodeCluster& cluster, const std::vector<std::string>& words,
                 const std::string& input = {}) {
  const auto finished = cluster.minidfs(words, input);
  INFO(finished.err);
  INFO(cluster.logs());
  REQUIRE(finished.exit_code == 0);
  return finished.out;
}

void put(const NamenodeCluster& cluster, const std::string& path, const std::string& bytes) {
  must(cluster, {"put", "--replication", "1", "-", path}, bytes);
}

// One line on standard error, which says why; the process has ended with an error.
void check_refused(Process& process, const std::string& why) {
  const int exit_code = process.wait(30s);
  INFO(process.log());
  CHECK(exit_code > 0);
  CHECK_THAT(process.log(), Catch::Contains("minidfs: ") && Catch::Contains(why));
}

void overwrite(const std::string& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
  REQUIRE(file.good());
}

bool all_hold_the_same(const NamenodeCluster& cluster) {
  const auto finished = cluster.minidfs({"quorum", "verify", "--json"});
  UNSCOPED_INFO(finished.out << finished.err);
  if (finished.exit_code != 0) return false;
  const auto json = nlohmann::json::parse(finished.out);
  return json.at("same") == true && json.at("members").size() == cluster.namenodes();
}

}  // namespace

TEST_CASE("three namenodes go on when the one that leads is killed, and again when it is back") {
  NamenodeCluster cluster;
  put(cluster, "/before", "written by the first leader");
  const auto first = cluster.leader();
  cluster.namenode(first).kill_and_wait();
  put(cluster, "/after", "written by the second leader");
  CHECK(must(cluster, {"cat", "/before"}) == "written by the first leader");
  const auto second = cluster.leader();
  CHECK(second != first);
  cluster.start_namenode(first);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(all_hold_the_same(cluster));
  cluster.namenode(second).kill_and_wait();
  CHECK(must(cluster, {"cat", "/after"}) == "written by the second leader");
  must(cluster, {"mkdir", "/third"});
  CHECK(cluster.leader() != second);
}

TEST_CASE("what was acknowledged is there when all namenodes were killed at once") {
  NamenodeCluster cluster;
  for (int i = 0; i < 20; ++i) must(cluster, {"mkdir", "/d" + std::to_string(i)});
  for (std::size_t i = 0; i < 3; ++i) cluster.namenode(i).signal(SIGKILL);
  for (std::size_t i = 0; i < 3; ++i) cluster.namenode(i).kill_and_wait();
  for (std::size_t i = 0; i < 3; ++i) cluster.start_namenode(i);
  const auto names = must(cluster, {"ls", "/"});
  CHECK(std::count(names.begin(), names.end(), '\n') == 20);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(all_hold_the_same(cluster));
}

TEST_CASE("a namenode hands its leadership over, by request and when it is stopped") {
  NamenodeCluster cluster(3, 0);
  const auto first = cluster.leader();
  const auto next = (first + 1) % 3;
  must(cluster, {"quorum", "transfer", cluster.id_of(next)});
  CHECK(cluster.leader() == next);
  must(cluster, {"quorum", "transfer"});
  const auto third = cluster.leader();
  CHECK(third != next);
  cluster.namenode(third).signal(SIGTERM);
  CHECK(cluster.namenode(third).wait(20s) == 0);
  must(cluster, {"mkdir", "/d"});
  CHECK(cluster.leader() != third);
}

TEST_CASE("a namenode that was removed is told, and does not start again") {
  NamenodeCluster cluster(3, 0);
  const auto gone = (cluster.leader() + 1) % 3;
  must(cluster, {"quorum", "remove", cluster.id_of(gone)});
  CHECK(cluster.wait_for([](const auto& quorum) { return quorum.at("members").size() == 2; }));
  CHECK(cluster.namenode(gone).wait(30s) > 0);
  auto again = cluster.start_stranger("namenode" + std::to_string(gone), {});
  check_refused(*again, "was removed from its cluster");
  must(cluster, {"mkdir", "/d"});
}

TEST_CASE("a namenode that lost its disk joins again at its old address, in its own place") {
  NamenodeCluster cluster(3, 0);
  must(cluster, {"mkdir", "/d"});
  const auto lost = (cluster.leader() + 1) % 3;
  const auto before = cluster.id_of(lost);
  cluster.namenode(lost).kill_and_wait();
  std::filesystem::remove_all(cluster.namenode_directory(lost));
  cluster.start_namenode(lost);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(cluster.id_of(lost) != before);
  CHECK(all_hold_the_same(cluster));
}

TEST_CASE("a namenode with a damaged log or database joins again by itself, under another id") {
  NamenodeCluster cluster(3, 0);
  for (int i = 0; i < 20; ++i) must(cluster, {"mkdir", "/d" + std::to_string(i)});
  REQUIRE(cluster.wait_for_voters(3));
  const auto damaged = (cluster.leader() + 1) % 3;
  const auto before = cluster.id_of(damaged);
  cluster.namenode(damaged).kill_and_wait();
  const auto directory = cluster.namenode_directory(damaged);
  SECTION("its log") { overwrite(directory + "/raft/segment-00000001", 4096 + 80, "spoilt"); }
  SECTION("its database") { overwrite(directory + "/namespace.db", 0, "spoilt"); }
  cluster.start_namenode(damaged, false);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(cluster.id_of(damaged) != before);
  CHECK(all_hold_the_same(cluster));
  CHECK_THAT(cluster.namenode(damaged).log(), Catch::Contains("taken in anew"));
  // It goes on as that member.
  cluster.namenode(damaged).kill_and_wait();
  cluster.start_namenode(damaged, false);
  REQUIRE(cluster.wait_for_voters(3));
}

TEST_CASE("a namenode whose disk went back in time ends, and joins again when it is started") {
  NamenodeCluster cluster(3, 0);
  must(cluster, {"mkdir", "/d"});
  REQUIRE(cluster.wait_for_voters(3));
  const auto back = (cluster.leader() + 1) % 3;
  const auto before = cluster.id_of(back);
  const auto directory = cluster.namenode_directory(back);
  cluster.namenode(back).kill_and_wait();
  std::filesystem::copy(directory, directory + ".copy", std::filesystem::copy_options::recursive);
  cluster.start_namenode(back, false);
  for (int i = 0; i < 20; ++i) must(cluster, {"mkdir", "/d" + std::to_string(i)});
  REQUIRE(cluster.wait_for_voters(3));
  cluster.namenode(back).kill_and_wait();
  std::filesystem::remove_all(directory);
  std::filesystem::rename(directory + ".copy", directory);
  cluster.start_namenode(back, false);
  CHECK(cluster.namenode(back).wait(30s) > 0);
  CHECK_THAT(cluster.namenode(back).log(), Catch::Contains("rolled back"));
  cluster.start_namenode(back, false);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(cluster.id_of(back) != before);
  CHECK(all_hold_the_same(cluster));
}

TEST_CASE("what cannot join says so in one line, and harms nobody") {
  NamenodeCluster cluster(1, 1);
  const auto own = [](std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
  SECTION("nobody is there") {
    auto process = cluster.start_stranger("a", {"--join=127.0.0.1:1"});
    check_refused(*process, "--join: 127.0.0.1:1: Connection refused");
  }
  SECTION("a datanode is there") {
    auto process = cluster.start_stranger("a", {"--join=" + own(cluster.datanode_port(0))});
    check_refused(*process, "--join: " + own(cluster.datanode_port(0)));
  }
  SECTION("the cluster is known by an address of its machine only") {
    auto process = cluster.start_stranger(
        "a", {"--join=" + cluster.address(0), "--advertise=namenode.example:8020"});
    check_refused(*process, "cannot be reached there from other machines");
  }
  SECTION("it is known by such an address itself") {
    const auto own_address = GENERATE("127.0.0.1", "LOCALHOST");
    auto process =
        cluster.start_stranger("a", {std::string("--listen=") + own_address, "--join=192.0.2.1"});
    check_refused(*process, "cannot be reached from the machine of 192.0.2.1");
  }
  SECTION("a newer version has written the directory") {
    const auto directory = cluster.directory() + "/a";
    std::filesystem::create_directories(directory + "/raft");
    std::ofstream(directory + "/VERSION") << "format=99\n";
    auto process = cluster.start_stranger("a", {"--join=" + cluster.address(0)});
    check_refused(*process, "newer");
  }
  SECTION("the directory holds something else") {
    const auto directory = cluster.directory() + "/a";
    std::filesystem::create_directories(directory + "/photos");
    auto process = cluster.start_stranger("a", {"--join=" + cluster.address(0)});
    check_refused(*process, "holds 'photos'");
  }
  must(cluster, {"mkdir", "/d"});
  CHECK(cluster.quorum().at("members").size() == 1);
  CHECK_FALSE(std::filesystem::exists(cluster.directory() + "/a/namespace.db"));
}

TEST_CASE("of two processes with one directory copied the second is refused") {
  NamenodeCluster cluster(3, 0);
  must(cluster, {"mkdir", "/d"});
  const auto copied = (cluster.leader() + 1) % 3;
  // A copy of a directory that is in use is what this must survive; the lock is not copied.
  std::filesystem::copy(cluster.namenode_directory(copied), cluster.directory() + "/copy",
                        std::filesystem::copy_options::recursive);
  auto twin = cluster.start_stranger("copy", {});
  CHECK(twin->wait(40s) > 0);
  CHECK_THAT(twin->log(), Catch::Contains("another process takes part as member"));
  must(cluster, {"mkdir", "/e"});
  REQUIRE(cluster.wait_for_voters(3));
  CHECK(all_hold_the_same(cluster));
}

TEST_CASE("a directory that is not empty ignores --join") {
  NamenodeCluster cluster(1, 0);
  cluster.namenode(0).kill_and_wait();
  cluster.start_namenode(0, true);
  must(cluster, {"mkdir", "/d"});
}

TEST_CASE(
    "a namenode that follows answers reads within their bound, and none that it may have missed") {
  NamenodeCluster cluster(3, 0);
  must(cluster, {"mkdir", "/before"});
  const auto follower = (cluster.leader() + 1) % 3;
  const auto signal_others = [&](int number) {
    cluster.namenode((follower + 1) % 3).signal(number);
    cluster.namenode((follower + 2) % 3).signal(number);
  };
  const auto stat = [&](const std::string& path, const std::string& stale) {
    return cluster.minidfs({"stat", path, "--stale=" + stale, "--timeout=2s",
                            "--namenode=" + cluster.address(follower)});
  };
  // Soon it knows how old its state is, and answers though none leads.
  bool answers = false;
  for (int i = 0; i < 20 && !answers; ++i) {
    signal_others(SIGSTOP);
    answers = stat("/before", "1h").exit_code == 0;
    signal_others(SIGCONT);
  }
  REQUIRE(answers);

  cluster.namenode(follower).signal(SIGSTOP);
  must(cluster, {"mkdir", "/unseen"});
  const auto missed_at = std::chrono::steady_clock::now();
  signal_others(SIGSTOP);
  std::this_thread::sleep_until(missed_at + 1100ms);  // Longer than the bound.
  cluster.namenode(follower).signal(SIGCONT);
  // It has no way to know that there is nothing new, or who leads.
  const auto refused = stat("/unseen", "1s");
  INFO(refused.err);
  CHECK(refused.exit_code == 3);
  CHECK(stat("/before", "1s").exit_code == 3);
  CHECK(stat("/before", "1h").exit_code == 0);

  signal_others(SIGCONT);
  // The one that led knows no better what it has missed than others do.
  const auto found = cluster.minidfs({"stat", "/unseen", "--stale=1s"});
  INFO(found.err);
  CHECK(found.exit_code == 0);
}

TEST_CASE("fsck right after a takeover misses no block that a datanode is about to tell of") {
  NamenodeCluster cluster;
  for (int i = 0; i < 3; ++i) {
    const auto leader = cluster.leader();
    put(cluster, "/f" + std::to_string(i), "the next leader has not been told where this is");
    cluster.namenode(leader).kill_and_wait();
    const auto checked = cluster.minidfs({"fsck"});
    INFO(checked.out << checked.err);
    INFO(cluster.logs());
    CHECK(checked.exit_code == 0);
    CHECK_THAT(checked.out, Catch::EndsWith("/ is healthy\n"));
    cluster.start_namenode(leader);
    REQUIRE(cluster.wait_for_voters(3));
  }
}

TEST_CASE("quorum tells what the namenodes know that are left when none leads") {
  NamenodeCluster cluster(3, 0);
  must(cluster, {"mkdir", "/d"});
  const auto left = (cluster.leader() + 1) % 3;
  const auto id = cluster.id_of(left);
  const auto dead = (left + 1) % 3;
  const auto stopped = (left + 2) % 3;
  cluster.namenode(dead).kill_and_wait();
  cluster.namenode(stopped).signal(SIGSTOP);
  for (const auto& asked : {cluster.addresses(), cluster.address(left)}) {
    const auto finished = cluster.minidfs({"quorum", "--json", "--namenode=" + asked});
    INFO(finished.err);
    CHECK(finished.exit_code == 3);
    CHECK_THAT(finished.err, Catch::Contains("no namenode leads: 1 of 3 voters can be reached"));
    const auto json = nlohmann::json::parse(finished.out);
    CHECK(json.at("leader").is_null());
    REQUIRE(json.at("members").size() == 3);
    for (const auto& each : json.at("members")) {
      CHECK(each.at("state") == (each.at("id") == id ? "follower" : "unreachable"));
      CHECK(each.at("address") != "");
    }
  }
  cluster.namenode(stopped).signal(SIGCONT);
  CHECK(cluster.quorum().at("members").size() == 3);
}

TEST_CASE("three namenodes run in one process") {
  NamenodeCluster cluster(0, 0);
  const auto log = cluster.directory() + "/local.log";
  Process local({MINIDFS_BINARY, "--role=local", "--namenodes=3", "--datanodes=1", "--port=0",
                 "--data-dir=" + cluster.directory() + "/local"},
                log, {"MINIDFS_DATANODE_PORT=0"});
  const auto line = local.wait_for_line("namenode: listening on ");
  INFO(local.log());
  REQUIRE_FALSE(local.wait_for_line("datanode: listening on ").empty());
  const auto from = line.find("listening on ") + 13;
  const auto address = line.substr(from, line.find(',', from) - from);
  const auto quorum = run({MINIDFS_BINARY, "quorum", "--json"}, {"MINIDFS_NAMENODE=" + address});
  INFO(quorum.err);
  REQUIRE(quorum.exit_code == 0);
  CHECK(nlohmann::json::parse(quorum.out).at("members").size() == 3);
  CHECK(run({MINIDFS_BINARY, "put", "--replication", "1", "-", "/x"},
            {"MINIDFS_NAMENODE=" + address}, "bytes")
            .exit_code == 0);
}

}  // namespace minidfs::test
