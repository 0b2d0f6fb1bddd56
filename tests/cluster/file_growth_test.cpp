// Files that grow and change owners, on real processes: what is read of them is what was added,
// byte for byte, whoever is killed in between.
#include <catch2/catch.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "client/file_system.hpp"
#include "cluster/namenode_cluster.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

template <class Cluster>
std::string must(const Cluster& cluster, const Words& words, const std::string& input = {}) {
  const auto finished = cluster.minidfs(words, input);
  INFO(words.front() << ": " << finished.err);
  REQUIRE(finished.exit_code == 0);
  return finished.out;
}

template <class Cluster>
std::string refused(const Cluster& cluster, const Words& words, const std::string& input = {}) {
  const auto finished = cluster.minidfs(words, input);
  CHECK(finished.exit_code != 0);
  CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  return finished.err;
}

nlohmann::json stat_of(const TestCluster& cluster, const std::string& path, bool blocks = false) {
  Words words{"stat", "--json", path};
  if (blocks) words.emplace_back("--blocks");
  return nlohmann::json::parse(must(cluster, words));
}

std::unique_ptr<client::FileSystem> connect(const TestCluster& cluster) {
  client::Options options;
  const auto address = cluster.namenode_address();
  const auto colon = address.rfind(':');
  options.namenodes = {
      {address.substr(0, colon), static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))}};
  auto files = client::FileSystem::connect(options);
  REQUIRE(files.ok());
  return *std::move(files);
}

std::string read_range(client::FileSystem& files, const std::string& path, std::uint64_t offset,
                       std::uint64_t length) {
  std::string content;
  const auto sink = [&](std::span<const std::byte> bytes) {
    content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return Status();
  };
  const auto status = files.read_file(path, offset, length, sink, {});
  if (!status.ok()) FAIL(status.error().message);
  return content;
}

}  // namespace

TEST_CASE("what is appended is read back byte for byte, across all borders of blocks") {
  TestCluster cluster;
  std::string expected = random_bytes((1 << 20) + 12'345, 1);
  must(cluster, {"put", "--block-size=256KiB", "--replication=2", "-", "/f"}, expected);
  std::set<std::uint64_t> borders;
  unsigned seed = 2;
  for (const auto size : {300'000, 1, 262'144, 70'000, 524'288 + 5}) {
    borders.insert(expected.size());
    const auto more = random_bytes(static_cast<std::size_t>(size), seed++);
    must(cluster, {"append", "-", "/f"}, more);
    expected += more;
    CHECK(must(cluster, {"cat", "/f"}) == expected);
    if (size == 262'144) {
      cluster.kill_namenode();
      cluster.start_namenode();
      REQUIRE(cluster.wait_for_live(3));
      CHECK(must(cluster, {"cat", "/f"}) == expected);
    }
  }
  // No replica was written again, and none of the blocks is longer than the file's are.
  const auto status = stat_of(cluster, "/f", true);
  CHECK(status.at("length") == expected.size());
  CHECK(status.at("replication") == 2);
  std::uint64_t at = 0;
  for (const auto& block : status.at("blocks")) {
    CHECK(block.at("offset") == at);
    CHECK(block.at("length") <= 262'144);
    at += block.at("length").get<std::uint64_t>();
    borders.insert(at);
  }
  CHECK(at == expected.size());
  CHECK(status.at("blocks").size() == 5 + 2 + 1 + 1 + 1 + 3);

  const auto files = connect(cluster);
  for (const auto border : borders) {
    for (const std::uint64_t before : {0, 1, 300'000}) {
      const auto offset = border - std::min(border, before);
      for (const std::uint64_t length : {1, 2, 300'001}) {
        CAPTURE(border, offset, length);
        CHECK(read_range(*files, "/f", offset, length) ==
              (offset < expected.size() ? expected.substr(offset, length) : ""));
      }
    }
  }
  const auto local = cluster.directory() + "/got";
  must(cluster, {"get", "/f", local});
  CHECK(read_file(local) == expected);
  CHECK_THAT(must(cluster, {"fsck", "--files", "/f"}), Catch::Contains(" 13 blocks"));

  cluster.kill_all();
  cluster.start_all();
  REQUIRE(cluster.wait_for_live(3));
  CHECK(must(cluster, {"cat", "/f"}) == expected);
  must(cluster, {"rm", "/f"});
}

TEST_CASE("append takes several files and standard input, and makes what is missing") {
  TestCluster cluster({.datanodes = 1, .environment = {"MINIDFS_CLIENT_REPLICATION=1"}});
  const auto one = cluster.make_file("one", 100, 1);
  const auto two = cluster.make_file("two", 200, 2);
  must(cluster, {"append", one, two, "/d/new"});
  CHECK(must(cluster, {"cat", "/d/new"}) == read_file(one) + read_file(two));
  must(cluster, {"append", two, one, "/d/new"});
  CHECK(must(cluster, {"cat", "/d/new"}) ==
        read_file(one) + read_file(two) + read_file(two) + read_file(one));
  must(cluster, {"append", "-", "/d/new"}, "");
  CHECK(stat_of(cluster, "/d/new").at("length") == 600);

  CHECK_THAT(refused(cluster, {"append", "-", "/d"}, "x"), Catch::Contains("/d: is a directory"));
  CHECK_THAT(refused(cluster, {"append", "/nowhere", "/d/new"}), Catch::Contains("/nowhere"));
  CHECK_THAT(refused(cluster, {"append", one, "-", "/d/new"}), Catch::Contains("only source"));
  CHECK(stat_of(cluster, "/d/new").at("length") == 600);
}

TEST_CASE("of many that append at once each adds all of its bytes in one piece") {
  TestCluster cluster({.datanodes = 1, .environment = {"MINIDFS_CLIENT_REPLICATION=1"}});
  must(cluster, {"put", "--block-size=64KiB", "-", "/log"}, "");
  constexpr int kWriters = 4;
  constexpr int kRounds = 4;
  std::vector<std::thread> writers;
  std::atomic<int> failed{0};
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string piece(100'000, static_cast<char>('a' + writer * kRounds + round));
        if (cluster.minidfs({"append", "-", "/log"}, piece).exit_code != 0) ++failed;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  CHECK(failed == 0);
  const auto content = must(cluster, {"cat", "/log"});
  REQUIRE(content.size() == 100'000U * kWriters * kRounds);
  std::set<char> pieces;
  for (std::size_t at = 0; at < content.size(); at += 100'000) {
    CHECK(content.substr(at, 100'000) == std::string(100'000, content[at]));
    pieces.insert(content[at]);
  }
  CHECK(pieces.size() == kWriters * kRounds);
}

TEST_CASE("an append whose leader is killed in the middle of it is whole, once") {
  NamenodeCluster cluster(3, 2);
  const auto before = random_bytes(300'000, 1);
  must(cluster, {"put", "--block-size=1MiB", "--replication=1", "-", "/f"}, before);
  const auto more = random_bytes(64 << 20, 2);
  const auto leader = cluster.leader();
  Finished appended;
  std::thread appender([&] { appended = cluster.minidfs({"append", "-", "/f"}, more); });
  std::this_thread::sleep_for(150ms);
  cluster.namenode(leader).kill_and_wait();
  appender.join();
  INFO(appended.err);
  REQUIRE(appended.exit_code == 0);
  CHECK(must(cluster, {"cat", "/f"}) == before + more);
  cluster.start_namenode(leader);
  REQUIRE(cluster.wait_for_voters(3));
  CHECK_THAT(must(cluster, {"quorum", "verify"}), Catch::Contains("same"));
}

TEST_CASE("concat moves what files hold to the end of another one, and copies nothing") {
  TestCluster cluster({.datanodes = 2, .environment = {"MINIDFS_CLIENT_REPLICATION=1"}});
  std::string expected;
  for (const std::string name : {"t", "a", "b", "c"}) {
    const auto content = random_bytes(100'000, static_cast<unsigned>(name[0]));
    must(cluster, {"put", "--block-size=64KiB", "-", "/d/" + name}, content);
    expected += content;
  }
  must(cluster, {"append", "-", "/d/a"}, "short");
  expected.insert(200'000, "short");
  must(cluster, {"setrep", "2", "/d/t"});
  std::set<std::string> blocks;
  for (const std::string name : {"t", "a", "b", "c"}) {
    const auto status = stat_of(cluster, "/d/" + name, true);
    for (const auto& block : status.at("blocks")) blocks.insert(block.at("id"));
  }
  must(cluster, {"concat", "/d/t", "/d/a", "/d/b", "/d/c"});
  const auto status = stat_of(cluster, "/d/t", true);
  std::set<std::string> after;
  for (const auto& block : status.at("blocks")) after.insert(block.at("id"));
  CHECK(after == blocks);
  CHECK(must(cluster, {"cat", "/d/t"}) == expected);
  must(cluster, {"setrep", "-w", "2", "/d/t"});

  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(2));
  CHECK(must(cluster, {"cat", "/d/t"}) == expected);
  CHECK(must(cluster, {"ls", "/d"}).find("/d/a") == std::string::npos);
  CHECK_THAT(must(cluster, {"fsck", "/"}), Catch::Contains("healthy"));

  must(cluster, {"put", "-", "/e"}, "x");
  CHECK_THAT(refused(cluster, {"concat", "/d/t", "/e"}),
             Catch::Contains("/e: is not in the directory of the target"));
  CHECK_THAT(refused(cluster, {"concat", "/e", "/e"}), Catch::Contains("is the target itself"));
  CHECK_THAT(refused(cluster, {"concat", "/none", "/e"}), Catch::Contains("/none: not found"));
}

TEST_CASE("modes, owners and times are changed for one path or a whole tree, and stay") {
  TestCluster cluster({.datanodes = 1, .environment = {"MINIDFS_CLIENT_REPLICATION=1"}});
  must(cluster, {"mkdir", "-p", "/d/e"});
  must(cluster, {"put", "-", "/d/e/f"}, "x");
  must(cluster, {"chown", "-R", "ann:staff", "/d"});
  must(cluster, {"chgrp", "crew", "/d"});
  must(cluster, {"chmod", "-R", "u=rwX,go=", "/d"});
  must(cluster, {"touch", "-t", "20260102:030405", "/d/e/f"});
  must(cluster, {"touch", "-m", "-t", "20250102:030405", "/d/e/f"});
  must(cluster, {"touch", "/d/made"});
  must(cluster, {"touch", "-c", "/d/none"});
  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(1));
  const auto directory = stat_of(cluster, "/d");
  CHECK(directory.at("owner") == "ann");
  CHECK(directory.at("group") == "crew");
  CHECK(directory.at("permission") == "0700");
  const auto file = stat_of(cluster, "/d/e/f");
  CHECK(file.at("owner") == "ann");
  CHECK(file.at("group") == "staff");
  CHECK(file.at("permission") == "0600");
  CHECK(file.at("accessed_ms").get<std::int64_t>() - file.at("modified_ms").get<std::int64_t>() ==
        365LL * 24 * 3600 * 1000);
  CHECK(stat_of(cluster, "/d/made").at("length") == 0);
  CHECK(cluster.minidfs({"stat", "/d/none"}).exit_code == 1);

  CHECK_THAT(refused(cluster, {"chmod", "u+q", "/d"}),
             Catch::Contains("chmod : mode 'u+q' does not match the expected pattern."));
  CHECK_THAT(refused(cluster, {"chown", "a b", "/d"}), Catch::Contains("[owner][:group]."));
  CHECK_THAT(refused(cluster, {"chown", "bob", "/none"}), Catch::Contains("/none: not found"));
}

}  // namespace minidfs::test
