// Nothing that was acknowledged is lost, whichever process dies.
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "cluster/test_cluster.hpp"

namespace minidfs::test {

TEST_CASE("files are whole after kill -9 of every process right after put returned") {
  TestCluster cluster;
  const std::size_t sizes[] = {0, 1, 5000, 65537, 1 << 20, 3 << 20, (9 << 20) + 1};
  std::vector<std::string> locals;
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    locals.push_back(
        cluster.make_file("tree/f" + std::to_string(i), sizes[i], static_cast<unsigned>(i)));
  }
  for (const auto& local : {locals[5], locals[2]}) {
    const auto path = "/" + std::filesystem::path(local).filename().string();
    REQUIRE(cluster.minidfs({"put", "--block-size", "1MiB", local, path}).exit_code == 0);
    cluster.kill_all();
    cluster.start_all();
    CHECK(cluster.minidfs({"cat", path}).out == read_file(local));
  }
  const auto tree = cluster.directory() + "/tree";
  REQUIRE(cluster.minidfs({"put", "-r", "--block-size", "2MiB", tree, "/tree"}).exit_code == 0);
  cluster.kill_all();
  cluster.start_all();
  const auto back = cluster.directory() + "/back";
  const auto get = cluster.minidfs({"get", "-r", "/tree", back});
  INFO(get.err);
  REQUIRE(get.exit_code == 0);
  for (const auto& local : locals) {
    const auto copy = back + "/" + std::filesystem::path(local).filename().string();
    REQUIRE(std::filesystem::exists(copy));
    CHECK(read_file(copy) == read_file(local));
  }
}

namespace {

// What the i-th put of a writer stores: small files and, now and then, one of several blocks.
std::string content_of(int writer, int i) {
  const int size = i % 8 == 7 ? 150'000 + i * 97 : 1000 + i * 37;
  return random_bytes(static_cast<std::size_t>(size + writer),
                      static_cast<unsigned>(writer * 100'000 + i));
}

// Clients that put one file after another, and remember which puts said that they were done.
class Writers {
 public:
  static constexpr int kWriters = 16;

  explicit Writers(const TestCluster& cluster) {
    for (int w = 0; w < kWriters; ++w) {
      threads_.emplace_back([this, &cluster, w] {
        for (int i = 0; !stop_; ++i) {
          const auto put =
              cluster.minidfs({"put", "--block-size", "64KiB", "-", path(w, i)}, content_of(w, i));
          const std::lock_guard lock(mutex_);
          if (put.exit_code == 0) done_.insert(path(w, i));
          changed_.notify_one();
        }
      });
    }
  }
  ~Writers() { stop(); }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  static std::string path(int writer, int i) {
    return "/w" + std::to_string(writer) + "-" + std::to_string(i);
  }
  // Blocks until so many more puts are done.
  void wait_for_more(std::size_t count) {
    std::unique_lock lock(mutex_);
    const std::size_t wanted = done_.size() + count;
    changed_.wait(lock, [&] { return done_.size() >= wanted; });
  }
  // Ends the writers; returns what they know to be stored.
  const std::set<std::string>& stop() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    return done_;
  }

 private:
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> done_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("every put that said it was done survives 20 kill -9 of the namenode under 16 writers") {
  TestCluster cluster;
  Writers writers(cluster);
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    // The next kill comes a random number of finished puts after the last one, in the middle of
    // those of the other writers.
    writers.wait_for_more(1 + random() % 16);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
    cluster.kill_namenode();
    cluster.start_namenode();
  }
  const auto& done = writers.stop();
  REQUIRE(cluster.wait_for_live(3));
  REQUIRE(done.size() > 40);
  const auto back = cluster.directory() + "/back";
  const auto get = cluster.minidfs({"get", "-r", "/", back});
  INFO(get.err);
  REQUIRE(get.exit_code == 0);
  for (const auto& path : done) {
    INFO(path);
    REQUIRE(std::filesystem::exists(back + path));
  }
  // No half file is visible: whatever is there is whole, also when nobody was told so.
  for (const auto& entry : std::filesystem::directory_iterator(back)) {
    int writer = 0;
    int i = 0;
    const auto name = entry.path().filename().string();
    INFO(name);
    REQUIRE(std::sscanf(name.c_str(), "w%d-%d", &writer, &i) == 2);
    REQUIRE(read_file(entry.path()) == content_of(writer, i));
  }
}

TEST_CASE("a put goes on when a datanode is killed in the middle, and the file is right") {
  TestCluster cluster;
  const auto local = cluster.make_file("big", 96 << 20);
  for (std::size_t victim = 0; victim < 3; ++victim) {
    const auto path = "/big" + std::to_string(victim);
    auto put = cluster.start_minidfs({"put", "--block-size", "8MiB", local, path}, "put.log");
    // In the middle: the victim holds some of the bytes and not yet all of them.
    for (;;) {
      std::uintmax_t bytes = 0;
      std::error_code ignored;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(
               cluster.datanode_directory(victim), ignored)) {
        if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
      }
      if (bytes > (victim + 1) * (20U << 20) || !put->running()) break;
    }
    cluster.kill_datanode(victim);
    const int exit_code = put->wait(std::chrono::seconds(60));
    INFO(put->log());
    REQUIRE(exit_code == 0);
    CHECK(cluster.minidfs({"cat", path}).out == read_file(local));
    cluster.start_datanode(victim);
    REQUIRE(cluster.wait_for_live(3));
  }
}

TEST_CASE("a cat goes on when a datanode is killed in the middle") {
  TestCluster cluster;
  const auto local = cluster.make_file("big", 64 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "4MiB", local, "/big"}).exit_code == 0);
  for (std::size_t victim = 0; victim < 3; ++victim) {
    const auto copy = cluster.directory() + "/copy" + std::to_string(victim);
    auto get = cluster.start_minidfs({"get", "/big", copy}, "get.log");
    cluster.kill_datanode(victim);
    const int exit_code = get->wait(std::chrono::seconds(60));
    INFO(get->log());
    REQUIRE(exit_code == 0);
    CHECK(read_file(copy) == read_file(local));
    cluster.start_datanode(victim);
    REQUIRE(cluster.wait_for_live(3));
  }
}

namespace {

// Flips bits of a byte in every thousand of every replica file and pack of a datanode.
void flip_bytes(const std::string& directory, char bits) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const auto folder = entry.path().parent_path().filename();
    if (!entry.is_regular_file() || (folder != "blocks" && folder != "packs")) continue;
    std::string content = read_file(entry.path());
    for (std::size_t i = 500; i < content.size(); i += 1000) {
      content[i] = static_cast<char>(content[i] ^ bits);
    }
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
}

}  // namespace

namespace {

std::uint64_t pending_copies(const TestCluster& cluster) {
  const auto status = nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
  return status.at("blocks").at("pending_copies");
}

}  // namespace

TEST_CASE("flipped bytes on a disk are never given out while a good replica is left, nor after") {
  TestCluster cluster;
  const auto local = cluster.make_file("a", 5 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "2MiB", local, "/a"}).exit_code == 0);
  const std::string small = random_bytes(5000, 3);
  REQUIRE(cluster.minidfs({"put", "-", "/small"}, small).exit_code == 0);
  for (std::size_t i = 0; i < 2; ++i) {
    flip_bytes(cluster.datanode_directory(i), 0x40);
    CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
    CHECK(cluster.minidfs({"cat", "/small"}).out == small);
  }
  // All at once, whatever has been repaired by now, and with no copy under way; other bits, so that
  // no flip undoes another.
  REQUIRE(cluster.minidfs({"safemode", "enter"}).exit_code == 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (pending_copies(cluster) > 0) REQUIRE(std::chrono::steady_clock::now() < deadline);
  for (std::size_t i = 0; i < 3; ++i) flip_bytes(cluster.datanode_directory(i), 0x03);
  REQUIRE(cluster.minidfs({"safemode", "leave"}).exit_code == 0);
  const auto cat = cluster.minidfs({"cat", "/a"});
  CHECK(cat.exit_code == 1);
  CHECK(cat.err.find("block") != std::string::npos);
  CHECK(read_file(local).rfind(cat.out, 0) == 0);
  const auto cat_small = cluster.minidfs({"cat", "/small"});
  CHECK(cat_small.exit_code == 1);
  CHECK(small.rfind(cat_small.out, 0) == 0);
}

TEST_CASE("the blocks of a datanode that stops are copied to the others") {
  TestCluster cluster({.datanodes = 4, .environment = {}});
  const auto local = cluster.make_file("a", 20 << 20);
  REQUIRE(cluster.minidfs({"put", "--block-size", "1MiB", local, "/a"}).exit_code == 0);
  cluster.datanode(0).signal(SIGTERM);
  REQUIRE(cluster.datanode(0).wait(std::chrono::seconds(20)) == 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  nlohmann::json blocks;
  std::uint64_t live_replicas = 0;  // A node that said goodbye is waited for before it is replaced.
  do {
    const auto status = nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
    blocks = status.at("blocks");
    live_replicas = 0;
    for (const auto& node : status.at("nodes")) {
      if (node.at("liveness") == "live") live_replicas += node.at("blocks").get<std::uint64_t>();
    }
  } while (live_replicas < 60 && std::chrono::steady_clock::now() < deadline);
  CHECK(live_replicas == 60);
  CHECK(blocks.at("under_replicated") == 0);
  CHECK(blocks.at("missing") == 0);
  // Any two of the three that are left may go, and the file is still there.
  cluster.kill_datanode(1);
  cluster.kill_datanode(2);
  CHECK(cluster.minidfs({"cat", "/a"}).out == read_file(local));
}

TEST_CASE("with fewer datanodes than copies a put succeeds and says so") {
  TestCluster cluster({.datanodes = 2, .environment = {}});
  const auto put = cluster.minidfs({"put", "-", "/a"}, "hello");
  CHECK(put.exit_code == 0);
  CHECK(put.err.find("2 of 3") != std::string::npos);
  const auto status = nlohmann::json::parse(cluster.minidfs({"status", "--json"}).out);
  CHECK(status.at("blocks").at("under_replicated") == 1);
}

TEST_CASE("the roles stop cleanly soon after SIGTERM and SIGINT") {
  constexpr std::chrono::seconds kSoon{20};
  TestCluster cluster;
  cluster.datanode(0).signal(SIGTERM);
  CHECK(cluster.datanode(0).wait(kSoon) == 0);
  cluster.datanode(1).signal(SIGINT);
  CHECK(cluster.datanode(1).wait(kSoon) == 0);
  cluster.namenode().signal(SIGTERM);
  CHECK(cluster.namenode().wait(kSoon) == 0);
}

}  // namespace minidfs::test
