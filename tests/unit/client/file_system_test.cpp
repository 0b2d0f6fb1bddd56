// What is neither reading nor writing alone: sessions, listings, restarts of the namenode.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

TEST_CASE("A session that expired is never revived: the put fails and the old file stays") {
  FakeCluster cluster(1, quick(1 << 20));
  write_text(*cluster.files, "/f", "old");
  cluster.names->renew_within_ms = 150;
  std::atomic<bool> refused{false};
  cluster.names->failure = [&](const std::string& request) -> std::optional<Error> {
    if (request != "renew") return std::nullopt;
    refused = true;
    return Error{Errc::kExpired, "the session is over"};
  };
  TextSource source(content_of(3 << 20));
  source.after_read = [&](std::size_t position) {
    while (position > 1'500'000 && !refused) std::this_thread::yield();
  };
  WriteOptions options;
  options.overwrite = true;
  const auto report = cluster.files->write_file("/f", source, options);
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->failure = nullptr;
  }
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kExpired);
  CHECK(read_all(*cluster.files, "/f") == "old");
}

TEST_CASE("A client that is abandoned ends its sessions, and nothing more is committed") {
  FakeCluster cluster(1, quick(1 << 20));
  TextSource source(content_of(3 << 20));
  source.after_read = [&](std::size_t position) {
    if (position > 1'500'000) cluster.files->abandon(milliseconds(20'000));
  };
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kCancelled);
  CHECK(cluster.names->files.empty());
  REQUIRE(cluster.names->ended.size() == 1);
  CHECK_FALSE(cluster.names->ended[0].abandoned.empty());
}

TEST_CASE("Nodes that are said to live and do not answer are found out, in a bounded time") {
  FakeCluster cluster(2, quick());
  ClusterStatus status;
  status.nodes.resize(4);
  for (std::size_t i = 0; i < 4; ++i) {
    status.nodes[i].id = NodeId{1, i + 1};
    status.nodes[i].state = i == 3 ? "dead" : "live";
    status.nodes[i].data = cluster.datanodes[i % 2]->location().data;
  }
  // Something listens there, but no datanode; and nothing listens here any more.
  status.nodes[2].data = cluster.namenode->address();
  cluster.datanodes[1]->stop();
  cluster.files->probe_nodes(status, milliseconds(4000));
  CHECK(status.nodes[0].reached == true);
  CHECK(status.nodes[1].reached == false);
  CHECK(status.nodes[2].reached == false);
  CHECK(!status.nodes[3].reached);
}

TEST_CASE("Of very many nodes only some are tried, first of all those that have fallen silent") {
  FakeCluster cluster(1, quick());
  ClusterStatus status;
  status.nodes.resize(1000);
  for (std::size_t i = 0; i < status.nodes.size(); ++i) {
    auto& node = status.nodes[i];
    node.id = NodeId{1, i + 1};
    node.state = i % 50 == 7 ? "stale" : "live";
    node.data = cluster.datanodes[0]->location().data;
  }
  cluster.files->probe_nodes(status, milliseconds(60'000));
  const auto tried = [](const NodeReport& node) { return node.reached.has_value(); };
  const auto count = std::count_if(status.nodes.begin(), status.nodes.end(), tried);
  CHECK(static_cast<std::size_t>(count) == FileSystem::kProbedMax);
  for (const auto& node : status.nodes) {
    if (node.state == "stale") CHECK(node.reached == true);
  }
}

TEST_CASE("A check of all blocks waits until the datanodes have told what they hold") {
  FakeCluster cluster(0, quick());
  std::size_t problems = 0;
  const auto count = [&](const BlockProblem&) { ++problems; };
  cluster.names->checks_outstanding = 3;
  const auto checked = cluster.files->check_blocks(count);
  REQUIRE(checked.ok());
  CHECK(checked->empty());
  CHECK(problems == 0);
  CHECK(cluster.names->requests["check"] == 4);
}

TEST_CASE("A check of all blocks does not wait for ever, and says what it lacks") {
  auto options = quick();
  options.timeout = milliseconds(1000);
  FakeCluster cluster(0, options);
  std::size_t problems = 0;
  cluster.names->checks_outstanding = 1'000'000;
  const auto checked = cluster.files->check_blocks([&](const BlockProblem&) { ++problems; });
  REQUIRE(checked.ok());
  CHECK(*checked == "one datanode has not reported");
  CHECK(problems == 1);
}

TEST_CASE("A listing follows its pages") {
  FakeCluster cluster(0, quick());
  for (int i = 0; i < 10; ++i) write_text(*cluster.files, "/d/f" + std::to_string(i), "");
  const auto entries = cluster.files->list("/d");
  REQUIRE(entries.ok());
  REQUIRE(entries->size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK((*entries)[i].name == "f" + std::to_string(i));
  CHECK(cluster.names->requests["list"] == 4);
}

TEST_CASE("Progress ends at the total") {
  FakeCluster cluster(1, quick());
  std::vector<Progress> told;
  WriteOptions options;
  options.progress = [&](const Progress& progress) { told.push_back(progress); };
  write_text(*cluster.files, "/f", content_of(600'000), options);
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().bytes_done == 600'000);
  CHECK(told.back().files_done == 1);
}

TEST_CASE("Puts go on when the namenode is started again in the middle of them") {
  FakeCluster cluster(3, quick());
  const auto port = cluster.namenode->address().port;
  constexpr int kWriters = 8;
  std::vector<std::optional<Error>> errors(kWriters);
  {
    std::vector<std::jthread> writers;
    for (unsigned i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] {
        TextSource source(content_of(600'000, i));
        const auto report = cluster.files->write_file("/f" + std::to_string(i), source, {});
        if (!report.ok()) errors[i] = report.error();
      });
    }
    cluster.namenode.reset();
    cluster.namenode = std::make_unique<FakeNamenode>(cluster.names, port);
  }
  for (unsigned i = 0; i < kWriters; ++i) {
    INFO((errors[i] ? errors[i]->message : std::string()));
    REQUIRE_FALSE(errors[i].has_value());
    CHECK(read_all(*cluster.files, "/f" + std::to_string(i)) == content_of(600'000, i));
  }
}

}  // namespace
}  // namespace minidfs::client
