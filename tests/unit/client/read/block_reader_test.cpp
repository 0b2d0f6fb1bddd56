// Many parts of blocks read on one thread, from datanodes some of which hang.
#include "client/read/block_reader.hpp"
// The above comes first: see net/asio.hpp.
#include <boost/asio/detached.hpp>

#include "client/read/file_reader.hpp"
#include "support/threads.hpp"
#include "unit/client/hanging_cluster.hpp"

namespace minidfs::client {
namespace {

// One read of a range, on the loop of the test.
struct Reading {
  Reading(asio::io_context& io, ClientContext& context, const std::string& path,
          const metadata::LocatedBlock& block, std::uint64_t from, std::uint64_t length)
      : offset(from), reader(io.get_executor(), context, path, failed, block, from, length) {
    asio::co_spawn(
        io, [this]() -> asio::awaitable<void> { return read(); }, asio::detached);
  }

  asio::awaitable<void> read() {
    co_await reader.request_ahead();
    const transfer::ByteSink sink = [this](std::span<const std::byte> bytes) {
      got.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return Status();
    };
    Status ended = co_await reader.receive(sink);
    status = std::move(ended);
  }

  std::uint64_t offset;
  FailedNodes failed;
  BlockReader reader;
  std::string got;
  std::optional<Status> status;
};

// A client of the cluster and a file that it can read.
struct Reader {
  Reader(HangingCluster& hanging, Options options, std::size_t bytes)
      : content(content_of(bytes)), context([&] {
          TextSource source(content);
          REQUIRE(hanging.cluster.files->write_file(path, source, {}).ok());
          options.namenodes = {hanging.cluster.namenode->address()};
          return options;
        }()) {
    auto file = locate_page(context, path, 0);
    REQUIRE(file.ok());
    REQUIRE(file->blocks.size() == 1);
    block = file->blocks.front();
  }

  const std::string path = "/f";
  std::string content;
  ClientContext context;
  metadata::LocatedBlock block;
};

TEST_CASE("Fifty parts of a block are read on one thread though its first datanode hangs") {
  constexpr std::size_t kPart = 12'345;
  HangingCluster hanging(3);
  Reader client(hanging, impatient(), 50 * kPart);
  REQUIRE(client.block.locations.size() == 3);
  hanging.relay_of(client.block.locations.front().node).freeze();
  asio::io_context io(1);
  std::deque<Reading> readings;
  for (std::size_t i = 0; i < 50; ++i) {
    readings.emplace_back(io, client.context, client.path, client.block, i * kPart, kPart);
  }
  const auto threads = test::threads_of_this_process();
  std::ptrdiff_t threads_max = 0;
  while (io.run_one() > 0) threads_max = std::max(threads_max, test::threads_of_this_process());
  CHECK(threads_max <= threads);
  for (const auto& reading : readings) {
    REQUIRE(reading.status.has_value());
    INFO((reading.status->ok() ? "" : reading.status->error().message));
    CHECK(reading.status->ok());
    CHECK((reading.got == client.content.substr(reading.offset, kPart)));
  }
}

TEST_CASE("A read that would wait for an hour ends when it is cancelled, whatever it waits for") {
  Options options = impatient();
  options.progress_timeout = options.timeout = std::chrono::hours(1);
  options.hedge_after = GENERATE(milliseconds(0), milliseconds(1));
  const auto mute = GENERATE(false, true);
  const auto nowhere = GENERATE(false, true);
  HangingCluster hanging(2);
  Reader client(hanging, options, 300'000);
  for (const auto& relay : hanging.relays) mute ? relay->mute() : relay->freeze();
  if (nowhere) {
    // The namenode, which is asked, does not know where either, and is asked again and again.
    client.block.locations.clear();
    const std::lock_guard lock(hanging.cluster.names->mutex);
    hanging.cluster.names->files[client.path].blocks[0].locations.clear();
    hanging.cluster.names->safe_mode = true;
  }
  asio::io_context io(1);
  Reading reading(io, client.context, client.path, client.block, 0, 300'000);
  io.run_for(milliseconds(100));
  REQUIRE(!reading.status);
  reading.reader.cancel();
  while (!reading.status) io.run_one();
  REQUIRE(!reading.status->ok());
  CHECK(reading.status->error().code == Errc::kCancelled);
  CHECK(!reading.reader.is_hopeless());
}

}  // namespace
}  // namespace minidfs::client
