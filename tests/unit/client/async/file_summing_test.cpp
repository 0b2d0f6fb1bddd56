// HDFS's checksum of a file is made by its datanodes.
#include "unit/client/async/async_client.hpp"
// The above comes first: see net/asio.hpp.
#include <boost/asio/detached.hpp>
#include <chrono>
#include <vector>

#include "client/async/file_summing.hpp"
#include "client/file_sum.hpp"
#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

constexpr auto kMode = CombineMode::kMd5Md5Crc;

// As a client would make it of all bytes.
std::string expected(const std::string& content, std::size_t block_size, CombineMode mode = kMode) {
  FileSum file(mode);
  for (std::size_t at = 0; at < content.size(); at += block_size) {
    const auto block = content.substr(at, block_size);
    transfer::BlockSummer summer;
    summer.add(bytes_of(block));
    file.add(summer.take(), block.size());
  }
  return file.take().hex;
}

actors::LocatedFile first_page(ClientContext& context, const std::string& path) {
  return context.link.call(actors::LocateRequest{path, context.host, 0}).value();
}

Result<std::string> sum_of(const AsyncClient& client, const std::string& path,
                           CombineMode mode = kMode) {
  FileSumming summing(client.loop->executor(), *client.context, path,
                      first_page(*client.context, path));
  MDFS_TRY(const auto sum, client.run(summing, summing.run(mode)));
  return sum.hex;
}

TEST_CASE("The checksum of a file of several pages of blocks is made in both modes") {
  FakeCluster cluster(3, quick(70'000));
  const auto content = content_of(1'000'123);
  write_text(*cluster.files, "/f", content);
  cluster.names->blocks_page = GENERATE(std::size_t{1}, std::size_t{4}, std::size_t{4096});
  const AsyncClient client(cluster);
  for (const auto mode : {CombineMode::kMd5Md5Crc, CombineMode::kCompositeCrc}) {
    CHECK(sum_of(client, "/f", mode).value() == expected(content, 70'000, mode));
    CHECK(cluster.files->hdfs_checksum("/f", mode).value().hex == expected(content, 70'000, mode));
  }
}

TEST_CASE("An empty file has a checksum without any datanode") {
  FakeCluster cluster(0, quick());
  write_text(*cluster.files, "/empty", "");
  CHECK(sum_of(AsyncClient(cluster), "/empty").value() == expected("", 1));
}

TEST_CASE("No byte of the file comes to who asks for its checksum") {
  auto options = quick(4 << 20);
  options.replication = 1;
  FakeCluster cluster(1, options);
  const auto content = content_of(3'000'000);
  write_text(*cluster.files, "/f", content);
  FreezingRelay relay(cluster.datanodes[0]->location().data.port);
  relay.freeze_after(10'000);  // What it lets through.
  cluster.names->files.at("/f").blocks[0].locations[0].data = relay.address();
  CHECK(sum_of(AsyncClient(cluster), "/f").value() == expected(content, 4 << 20));
}

TEST_CASE("A replica that is corrupt is left for another one") {
  FakeCluster cluster(2, quick(2 << 20));
  const auto content = content_of(2'000'000);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  flip_bytes(*cluster.datanodes[0]);
  CHECK(sum_of(client, "/f").value() == expected(content, 2 << 20));

  // No replica is left.
  flip_bytes(*cluster.datanodes[1]);
  const auto sum = sum_of(client, "/f");
  REQUIRE_FALSE(sum.ok());
  CHECK_THAT(sum.error().message,
             Catch::StartsWith("/f: ") && Catch::Contains("cannot be read from any replica"));
}

TEST_CASE("A datanode that is gone is left for another one, also by a connection that stood open") {
  FakeCluster cluster(2, quick(300'000));
  const auto content = content_of(2'000'000);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  if (GENERATE(true, false)) CHECK(sum_of(client, "/f").ok());
  cluster.datanodes[0]->stop();
  CHECK(sum_of(client, "/f").value() == expected(content, 300'000));
}

TEST_CASE("A datanode that hangs is left for another one within the time-out") {
  auto options = quick(300'000);
  options.progress_timeout = milliseconds(500);
  FakeCluster cluster(2, options);
  const auto content = content_of(1'000'000);
  write_text(*cluster.files, "/f", content);
  FreezingRelay relay(cluster.datanodes[0]->location().data.port);
  GENERATE(true, false) ? relay.freeze() : relay.mute();
  const auto hung = cluster.datanodes[0]->location().node;
  for (auto& block : cluster.names->files.at("/f").blocks) {
    std::partition(block.locations.begin(), block.locations.end(),
                   [&](const auto& location) { return location.node == hung; });
    REQUIRE(block.locations.front().node == hung);
    block.locations.front().data = relay.address();
  }
  const auto began = std::chrono::steady_clock::now();
  CHECK(sum_of(AsyncClient(cluster, options), "/f").value() == expected(content, 300'000));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(5));
}

TEST_CASE("A file that is replaced between two pages has no checksum of a mixture") {
  FakeCluster cluster(1, quick(10'000));
  write_text(*cluster.files, "/f", content_of(95'000));
  cluster.names->blocks_page = 3;
  const AsyncClient client(cluster);
  FileSumming summing(client.loop->executor(), *client.context, "/f",
                      first_page(*client.context, "/f"));
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->files.at("/f").status.id = InodeId{99};
  }
  const auto sum = client.run(summing, summing.run(kMode));
  REQUIRE_FALSE(sum.ok());
  CHECK(sum.error().code == Errc::kStale);
  CHECK_THAT(sum.error().message, Catch::StartsWith("/f: "));
}

TEST_CASE("A checksum that would be waited for an hour ends when it is cancelled") {
  auto options = quick(10'000);
  options.progress_timeout = options.timeout = std::chrono::hours(1);
  FakeCluster cluster(1, options);
  write_text(*cluster.files, "/f", content_of(95'000));
  FreezingRelay relay(cluster.datanodes[0]->location().data.port);
  GENERATE(true, false) ? relay.freeze() : relay.mute();
  for (auto& block : cluster.names->files.at("/f").blocks) {
    block.locations.front().data = relay.address();
  }
  const AsyncClient client(cluster, options);
  asio::io_context io(1);
  FileSumming summing(io.get_executor(), *client.context, "/f", first_page(*client.context, "/f"));
  std::optional<Result<HdfsChecksum>> sum;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto made = co_await summing.run(kMode);
        sum.emplace(std::move(made));
      },
      asio::detached);
  io.run_for(milliseconds(100));
  REQUIRE_FALSE(sum);
  summing.cancel();
  io.run_for(std::chrono::seconds(10));
  REQUIRE(sum);
  REQUIRE_FALSE(sum->ok());
  CHECK(sum->error().code == Errc::kCancelled);
}

}  // namespace
}  // namespace minidfs::client
