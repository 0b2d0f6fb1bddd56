// Clusters of two versions: this build, and the next one, which the same source was built as
// (tests/next_version). One process after the other is restarted with the newer one, and nothing
// stops. What the next version adds can be seen: its answer to `stat` tells "told-by-3" as the
// compression, when both sides know it; and a mark in the log, of `quorum verify`, has one more
// field, when all members know that.
#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/namenode_cluster.hpp"

namespace minidfs::test {
namespace {

using namespace std::chrono_literals;

const std::string kThis = MINIDFS_BINARY;
const std::string kNext = MINIDFS_NEXT_BINARY;
const std::string kAfterNext = MINIDFS_AFTER_NEXT_BINARY;
const std::string kBefore = MINIDFS_BEFORE_BINARY;

Finished run_as(const std::string& binary, const NamenodeCluster& cluster,
                std::vector<std::string> words, const std::string& input = {}) {
  words.insert(words.begin(), binary);
  return run(words, {"MINIDFS_NAMENODE=" + cluster.addresses()}, input);
}

// What a verb that must succeed has printed.
std::string must(const std::string& binary, const NamenodeCluster& cluster,
                 const std::vector<std::string>& words, const std::string& input = {}) {
  const auto finished = run_as(binary, cluster, words, input);
  INFO(finished.err);
  INFO(cluster.logs());
  REQUIRE(finished.exit_code == 0);
  return finished.out;
}

bool asked_in_new_form(const std::string& binary, const NamenodeCluster& cluster,
                       const std::string& path) {
  const auto json = nlohmann::json::parse(must(binary, cluster, {"stat", "--json", path}));
  return json.at("compression") == "told-by-3";
}

// A file is put, looked at and read back.
void check_use(const std::string& binary, const NamenodeCluster& cluster, const std::string& path) {
  must(binary, cluster, {"put", "--replication", "1", "-", path}, "bytes of " + path);
  CHECK(must(binary, cluster, {"cat", path}) == "bytes of " + path);
}

void stop(Process& process) {
  process.signal(SIGTERM);
  CHECK(process.wait(30s) == 0);
}

// Users of both versions, who put files and look at them until they are stopped.
class Users {
 public:
  explicit Users(const NamenodeCluster& cluster)
      : threads_{std::thread([&] { work(kThis, cluster, "/this"); }),
                 std::thread([&] { work(kNext, cluster, "/next"); })} {}
  ~Users() { finish(); }

  // What went wrong for any of them.
  std::string finish() {
    stopping_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
    return problems_;
  }
  // Returns when they have gone on for a while.
  void work_on() const {
    const int before = rounds_;
    while (rounds_ < before + 4) std::this_thread::sleep_for(10ms);
  }

 private:
  void work(const std::string& binary, const NamenodeCluster& cluster, const std::string& prefix) {
    for (int i = 0; !stopping_; ++i) {
      const auto path = prefix + std::to_string(i);
      for (const auto& words : {std::vector<std::string>{"put", "--replication", "1", "-", path},
                                std::vector<std::string>{"stat", path}}) {
        const auto finished = run_as(binary, cluster, words, path);
        if (finished.exit_code == 0) continue;
        const std::lock_guard lock(mutex_);
        problems_ += words.front() + " " + path + ": " + finished.err;
      }
      ++rounds_;
    }
  }

  std::mutex mutex_;
  std::string problems_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> rounds_{0};
  std::array<std::thread, 2> threads_;
};

}  // namespace

TEST_CASE("processes of two versions work together in every mixture of roles") {
  NamenodeCluster cluster(1, 1);
  // From the oldest to the newest cluster, and each half of one with the other half of the next.
  const auto restart = [&](const std::string& namenode, const std::string& datanode) {
    stop(cluster.namenode(0));
    stop(cluster.datanode(0));
    cluster.set_binary(namenode);
    cluster.start_namenode(0);
    cluster.set_binary(datanode);
    cluster.start_datanode(0);
  };
  int number = 0;
  for (const auto& [namenode, datanode] :
       {std::pair(kThis, kNext), std::pair(kNext, kThis), std::pair(kNext, kNext)}) {
    restart(namenode, datanode);
    for (const auto& client : {kThis, kNext}) {
      CAPTURE(namenode, datanode, client);
      const auto path = "/f" + std::to_string(++number);
      check_use(client, cluster, path);
      CHECK(asked_in_new_form(client, cluster, path) == (namenode == kNext && client == kNext));
    }
  }
}

TEST_CASE("three namenodes are upgraded one after the other under load, and nothing fails") {
  NamenodeCluster cluster(3, 2);
  Users users(cluster);
  cluster.set_binary(kNext);
  for (std::size_t i = 0; i < 3; ++i) {
    stop(cluster.namenode(i));
    cluster.start_namenode(i);
    REQUIRE(cluster.wait_for_voters(3));
    // The mark is one that all understand, however many have been upgraded.
    must(kNext, cluster, {"quorum", "verify"});
    users.work_on();
  }
  for (std::size_t i = 0; i < 2; ++i) {
    stop(cluster.datanode(i));
    cluster.start_datanode(i);
    CHECK_FALSE(cluster.datanode(i).wait_for_line("connected to the namenode").empty());
    users.work_on();
  }
  check_use(kThis, cluster, "/this");
  check_use(kNext, cluster, "/next");
  INFO(cluster.logs());
  CHECK(users.finish() == "");
  CHECK(asked_in_new_form(kNext, cluster, "/next0"));
  CHECK_FALSE(asked_in_new_form(kThis, cluster, "/next0"));
  CHECK(cluster.wait_for([](const nlohmann::json& quorum) {
    for (const auto& each : quorum.at("members")) {
      if (each.at("version") != 3) return false;
    }
    return true;
  }));

  // There is no way back for a member that would have to read what only the next version knows.
  const auto back = (cluster.leader() + 1) % 3;
  stop(cluster.namenode(back));
  run_as(kNext, cluster, {"quorum", "verify", "--timeout=1s"});
  cluster.set_binary(kThis);
  cluster.start_namenode(back);
  CHECK(cluster.namenode(back).wait(30s) > 0);
  CHECK_THAT(cluster.namenode(back).log(), Catch::Contains("was written by a newer minidfs"));
  cluster.set_binary(kNext);
  cluster.start_namenode(back);
  REQUIRE(cluster.wait_for_voters(3));
  must(kNext, cluster, {"quorum", "verify"});
}

TEST_CASE("what this version has added is refused until all namenodes speak it") {
  NamenodeCluster cluster(3, 1, {}, kBefore);
  must(kThis, cluster, {"put", "--replication", "1", "-", "/f"}, "old");
  const auto check_refused = [&] {
    for (const auto& words : {std::vector<std::string>{"append", "-", "/f"},
                              std::vector<std::string>{"chown", "ann", "/f"}}) {
      const auto finished = run_as(kThis, cluster, words, "new");
      INFO(cluster.logs());
      CHECK(finished.exit_code > 0);
      CHECK_THAT(finished.err, Catch::Contains("needs version 2 of the interface"));
      CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    }
    must(kThis, cluster, {"chmod", "600", "/f"});
    CHECK(must(kThis, cluster, {"cat", "/f"}) == "old");
  };
  check_refused();
  cluster.set_binary(kThis);
  for (std::size_t i = 0; i < 3; ++i) {
    stop(cluster.namenode(i));
    cluster.start_namenode(i);
    REQUIRE(cluster.wait_for_voters(3));
    if (i < 2) check_refused();
  }
  must(kThis, cluster, {"append", "-", "/f"}, "new");
  must(kThis, cluster, {"chown", "ann", "/f"});
  CHECK(must(kThis, cluster, {"cat", "/f"}) == "oldnew");
  must(kThis, cluster, {"quorum", "verify"});
  // A client of the version before reads what has grown.
  CHECK(must(kBefore, cluster, {"cat", "/f"}) == "oldnew");
}

TEST_CASE("who speaks none of the versions is refused in one line, at both ends") {
  NamenodeCluster cluster(3, 1);
  const std::string why =
      "no version of the interface in common: the listening side speaks versions 1 to 2, the "
      "connecting side versions 3 to 4";
  const auto client = run_as(kAfterNext, cluster, {"ls", "/"});
  CHECK(client.exit_code > 0);
  CHECK_THAT(client.err, Catch::Contains(why));
  CHECK(std::count(client.err.begin(), client.err.end(), '\n') == 1);
  CHECK_FALSE(cluster.namenode(0).wait_for_line("as a client").find(why) == std::string::npos);

  const auto other = (cluster.leader() + 1) % 3;
  stop(cluster.datanode(0));
  stop(cluster.namenode(other));
  cluster.set_binary(kAfterNext);
  cluster.start_datanode(0);
  cluster.start_namenode(other);
  // It may have met the member first that was still to come.
  CHECK_THAT(cluster.datanode(0).wait_for_line(why), Catch::Contains("no namenode yet"));
  // Whichever of the two members dials.
  const auto refusal =
      cluster.namenode(other).wait_for_line("no version of the interface in common");
  CHECK_THAT(refusal, Catch::Contains("versions 1 to 2") && Catch::Contains("versions 3 to 4"));
  must(kThis, cluster, {"mkdir", "/d"});
  stop(cluster.datanode(0));
  stop(cluster.namenode(other));
  cluster.set_binary(kThis);
  cluster.start_datanode(0);
  cluster.start_namenode(other);
  REQUIRE(cluster.wait_for_voters(3));
  check_use(kThis, cluster, "/f");
}

}  // namespace minidfs::test
