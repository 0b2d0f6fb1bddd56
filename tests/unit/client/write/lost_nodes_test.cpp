// Writes and reads whose datanodes die, hang or are slow.
#include <fstream>
#include <iterator>

#include "client/local_source.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/hanging_cluster.hpp"

namespace minidfs::client {
namespace {

using SteadyClock = std::chrono::steady_clock;

TEST_CASE("A block whose pipeline lost a node is written to a full one when there are nodes left") {
  const std::size_t place = GENERATE(0U, 1U, 2U);
  const bool hangs = GENERATE(false, true);
  INFO("the node at place " << place << (hangs ? " hangs" : " dies"));
  HangingCluster hanging(4);
  auto& cluster = hanging.cluster;
  const auto content = content_of(5 << 20);
  TextSource source(content);
  bool lost = false;
  source.before_read = [&](std::size_t position) {
    if (position < 300'000 || std::exchange(lost, true)) return;
    if (hangs) {
      hanging.relay_of(hanging.target(place)).freeze();
    } else {
      cluster.datanodes[(place + 1) % 4]->stop();
    }
  };
  const auto report = cluster.files->write_file("/f", source, {});
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  REQUIRE(lost);
  CHECK(report->copies_min == 3);
  CHECK(copies_of(cluster, "/f") == 3);
  CHECK(read_all(*cluster.files, "/f") == content);
  for (const auto& block : cluster.names->files["/f"].blocks) {
    for (const auto& location : block.locations) CHECK(location.node != hanging.target(place));
  }
}

TEST_CASE("A local file is written in full as well when a node in the middle hangs") {
  auto options = impatient();
  options.progress_timeout = milliseconds(5000);
  HangingCluster hanging(4, options, milliseconds(4000));
  auto& cluster = hanging.cluster;
  test::TemporaryDirectory directory;
  const auto path = directory.file("source");
  const auto content = content_of((6 << 20) + 12'345);
  std::ofstream(path, std::ios::binary) << content;
  hanging.relay_of(hanging.target(1)).freeze();
  auto source = LocalSource::open(path);
  REQUIRE(source.ok());
  const auto start = SteadyClock::now();
  const auto report = cluster.files->write_file("/f", *source, {});
  REQUIRE(report.ok());
  CHECK(report->copies_min == 3);
  CHECK(read_all(*cluster.files, "/f") == content);
  // It is waited for once, not once for each of the seven blocks (which would be 28 s).
  CHECK(SteadyClock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("Small files whose pipeline lost a node are written again in full") {
  const std::size_t place = GENERATE(0U, 1U, 2U);
  HangingCluster hanging(4);
  auto& cluster = hanging.cluster;
  test::TemporaryDirectory directory;
  std::vector<LocalFile> files;
  for (int i = 0; i < 20; ++i) {
    const auto name = "f" + std::to_string(i);
    std::ofstream(directory.file(name), std::ios::binary) << content_of(5000);
    files.push_back({directory.file(name), "/" + name});
  }
  hanging.relay_of(hanging.target(place)).freeze();
  std::uint64_t bytes_told = 0;
  WriteOptions options;
  options.progress = [&](const Progress& progress) { bytes_told = progress.bytes_done; };
  const auto report = cluster.files->write_files(files, options);
  REQUIRE(report.ok());
  CHECK(report->copies_min == 3);
  CHECK(bytes_told == 20 * 5000);
  for (const auto& file : files) {
    CHECK(copies_of(cluster, file.path) == 3);
    CHECK(read_all(*cluster.files, file.path) == content_of(5000));
  }
}

TEST_CASE("With fewer live nodes than client.min_replication a write fails and says why") {
  auto options = impatient();
  options.min_replication = 2;
  options.timeout = milliseconds(1500);
  FakeCluster cluster(2, options);
  TextSource good(content_of(100'000));
  REQUIRE(cluster.files->write_file("/good", good, {}).ok());
  cluster.datanodes[1]->stop();
  TextSource source(content_of(100'000));
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK_THAT(report.error().message,
             Catch::Contains("/f") && Catch::Contains("client.min_replication"));
  CHECK(cluster.names->files.count("/f") == 0);

  test::TemporaryDirectory directory;
  std::ofstream(directory.file("small"), std::ios::binary) << "content";
  const auto batch = cluster.files->write_files({{directory.file("small"), "/small"}}, {});
  REQUIRE_FALSE(batch.ok());
  CHECK_THAT(batch.error().message, Catch::Contains("client.min_replication"));

  // A file that shall have one copy only is not held to more.
  WriteOptions single;
  single.replication = 1;
  TextSource again(content_of(100'000));
  CHECK(cluster.files->write_file("/single", again, single).ok());
}

// Time-outs under which only a second request can be quick.
Options hedging() {
  auto options = impatient();
  options.block_size = 16 << 20;
  options.timeout = std::chrono::seconds(60);
  options.progress_timeout = std::chrono::seconds(30);
  return options;
}

TEST_CASE("A replica whose node hangs is read from another after the hedge's delay") {
  HangingCluster hanging(3, hedging());
  auto& cluster = hanging.cluster;
  const auto content = content_of(12 << 20);
  TextSource source(content);
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  // The fake names the first node as the first choice.
  SECTION("which is connected to only then") { hanging.relays[0]->freeze(); }
  SECTION("over a connection that stood idle") {
    CHECK(read_all(*cluster.files, "/f") == content);
    hanging.relays[0]->freeze();
  }
  SECTION("in the middle of the replica") { hanging.relays[0]->freeze_after(5 << 20); }
  SECTION("and with it a second one") {
    hanging.relays[0]->freeze_after(5 << 20);
    hanging.relays[1]->freeze();
  }
  const auto start = SteadyClock::now();
  CHECK(read_all(*cluster.files, "/f") == content);
  CHECK(SteadyClock::now() - start < std::chrono::seconds(20));
  // The node is not tried again first.
  CHECK(read_all(*cluster.files, "/f") == content);
  CHECK(SteadyClock::now() - start < std::chrono::seconds(25));
}

TEST_CASE("A replica that answers in time is asked for once") {
  HangingCluster hanging(3, [] {
    auto options = hedging();
    options.hedge_after = std::chrono::seconds(20);
    return options;
  }());
  auto& cluster = hanging.cluster;
  TextSource source(content_of(4 << 20));
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  const auto before = hanging.relays[1]->requested_bytes() + hanging.relays[2]->requested_bytes();
  CHECK(read_all(*cluster.files, "/f").size() == 4U << 20);
  CHECK(hanging.relays[1]->requested_bytes() + hanging.relays[2]->requested_bytes() == before);
}

TEST_CASE("Without hedging a hung node is left after the progress time-out") {
  auto options = impatient();
  options.hedge_after = milliseconds(0);
  HangingCluster hanging(2, options);
  auto& cluster = hanging.cluster;
  const auto content = content_of(1 << 20);
  TextSource source(content);
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  hanging.relays[0]->freeze();
  const auto start = SteadyClock::now();
  CHECK(read_all(*cluster.files, "/f") == content);
  CHECK(SteadyClock::now() - start >= options.progress_timeout);
}

TEST_CASE("When only one replica is left its node is given its full time") {
  auto options = hedging();
  options.hedge_after = milliseconds(1);
  HangingCluster hanging(1, options);
  auto& cluster = hanging.cluster;
  const auto content = content_of(12 << 20);
  TextSource source(content);
  REQUIRE(cluster.files->write_file("/f", source, {}).ok());
  CHECK(read_all(*cluster.files, "/f") == content);
}

TEST_CASE("A tree is read from the others when a node hangs") {
  HangingCluster hanging(2, hedging());
  auto& cluster = hanging.cluster;
  for (int i = 0; i < 10; ++i) {
    TextSource source(content_of(3000));
    REQUIRE(cluster.files->write_file("/t/f" + std::to_string(i), source, {}).ok());
  }
  hanging.relays[0]->freeze();
  test::TemporaryDirectory directory;
  const auto start = SteadyClock::now();
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), {}).ok());
  CHECK(SteadyClock::now() - start < std::chrono::seconds(20));
  for (int i = 0; i < 10; ++i) {
    std::ifstream file(directory.file("t/f" + std::to_string(i)), std::ios::binary);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == content_of(3000));
  }
}

}  // namespace
}  // namespace minidfs::client
