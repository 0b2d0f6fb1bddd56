// A namenode whose directory goes back to an earlier state while its datanodes go on.
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

namespace fs = std::filesystem;

using std::chrono::seconds;

constexpr const char* kMessage = "the datanodes know a later state of this cluster, up to change ";

// What every path holds, and through which versions it went since the beginning of the test.
class Files {
 public:
  explicit Files(TestCluster& cluster) : cluster_(cluster) {}

  void put(const std::string& path, std::size_t size, int copies) {
    const auto local = cluster_.make_file("local", size, ++seed_);
    const auto done = cluster_.minidfs({"put", "-f", "--block-size", "1MiB", "--replication",
                                        std::to_string(copies), local, path});
    INFO(path << ": " << done.err);
    REQUIRE(done.exit_code == 0);
    now[path] = read_file(local);
  }
  // Small ones in packs, large ones in files of their own; one copy to three.
  void put_some(const std::string& directory) {
    const std::size_t sizes[] = {0, 1, 65536, 300'000, 1 << 20, (3 << 20) + 17};
    int copies = 0;
    for (const auto size : sizes) {
      put(directory + "/f" + std::to_string(size), size, copies++ % 3 + 1);
    }
  }
  void remove(const std::string& path) {
    REQUIRE(cluster_.minidfs({"rm", path}).exit_code == 0);
    now.erase(path);
  }

  // Every file reads as it was, or, when its blocks went with a state that is given up, not at all.
  void check_no_wrong_byte() const {
    for (const auto& [path, bytes] : now) {
      const auto read = cluster_.minidfs({"cat", "--timeout=3s", path});
      CAPTURE(path, read.err);
      if (read.exit_code == 0) CHECK((read.out == bytes));
    }
  }
  // The same for those that have another content, or none, in `later`; all others are whole.
  void check_whole_but(const std::map<std::string, std::string>& later) const {
    for (const auto& [path, bytes] : now) {
      const auto read = cluster_.minidfs({"cat", "--timeout=10s", path});
      CAPTURE(path, read.err);
      const auto other = later.find(path);
      const bool stayed = other != later.end() && other->second == bytes;
      if (stayed) CHECK(read.exit_code == 0);
      if (read.exit_code == 0) CHECK((read.out == bytes));
    }
  }

  std::map<std::string, std::string> now;

 private:
  TestCluster& cluster_;
  unsigned seed_ = 0;
};

class RestoredCluster : public TestCluster {
 public:
  RestoredCluster() : TestCluster(options()) {}

  // Of the namenode, which is killed for it and started again.
  void keep_copy(const std::string& name) {
    kill_namenode();
    copy("namenode", name);
    start_namenode();
    wait_until_accepted(datanodes());
  }
  // The namenode goes on from the copy.
  void go_back(const std::string& name) {
    kill_namenode();
    copy(name, "namenode");
    start_namenode();
  }
  nlohmann::json status() const {
    const auto status = minidfs({"status", "--json"});
    REQUIRE(status.exit_code == 0);
    return nlohmann::json::parse(status.out);
  }
  bool wait_until_behind() const {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    while (std::chrono::steady_clock::now() < deadline) {
      if (status().at("behind") == true) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  void accept() const {
    const auto accepted = minidfs({"safemode", "leave", "--accept-older-namespace"});
    INFO(accepted.err);
    REQUIRE(accepted.exit_code == 0);
    CHECK(accepted.out == "safe mode is off\n");
  }
  // After a word was said: blocks that were removed since the copy are missing for good, so that
  // after a start safe mode ends by the operator's word only.
  void wait_until_accepted(std::size_t live) const {
    const auto deadline = std::chrono::steady_clock::now() + seconds(30);
    for (;;) {
      const auto now = status();
      REQUIRE(now.at("behind") == false);
      std::size_t there = 0;
      for (const auto& node : now.at("nodes")) there += node.at("state") == "live" ? 1 : 0;
      if (there == live) break;
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    REQUIRE(minidfs({"safemode", "leave"}).exit_code == 0);
  }
  void copy(const std::string& from, const std::string& to) const {
    fs::remove_all(directory() + "/" + to);
    fs::copy(directory() + "/" + from, directory() + "/" + to, fs::copy_options::recursive);
  }

 private:
  // So short that whatever would be collected is collected within the test.
  static ClusterOptions options() {
    ClusterOptions options;
    options.environment = {"MINIDFS_NAMENODE_ORPHAN_GRACE=2s"};
    return options;
  }
};

// Each way in which an operator or a user meets the state.
void check_refusal(RestoredCluster& cluster) {
  CHECK_FALSE(cluster.namenode().wait_for_line(kMessage).empty());
  CHECK_THAT(cluster.minidfs({"status"}).out, Catch::Contains(kMessage));
  const auto fsck = cluster.minidfs({"fsck", "--timeout=10s"});
  CHECK(fsck.exit_code == 1);
  CHECK_THAT(fsck.out, Catch::Contains(kMessage));
  const std::vector<std::vector<std::string>> changes{
      {"mkdir", "/new"},        {"put", cluster.make_file("refused", 100), "/refused"},
      {"rm", "/a/f1"},          {"mv", "/a/f1", "/a/g"},
      {"setrep", "1", "/a/f1"}, {"safemode", "leave"}};
  for (const auto& change : changes) {
    const auto refused = cluster.minidfs(change);
    CAPTURE(change[0]);
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, Catch::Contains(kMessage) && Catch::Contains("does not know"));
  }
}

}  // namespace

TEST_CASE(
    "a namenode that goes back is told so, takes nothing away, and goes on when one says so") {
  RestoredCluster cluster;
  Files files(cluster);
  files.put_some("/a");
  cluster.keep_copy("copy");
  const auto then = files.now;
  files.put_some("/b");
  files.put("/a/f300000", 300'000, 2);
  files.remove("/a/f65536");
  const auto later = files.now;

  cluster.kill_namenode();
  cluster.copy("namenode", "newest");
  cluster.copy("copy", "namenode");
  cluster.start_namenode();
  REQUIRE(cluster.wait_until_behind());
  check_refusal(cluster);
  files.now = then;
  files.check_whole_but(later);
  // Longer than the grace, the age at which a leadership deletes, and a round of heartbeats.
  std::this_thread::sleep_for(seconds(8));
  // A restart makes no difference, nor do many: the newest state is still there to go back to.
  for (int i = 0; i < 3; ++i) {
    cluster.kill_namenode();
    cluster.start_namenode();
    REQUIRE(cluster.wait_until_behind());
  }
  cluster.go_back("newest");
  REQUIRE(cluster.wait_for_live(3));
  files.now = later;
  files.check_whole_but(later);

  // One datanode is away while the operator speaks. What it knows counts no more when it is back.
  cluster.go_back("copy");
  REQUIRE(cluster.wait_until_behind());
  cluster.kill_datanode(2);
  cluster.accept();
  cluster.kill_namenode();
  cluster.start_namenode();
  cluster.wait_until_accepted(2);
  cluster.start_datanode(2);
  cluster.wait_until_accepted(3);
  files.now = then;
  files.check_whole_but(later);
  files.put_some("/c");
  files.put("/a/f300000", 300'000, 3);
  // The newest state may have had its blocks removed while it was there again.
  auto stays = files.now;
  stays.erase("/a/f65536");
  files.check_whole_but(stays);
}

TEST_CASE("through three lives every byte that is read is right") {
  RestoredCluster cluster;
  Files files(cluster);
  files.put_some("/a");
  cluster.keep_copy("first");
  const auto first = files.now;
  files.put_some("/b");
  files.remove("/a/f1");

  cluster.go_back("first");
  REQUIRE(cluster.wait_until_behind());
  cluster.accept();
  cluster.wait_until_accepted(3);
  files.now = first;
  files.put_some("/c");
  files.put("/a/f65536", 70'000, 2);
  cluster.keep_copy("second");
  const auto second = files.now;
  files.put_some("/d");
  files.put("/c/f1", 5, 3);

  cluster.go_back("second");
  REQUIRE(cluster.wait_until_behind());
  cluster.accept();
  cluster.wait_until_accepted(3);
  files.now = second;
  files.put_some("/e");
  files.check_no_wrong_byte();

  // A copy that has never heard of the later lives.
  cluster.go_back("first");
  REQUIRE(cluster.wait_until_behind());
  CHECK_THAT(cluster.minidfs({"status"}).out, Catch::Contains("another life"));
  cluster.accept();
  cluster.wait_until_accepted(3);
  files.now = first;
  files.put_some("/b");
  files.put_some("/f");
  files.check_no_wrong_byte();
  for (const auto& [path, bytes] : files.now) {
    if (path.starts_with("/a/")) continue;
    CAPTURE(path);
    CHECK((cluster.minidfs({"cat", path}).out == bytes));
  }
}

TEST_CASE("a namenode that is only killed is never behind its datanodes") {
  RestoredCluster cluster;
  Files files(cluster);
  for (int i = 0; i < 8; ++i) {
    files.put("/f" + std::to_string(i), 1000, 2);
    cluster.kill_namenode();
    if (i % 3 == 1) {
      cluster.kill_datanode(0);
      cluster.start_namenode();
      cluster.start_datanode(0);
    } else {
      cluster.start_namenode();
    }
    REQUIRE(cluster.wait_for_live(3));
    CHECK(cluster.status().at("behind") == false);
  }
  files.check_whole_but(files.now);
}

}  // namespace minidfs::test
