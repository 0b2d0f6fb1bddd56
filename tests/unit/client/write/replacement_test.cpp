// Nodes that are lost in the middle of a block and replaced before its end.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <utility>

#include "base/file.hpp"
#include "client/local_source.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/hanging_cluster.hpp"

namespace minidfs::client {
namespace {

using std::chrono::seconds;

// Much more than the buffers of all sockets on the way: while a block of this length is sent, what
// the nodes say of its beginning arrives.
constexpr std::uint64_t kBlockBytes = 64ULL << 20;

// One block, written to nodes that get lost. Remembers how much of it had reached the first node
// each time that the namenode was asked for a pipeline without some node.
struct OneBlock {
  explicit OneBlock(std::size_t nodes) : hanging(nodes, options(), milliseconds(2000)) {
    cluster.names->failure = [this](const std::string& request) -> std::optional<Error> {
      if (request == "allocate" && lost && on_ask) on_ask();
      if (request == "allocate") sent_at.push_back(first_relay.requested_bytes());
      if (request == "allocate") noticed.notify_all();
      return {};
    };
  }
  ~OneBlock() {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->failure = nullptr;
  }

  static Options options() {
    auto options = impatient();
    options.block_size = kBlockBytes;
    // No node but the one that is meant shall seem to hang, however busy this machine is.
    options.progress_timeout = milliseconds(2500);
    return options;
  }

  void lose(std::size_t place, bool hangs) {
    lost = true;
    ++losses;
    if (hangs) {
      hanging.relay_of(hanging.target(place)).freeze();
    } else {
      cluster.datanodes[(place + 1) % cluster.datanodes.size()]->stop();
    }
  }

  // Requests for a replacement, each with what was sent before it.
  std::vector<std::uint64_t> asked() {
    const std::lock_guard lock(cluster.names->mutex);
    std::vector<std::uint64_t> sent;
    for (std::size_t i = 0; i < cluster.names->allocations.size(); ++i) {
      if (!cluster.names->allocations[i].excluded.empty()) sent.push_back(sent_at.at(i));
    }
    return sent;
  }
  std::size_t times_asked() { return asked().size(); }

  // Called before each further piece: a source that is slower than the news of a loss, as most are
  // on a network and none is on this machine.
  void pace() {
    std::unique_lock lock(cluster.names->mutex);
    noticed.wait_for(lock, milliseconds(100), [&] {
      const auto& allocations = cluster.names->allocations;
      return std::count_if(allocations.begin(), allocations.end(), [](const auto& allocation) {
               return !allocation.excluded.empty();
             }) >= losses;
    });
  }

  // From a local file; `begun` is called when its first bytes were read.
  Result<WriteReport> write_file(const std::string& path, std::function<void()> begun) {
    auto source = LocalSource::open(path);
    REQUIRE(source.ok());
    WriteOptions write;
    write.progress = [&](const Progress& progress) {
      if (progress.bytes_done < kBlockBytes && begun) std::exchange(begun, nullptr)();
      bytes_told = progress.bytes_done;
      pace();
    };
    return cluster.files->write_file("/f", *source, write);
  }

  // As a stream; `at` is called with how far it was read, before more is given, as soon as the
  // first node was sent some of it.
  Result<WriteReport> write_stream(std::function<void(std::size_t)> at) {
    TextSource source(content);
    bool begun = false;
    source.before_read = [&](std::size_t position) {
      if (!begun && first_relay.requested_bytes() > 0) {
        take_grant_for_next_block();
        begun = true;
      }
      if (at && begun) at(position);
      pace();
    };
    WriteOptions write;
    write.progress = [&](const Progress& progress) { bytes_told = progress.bytes_done; };
    return cluster.files->write_file("/f", source, write);
  }

  // A stream may have another block, for which a pipeline is asked ahead. A node that is lost
  // meanwhile would make the writer ask for that one twice.
  void take_grant_for_next_block() {
    {
      std::unique_lock lock(cluster.names->mutex);
      REQUIRE(noticed.wait_for(lock, seconds(20), [&] { return sent_at.size() == 2; }));
    }
    // Answers come in the order of the requests.
    REQUIRE(cluster.files->stat("/").ok());
  }

  std::vector<NodeId> nodes_of_block() {
    const std::lock_guard lock(cluster.names->mutex);
    std::vector<NodeId> nodes;
    for (const auto& block : cluster.names->files.at("/f").blocks) {
      for (const auto& location : block.locations) nodes.push_back(location.node);
    }
    return nodes;
  }
  bool has_copy_on(NodeId node) {
    const auto nodes = nodes_of_block();
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
  }

  HangingCluster hanging;
  FakeCluster& cluster = hanging.cluster;
  FreezingRelay& first_relay = hanging.relay_of(hanging.target(0));
  const std::string content = content_of(kBlockBytes);
  std::atomic<bool> lost{false};
  std::atomic<int> losses{0};
  std::condition_variable noticed;  // Some question, with the mutex of the names.
  std::function<void()> on_ask;
  std::vector<std::uint64_t> sent_at;  // Guarded by the mutex of the names.
  std::uint64_t bytes_told = 0;
};

void check_replaced(OneBlock& block, const Result<WriteReport>& report, std::size_t place) {
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->copies_min == 3);
  CHECK(block.nodes_of_block().size() == 3);
  CHECK(!block.has_copy_on(block.hanging.target(place)));
  CHECK(block.has_copy_on(block.hanging.target(3)));
  const auto asked = block.asked();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0] < kBlockBytes);  // The end of the block was not needed.
  CHECK(block.bytes_told == kBlockBytes);
  CHECK((read_all(*block.cluster.files, "/f") == block.content));
}

TEST_CASE(
    "A node that is lost early in a block of a local file is replaced before the block ends") {
  const std::size_t place = GENERATE(0U, 1U, 2U);
  const bool hangs = GENERATE(false, true);
  INFO("the node at place " << place << (hangs ? " hangs" : " dies"));
  OneBlock block(4);
  test::TemporaryDirectory directory;
  const auto path = directory.file("source");
  std::ofstream(path, std::ios::binary) << block.content;
  const auto report = block.write_file(path, [&] { block.lose(place, hangs); });
  check_replaced(block, report, place);
}

TEST_CASE("A node that is lost early in a block of a stream is replaced before the block ends") {
  const std::size_t place = GENERATE(0U, 1U, 2U);
  const bool hangs = GENERATE(false, true);
  INFO("the node at place " << place << (hangs ? " hangs" : " dies"));
  OneBlock block(4);
  std::atomic<std::size_t> position{0};
  std::size_t position_at_ask = SIZE_MAX;
  block.on_ask = [&] { position_at_ask = position; };
  const auto report = block.write_stream([&](std::size_t at) {
    position = at;
    if (!block.lost) block.lose(place, hangs);
  });
  check_replaced(block, report, place);
  CHECK(position_at_ask < kBlockBytes);
}

TEST_CASE("A node that refuses a block is replaced before the block ends") {
  OneBlock block(4);
  // Half a replica from another life stands in the way.
  const auto& refusing = block.cluster.datanodes[2];
  REQUIRE(refusing->location().node == block.hanging.target(1));
  const auto in_the_way = refusing->store().create(BlockId{1}, 1, 0);
  REQUIRE(in_the_way.ok());
  block.lost = true;
  check_replaced(block, block.write_stream({}), 1);
  CHECK(block.has_copy_on(block.hanging.target(2)));  // Which stood behind it.
}

TEST_CASE("Without a node to replace a lost one the block goes on and nobody is asked twice") {
  OneBlock block(3);
  Result<WriteReport> report = Error{Errc::kInternal, "nothing was written"};
  SECTION("from a local file") {
    test::TemporaryDirectory directory;
    const auto path = directory.file("source");
    std::ofstream(path, std::ios::binary) << block.content;
    report = block.write_file(path, [&] { block.lose(2, false); });
    CHECK(block.times_asked() == 1);
  }
  SECTION("from a stream") {
    report = block.write_stream([&](std::size_t) {
      if (!block.lost) block.lose(2, false);
    });
    CHECK(block.times_asked() == 1);
  }
  SECTION("until another one is lost") {
    bool second = false;
    report = block.write_stream([&](std::size_t) {
      if (!block.lost) block.lose(2, false);
      if (!second && block.times_asked() == 1) {
        second = true;
        block.lose(1, false);
      }
    });
    CHECK(second);
    CHECK(block.times_asked() == 2);
  }
  REQUIRE(report.ok());
  CHECK(report->copies_min == 4 - block.times_asked() - 1);
  CHECK(block.asked()[0] < kBlockBytes);
  // It went on in the pipeline that it had begun in.
  CHECK(block.cluster.names->files.at("/f").blocks.at(0).block.id == BlockId{1});
  CHECK(block.first_relay.requested_bytes() < 2 * kBlockBytes);
  CHECK(block.bytes_told == kBlockBytes);
  CHECK((read_all(*block.cluster.files, "/f") == block.content));
}

TEST_CASE(
    "A local file that changes between two beginnings of its block is stored in one version") {
  OneBlock block(4);
  test::TemporaryDirectory directory;
  const auto path = directory.file("source");
  std::ofstream(path, std::ios::binary) << block.content;
  const auto other = content_of(kBlockBytes, 7);
  block.on_ask = [&] {
    const auto file = open_file(path, O_WRONLY);
    REQUIRE(write_at(file->get(), std::as_bytes(std::span(other)), 0, path).ok());
  };
  const auto report = block.write_file(path, [&] { block.lose(1, false); });
  REQUIRE(report.ok());
  CHECK(report->copies_min == 3);
  CHECK(block.times_asked() == 1);
  CHECK((read_all(*block.cluster.files, "/f") == other));
}

TEST_CASE("A local file that shrinks between two beginnings of its block is stored as it is then") {
  OneBlock block(4);
  test::TemporaryDirectory directory;
  const auto path = directory.file("source");
  std::ofstream(path, std::ios::binary) << block.content;
  block.on_ask = [&] { REQUIRE(::truncate(path.c_str(), 1 << 20) == 0); };
  const auto report = block.write_file(path, [&] { block.lose(1, false); });
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(block.times_asked() == 1);
  CHECK((read_all(*block.cluster.files, "/f") == block.content.substr(0, 1 << 20)));
}

}  // namespace
}  // namespace minidfs::client
