// Files are read piece by piece on a loop that never blocks.
#include "unit/client/async/async_client.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <future>
#include <vector>

#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

Options one_copy(std::uint64_t block_size) {
  auto options = quick(block_size);
  options.replication = 1;
  return options;
}

TEST_CASE("Any range is downloaded piece by piece, over several blocks and pages of them") {
  FakeCluster cluster(3, one_copy(700'000));
  const auto content = content_of(6'000'000);
  write_text(*cluster.files, "/f", content);
  cluster.names->blocks_page = 2;
  const AsyncClient client(cluster);
  for (const auto& [offset, length] :
       std::vector<std::pair<std::size_t, std::size_t>>{{0, SIZE_MAX},
                                                        {0, 1},
                                                        {699'999, 2},
                                                        {1'400'000, 1'400'000},
                                                        {1'399'999, 3'000'000},
                                                        {5'999'999, 100},
                                                        {6'000'000, 1},
                                                        {9'000'000, 1},
                                                        {5, 0}}) {
    CAPTURE(offset, length);
    const auto download = client.download("/f", offset, length);
    const auto expected = offset < content.size() ? content.substr(offset, length) : "";
    CHECK(download->length() == expected.size());
    const auto read = client.read(*download);
    REQUIRE(read.ok());
    CHECK((*read == expected));
    // The end stays the end.
    CHECK(client.run(*download, download->next())->empty());
  }
}

TEST_CASE("A block of several pieces is downloaded in them") {
  FakeCluster cluster(2, one_copy(8 << 20));
  const auto content = content_of((5 << 20) + 77);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  const auto download = client.download("/f", 10, UINT64_MAX);
  const auto first = client.run(*download, download->next());
  REQUIRE(first.ok());
  CHECK(first->size() == FileDownload::kPieceBytes);
  const auto rest = client.read(*download);
  REQUIRE(rest.ok());
  CHECK((*rest == content.substr(10 + FileDownload::kPieceBytes)));
}

TEST_CASE("What is taken on its way is not returned, and nothing is lost or told twice") {
  FakeCluster cluster(2, one_copy(1'500'000));
  const auto content = content_of(7'000'000);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  // All of it, none, or some of each.
  const std::size_t at_most = GENERATE(SIZE_MAX, 0, 1000, 65'536, 100'000);
  CAPTURE(at_most);
  const auto download = client.download("/f", 3, UINT64_MAX);
  std::string read;
  std::size_t returned = 0;
  const auto add = [&](std::span<const std::byte> bytes) {
    read.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  std::size_t calls = 0;
  const FileDownload::Taker take = [&](std::span<const std::byte> bytes) {
    // Now and then none, as a socket that is full.
    const auto taken = bytes.first(++calls % 7 == 0 ? 0 : std::min(bytes.size(), at_most));
    add(taken);
    return taken.size();
  };
  for (;;) {
    const auto piece = client.run(*download, download->next(take));
    REQUIRE(piece.ok());
    if (piece->empty()) break;
    CHECK(piece->size() <= FileDownload::kPieceBytes);
    returned += piece->size();
    add(*piece);
  }
  CHECK((read == content.substr(3)));
  CHECK(returned > 0);
  CHECK((returned == content.size() - 3) == (at_most == 0));
}

TEST_CASE("An empty file is downloaded without a datanode") {
  FakeCluster cluster(0, quick());
  write_text(*cluster.files, "/empty", "");
  const AsyncClient client(cluster);
  const auto download = client.download("/empty", 0, UINT64_MAX);
  CHECK(download->length() == 0);
  CHECK(client.read(*download).value().empty());
}

TEST_CASE("A download takes right bytes from another replica where one is corrupt") {
  FakeCluster cluster(2, quick(2 << 20));
  const auto content = content_of(2'000'000);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  flip_bytes(*cluster.datanodes[0]);
  auto download = client.download("/f", 0, UINT64_MAX);
  const auto read = client.read(*download);
  REQUIRE(read.ok());
  CHECK((*read == content));

  // No replica is left, and that stays so.
  flip_bytes(*cluster.datanodes[1]);
  download = client.download("/f", 0, UINT64_MAX);
  for (int i = 0; i < 2; ++i) {
    const auto piece = client.run(*download, download->next());
    REQUIRE_FALSE(piece.ok());
    CHECK_THAT(piece.error().message,
               Catch::StartsWith("/f: ") && Catch::Contains("cannot be read from any replica"));
  }
}

TEST_CASE("A datanode that dies during a download is left for another one") {
  FakeCluster cluster(2, quick(4 << 20));
  const auto content = content_of(9 << 20);
  write_text(*cluster.files, "/f", content);
  const AsyncClient client(cluster);
  const auto download = client.download("/f", 0, UINT64_MAX);
  const auto first = client.run(*download, download->next());
  REQUIRE(first.ok());
  cluster.datanodes[0]->stop();
  const auto rest = client.read(*download);
  REQUIRE(rest.ok());
  CHECK((*rest == content.substr(FileDownload::kPieceBytes)));
}

TEST_CASE("A file that is replaced between two pages is not downloaded as a mixture") {
  FakeCluster cluster(1, one_copy(10'000));
  write_text(*cluster.files, "/f", content_of(95'000));
  cluster.names->blocks_page = 3;
  const AsyncClient client(cluster);
  const auto download = client.download("/f", 0, UINT64_MAX);
  CHECK(client.run(*download, download->next())->size() == 10'000);
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->files.at("/f").status.id = InodeId{99};
  }
  const auto rest = client.read(*download);
  REQUIRE_FALSE(rest.ok());
  CHECK(rest.error().code == Errc::kStale);
  CHECK_THAT(rest.error().message, Catch::StartsWith("/f: "));
}

// The next piece, cancelled after a while in which it must not have come.
Result<std::span<const std::byte>> cancelled_piece(FileDownload& download, asio::io_context& io) {
  std::optional<Result<std::span<const std::byte>>> piece;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto next = co_await download.next();
        piece.emplace(std::move(next));
      },
      asio::detached);
  io.run_for(milliseconds(100));
  REQUIRE_FALSE(piece);
  download.cancel();
  io.run_for(std::chrono::seconds(10));
  REQUIRE(piece);
  return *piece;
}

TEST_CASE("A download that would wait for an hour ends when it is cancelled") {
  auto options = one_copy(10'000);
  options.progress_timeout = options.timeout = std::chrono::hours(1);
  FakeCluster cluster(1, options);
  write_text(*cluster.files, "/f", content_of(95'000));
  cluster.names->blocks_page = 3;
  FreezingRelay relay(cluster.datanodes[0]->location().data.port);
  const bool for_namenode = GENERATE(true, false);
  if (!for_namenode) {
    relay.freeze();
    for (auto& block : cluster.names->files.at("/f").blocks) {
      block.locations.front().data = relay.address();
    }
  }
  const AsyncClient client(cluster, options);
  asio::io_context io(1);
  auto first =
      client.context->link.call(actors::LocateRequest{"/f", client.context->host, 0}).value();
  std::promise<void> release;
  if (for_namenode) {
    first.blocks.clear();
    first.more = true;
    cluster.names->failure = [&](const std::string& kind) -> std::optional<Error> {
      if (kind == "locate") release.get_future().wait();
      return std::nullopt;
    };
  }
  {
    FileDownload download(io.get_executor(), *client.context, "/f", std::move(first), 0,
                          UINT64_MAX);
    const auto piece = cancelled_piece(download, io);
    REQUIRE_FALSE(piece.ok());
    CHECK(piece.error().code == Errc::kCancelled);
    CHECK(client.run(download, download.next()).error().code == Errc::kCancelled);
  }
  release.set_value();
}

}  // namespace
}  // namespace minidfs::client
