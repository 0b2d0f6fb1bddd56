// Many blocks written on one thread, to datanodes some of which hang.
#include "client/write/block_writer.hpp"
// The above comes first: see net/asio.hpp.
#include <boost/asio/detached.hpp>
#include <deque>

#include "client/write/file_writer.hpp"
#include "support/threads.hpp"
#include "unit/client/hanging_cluster.hpp"

namespace minidfs::client {
namespace {

class TextBlock final : public BlockSource {
 public:
  explicit TextBlock(std::string content) : text(std::move(content)) {}
  std::uint64_t length_max() const override { return text.size(); }
  Result<std::span<const std::byte>> read(std::uint64_t offset,
                                          std::span<std::byte> buffer) override {
    const auto rest = std::as_bytes(std::span(text)).subspan(static_cast<std::size_t>(offset));
    return rest.first(std::min(rest.size(), buffer.size()));
  }

  const std::string text;
};

// A client of the cluster with a write session.
struct Client {
  Client(HangingCluster& hanging, Options settings, std::uint8_t replication)
      : context([&] {
          settings.namenodes = {hanging.cluster.namenode->address()};
          return settings;
        }()),
        session(context),
        options{{}, replication, nullptr} {}

  PipelineDemand demand() const { return {{}, 1, 1 << 20, options.replication}; }

  ClientContext context;
  WriteSession session;
  ProgressCallback nobody;
  ProgressMeter progress{nobody};
  BlockWriteOptions options;
};

// One block on its way, on the loop of the test.
struct Writing {
  Writing(asio::io_context& io, Client& client, std::string text)
      : source(std::move(text)),
        block{&source},
        space(client.options.compression),
        writer(io.get_executor(), client.session, client.progress, client.options, space) {
    asio::co_spawn(
        io,
        [this, first = client.session.request_pipeline(client.demand())]() mutable {
          return write(std::move(first));
        },
        asio::detached);
  }

  asio::awaitable<void> write(Result<Pipeline> first) {
    co_await writer.send({&block, 1}, std::move(first));
    Status finished = co_await writer.finish();
    ended = std::move(finished);
  }

  TextBlock source;
  BlockToWrite block;
  SendingSpace space;
  BlockWriter writer;
  std::optional<Status> ended;
};

TEST_CASE("Two hundred blocks are written on one thread though the first datanode hangs") {
  auto options = impatient();
  // No node but the one that is meant shall seem to hang, however busy this machine is.
  options.progress_timeout = milliseconds(2500);
  options.timeout = milliseconds(60'000);
  HangingCluster hanging(3, options, milliseconds(2000));
  Client client(hanging, options, 2);
  asio::io_context io(1);
  {
    // What runs on threads of its own, such as the disks of the datanodes, does so from now on.
    Writing first(io, client, content_of(2 * kChunkBytes));
    io.run();
    REQUIRE(first.ended->ok());
  }
  const auto hangs = hanging.target(0);
  hanging.relay_of(hangs).freeze();
  std::deque<Writing> writings;
  for (unsigned i = 0; i < 200; ++i) {
    writings.emplace_back(io, client, content_of(i % 8 == 0 ? kChunkBytes + 25'000 : 20'000, i));
  }
  io.restart();
  const auto threads = test::threads_of_this_process();
  std::ptrdiff_t threads_max = 0;
  while (io.run_one() > 0) threads_max = std::max(threads_max, test::threads_of_this_process());
  CHECK(threads_max <= threads);
  FileSettings settings;
  settings.replication = client.options.replication;
  settings.block_size = options.block_size;
  std::vector<FinishedFile> files;
  for (const auto& writing : writings) {
    REQUIRE(writing.ended.has_value());
    INFO((writing.ended->ok() ? "" : writing.ended->error().message));
    REQUIRE(writing.ended->ok());
    const auto& nodes = writing.block.stored.nodes;
    CHECK(nodes.size() == 2);
    CHECK(std::find(nodes.begin(), nodes.end(), hangs) == nodes.end());
    files.push_back(finished_file(options, settings, "/" + std::to_string(files.size()), {}));
    files.back().blocks.push_back(writing.block.stored);
  }
  REQUIRE(client.session.commit(std::move(files)).ok());
  for (std::size_t i = 0; i < writings.size(); ++i) {
    CHECK((read_all(*hanging.cluster.files, "/" + std::to_string(i)) == writings[i].source.text));
  }
}

TEST_CASE("A write that would wait for an hour ends when it is cancelled, whatever it waits for") {
  enum class For { kWelcome, kAck };
  const auto what = GENERATE(For::kWelcome, For::kAck);
  auto options = impatient();
  options.progress_timeout = options.timeout = std::chrono::hours(1);
  HangingCluster hanging(1, options);
  if (what == For::kWelcome) hanging.relays[0]->freeze();
  if (what == For::kAck) hanging.relays[0]->freeze_after(1);
  Client client(hanging, options, 1);
  asio::io_context io(1);
  Writing writing(io, client, content_of(100'000));
  io.run_for(milliseconds(200));
  REQUIRE(!writing.ended);
  writing.writer.cancel();
  while (!writing.ended) io.run_one();
  REQUIRE(!writing.ended->ok());
  CHECK(writing.ended->error().code == Errc::kCancelled);
  CHECK(client.context.health.failed().empty());
}

}  // namespace
}  // namespace minidfs::client
