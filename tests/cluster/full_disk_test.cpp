// Full disks, on small file systems that are really full.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "cluster/small_disk.hpp"
#include "cluster/test_cluster.hpp"

namespace minidfs::test {
namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::chrono::seconds kPatience{20};

void check_one_clear_line(const Finished& finished, const std::string& what) {
  INFO("stderr: " << finished.err);
  CHECK(finished.exit_code > 0);
  CHECK(finished.exit_code < 128);
  CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  CHECK(finished.err.find(what) != std::string::npos);
}

// News of free space travels with heartbeats, and so do deletions.
template <class Predicate>
bool becomes_true(Predicate predicate) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

Finished put(const TestCluster& cluster, const std::string& local, const std::string& path,
             const std::string& input = {}) {
  return cluster.minidfs(
      {"put", "--replication", "1", "--block-size", "4MiB", "--timeout", "3s", local, path}, input);
}

}  // namespace

TEST_CASE(
    "a put that the datanode's disk cannot hold fails, leaves nothing, and small ones go on") {
  if (!SmallDisk::available()) return;
  // As much in reserve as a small disk can spare, then nothing in reserve, where writes really
  // fail.
  const std::string reserve = GENERATE("8MiB", "0");
  TestCluster cluster({.datanodes = 1,
                       .environment = {"MINIDFS_DATANODE_RESERVED_SPACE=" + reserve,
                                       "MINIDFS_DATANODE_PACK_LIMIT=64KiB"},
                       .small_disks = {{"datanode0", 160 * kMebibyte}}});
  const SmallDisk& disk = cluster.small_disk("datanode0");
  // Makes the pack file that small files share, which stays.
  REQUIRE(put(cluster, "-", "/before", "small").exit_code == 0);
  const std::uint64_t free_before = disk.free_bytes();
  const auto big = cluster.make_file("big", 170 * kMebibyte);
  check_one_clear_line(put(cluster, big, "/big"), "/big");
  CHECK(cluster.minidfs({"stat", "/big"}).exit_code == 1);
  CHECK(cluster.minidfs({"ls", "/"}).out == "before\n");
  CHECK(becomes_true([&] { return disk.free_bytes() + 2 * kMebibyte > free_before; }));
  const std::string content = random_bytes(30'000, 4);
  CHECK(becomes_true([&] { return put(cluster, "-", "/after", content).exit_code == 0; }));
  CHECK(cluster.minidfs({"cat", "/before"}).out == "small");
  CHECK(cluster.minidfs({"cat", "/after"}).out == content);
}

TEST_CASE("a disk that somebody else fills in the middle of a put fails only what it cannot hold") {
  if (!SmallDisk::available()) return;
  TestCluster cluster({.datanodes = 1,
                       .environment = {"MINIDFS_DATANODE_RESERVED_SPACE=0"},
                       .small_disks = {{"datanode0", 256 * kMebibyte}}});
  const SmallDisk& disk = cluster.small_disk("datanode0");
  const auto kept = cluster.make_file("kept", 9 * kMebibyte, 5);
  REQUIRE(put(cluster, kept, "/kept").exit_code == 0);
  const auto big = cluster.make_file("big", 100 * kMebibyte);
  const std::uint64_t free_before = disk.free_bytes();
  // The put reads from a pipe, so that the disk fills up exactly in its middle.
  const auto pipe = cluster.directory() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  Process writer({"/bin/sh", "-c",
                  "exec \"$0\" put --replication 1 --block-size 8MiB --timeout 3s - /big <\"$1\"",
                  MINIDFS_BINARY, pipe},
                 cluster.directory() + "/writer.log",
                 {"MINIDFS_NAMENODE=" + cluster.namenode_address()});
  ::signal(SIGPIPE, SIG_IGN);
  std::ofstream feed(pipe, std::ios::binary);
  const std::string bytes = read_file(big);
  feed.write(bytes.data(), 40 * kMebibyte).flush();
  REQUIRE(becomes_true([&] { return disk.free_bytes() + 20 * kMebibyte < free_before; }));
  disk.fill();
  feed.write(bytes.data() + 40 * kMebibyte, 60 * kMebibyte);
  feed.close();
  const int exit_code = writer.wait(std::chrono::seconds(30));
  check_one_clear_line({exit_code, {}, writer.log()}, "/big");
  CHECK(cluster.minidfs({"stat", "/big"}).exit_code == 1);
  CHECK(cluster.minidfs({"cat", "/kept"}).out == read_file(kept));
  disk.relieve();
  CHECK(becomes_true([&] { return disk.free_bytes() + 2 * kMebibyte > free_before; }));
  CHECK(becomes_true([&] { return put(cluster, big, "/again").exit_code == 0; }));
  CHECK(cluster.minidfs({"cat", "/again"}).out == read_file(big));
  CHECK(cluster.datanode(0).running());
}

TEST_CASE("a namenode whose disk is full refuses changes, answers reads, loses nothing, goes on") {
  if (!SmallDisk::available()) return;
  TestCluster cluster({.datanodes = 1,
                       .environment = {"MINIDFS_NAMENODE_RESERVED_SPACE=8MiB"},
                       .small_disks = {{"namenode", 128 * kMebibyte}}});
  const SmallDisk& disk = cluster.small_disk("namenode");
  REQUIRE(cluster.minidfs({"mkdir", "/before"}).exit_code == 0);
  REQUIRE(put(cluster, "-", "/before/file", "content").exit_code == 0);
  disk.fill();
  // Free space is looked at now and then, so the first changes may still be taken.
  std::vector<std::string> made;
  Finished refused;
  CHECK(becomes_true([&] {
    const auto path = "/full" + std::to_string(made.size());
    refused = cluster.minidfs({"mkdir", "--timeout", "3s", path});
    if (refused.exit_code == 0) made.push_back(path);
    return refused.exit_code != 0;
  }));
  check_one_clear_line(refused, "bytes free on its disk");
  CHECK(cluster.minidfs({"cat", "/before/file"}).out == "content");
  CHECK(cluster.namenode().running());
  disk.relieve();
  CHECK(becomes_true([&] { return cluster.minidfs({"mkdir", "/after"}).exit_code == 0; }));

  cluster.kill_namenode();
  cluster.start_namenode();
  REQUIRE(cluster.wait_for_live(1));
  CHECK(cluster.minidfs({"cat", "/before/file"}).out == "content");
  CHECK(cluster.minidfs({"stat", "/after"}).exit_code == 0);
  for (const auto& path : made) CHECK(cluster.minidfs({"stat", path}).exit_code == 0);
}

}  // namespace minidfs::test
