// Files are written piece by piece on a loop that never blocks.
#include "unit/client/async/async_client.hpp"
// The above comes first: see net/asio.hpp.
#include <atomic>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include "client/write/block_writer.hpp"
#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

bool eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

// A session has ended, with blocks given up, and there is no file.
bool left_nothing(FakeCluster& cluster) {
  const std::lock_guard lock(cluster.names->mutex);
  const auto& names = *cluster.names;
  return names.files.empty() && names.ended.size() == 1 && !names.ended[0].abandoned.empty();
}

TEST_CASE("What was uploaded in pieces of odd sizes is read back, whatever its length") {
  static constexpr std::size_t kBlock = 1'100'000;  // No whole number of chunks.
  FakeCluster cluster(3, quick(kBlock));
  const AsyncClient client(cluster, quick(kBlock));
  int number = 0;
  for (const auto size : {std::size_t{1}, std::size_t{70'000}, kChunkBytes - 1, kChunkBytes,
                          kChunkBytes + 1, kBlock, kBlock + 1, 2 * kBlock, 5 * kBlock + 12'345}) {
    for (const auto piece : {std::size_t{100'003}, kChunkBytes, std::size_t{3'000'000}}) {
      CAPTURE(size, piece);
      const auto content = content_of(size, static_cast<unsigned>(size));
      const auto path = "/d/f" + std::to_string(number++);
      const auto status = client.put(path, content, piece);
      INFO((status.ok() ? "" : status.error().message));
      REQUIRE(status.ok());
      CHECK((read_all(*cluster.files, path) == content));
      const auto& file = cluster.names->files[path];
      CHECK(file.blocks.size() == (size + kBlock - 1) / kBlock);
      for (const auto& block : file.blocks) CHECK(block.locations.size() == 3);
    }
  }
}

TEST_CASE("An empty upload is one request and needs no datanode") {
  FakeCluster cluster(0);
  const AsyncClient client(cluster);
  REQUIRE(client.put("/empty", "", 1).ok());
  CHECK(cluster.names->requests == std::map<std::string, int>{{"commit", 1}});
  CHECK(cluster.names->files["/empty"].blocks.empty());
}

TEST_CASE("An upload says what the file is to be") {
  FakeCluster cluster(2);
  const AsyncClient client(cluster);
  UploadSettings settings;
  settings.permission = 0600;
  settings.replication = 1;
  settings.compression = "zstd";
  settings.block_size = 200'000;
  std::string content;
  while (content.size() < 900'000) content += "the same line again and again\n";
  REQUIRE(client.put("/f", content, 50'000, settings).ok());
  const auto& file = cluster.names->files["/f"];
  CHECK(file.status.permission == 0600);
  CHECK(file.status.replication == 1);
  CHECK(file.blocks.size() == 5);
  CHECK((read_all(*cluster.files, "/f") == content));
  CHECK(cluster.datanodes[0]->store().usage().used_bytes +
            cluster.datanodes[1]->store().usage().used_bytes <
        content.size() / 2);

  settings.compression = "none such";
  const auto refused = FileUpload::make(client.loop->executor(), *client.context, "/g", settings);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kInvalidArgument);
}

TEST_CASE("An upload whose first datanode dies in the middle of a block is stored whole") {
  FakeCluster cluster(3, quick(4 << 20));
  const AsyncClient client(cluster, quick(4 << 20));
  const auto content = content_of((9 << 20) + 5);
  const auto upload = client.upload("/f");
  REQUIRE(client.write(*upload, content.substr(0, 2 << 20), 100'000).ok());
  // The fake gives out the second node first.
  cluster.datanodes[1]->stop();
  REQUIRE(client.write(*upload, content.substr(2 << 20), 100'000).ok());
  const auto status = client.run(*upload, upload->commit());
  INFO((status.ok() ? "" : status.error().message));
  REQUIRE(status.ok());
  client.run(*upload, upload->close());
  CHECK((read_all(*cluster.files, "/f") == content));
  for (const auto& block : cluster.names->files["/f"].blocks) CHECK(block.locations.size() == 2);
}

TEST_CASE("An upload during which all datanodes were away is kept until there are some again") {
  auto options = quick(8 << 20);
  options.timeout = milliseconds(300);
  FakeCluster cluster(1, options);
  const AsyncClient client(cluster, options);
  const auto content = content_of((4 << 20) + 5);
  const auto upload = client.upload("/f");
  REQUIRE(client.write(*upload, content.substr(0, 1 << 20), 100'000).ok());
  cluster.datanodes[0]->stop();
  const auto stopped = std::chrono::steady_clock::now();
  std::size_t at = 1 << 20;
  // Longer than failures are borne, which are four at least.
  while (std::chrono::steady_clock::now() - stopped < std::chrono::seconds(3) && at < (3 << 20)) {
    REQUIRE(client.write(*upload, content.substr(at, 50'000), 50'000).ok());
    at += 50'000;
    std::this_thread::sleep_for(milliseconds(50));
  }
  cluster.datanodes.push_back(
      std::make_unique<FakeDatanode>(cluster.names->cluster, std::chrono::seconds(5)));
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->nodes = {cluster.datanodes.back()->location()};
  }
  REQUIRE(client.write(*upload, content.substr(at), 50'000).ok());
  const auto status = client.run(*upload, upload->commit());
  INFO((status.ok() ? "" : status.error().message));
  REQUIRE(status.ok());
  client.run(*upload, upload->close());
  CHECK((read_all(*cluster.files, "/f") == content));
}

TEST_CASE("When no datanode can be reached an upload fails and gives its blocks up") {
  auto options = quick();
  options.timeout = milliseconds(1000);
  FakeCluster cluster(2, options);
  for (auto& node : cluster.datanodes) node->stop();
  const AsyncClient client(cluster, options);
  const auto status = client.put("/f", content_of(3 << 20), 100'000);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, Catch::StartsWith("/f: ") && Catch::Contains("127.0.0.1:"));
  CHECK(left_nothing(cluster));
}

TEST_CASE("An upload that is never committed leaves nothing") {
  FakeCluster cluster(2);
  const AsyncClient client(cluster);
  auto upload = client.upload("/f");
  const std::size_t bytes = GENERATE(10'000, 700'000);
  REQUIRE(client.write(*upload, content_of(bytes), 50'000).ok());
  if (bytes == 10'000) {
    // Not even a block was begun.
    client.run(*upload, upload->close());
    CHECK(cluster.names->requests.empty());
    return;
  }
  SECTION("when it is closed, which waits for that") {
    client.run(*upload, upload->close());
    CHECK(left_nothing(cluster));
  }
  SECTION("when it is not closed") {
    upload.reset();
    client.go_on(milliseconds(100));
    CHECK(eventually([&] { return left_nothing(cluster); }));
  }
}

TEST_CASE("An upload and its loop may end in the middle of everything") {
  FakeCluster cluster(2);
  const AsyncClient client(cluster);
  FreezingRelay relay(cluster.datanodes[1]->location().data.port);
  relay.freeze_after(1);
  cluster.names->nodes[1].data = relay.address();
  const auto steps = GENERATE(1, 3, 10, 30, 60, 200);
  {
    asio::io_context io(1);
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          const auto content = content_of(3 << 20);
          const auto upload = *FileUpload::make(io.get_executor(), *client.context, "/f", {});
          (void)co_await upload->write(bytes_of(content));
          (void)co_await upload->commit();
        },
        asio::detached);
    for (int i = 0; i < steps; ++i) io.run_one_for(milliseconds(5));
  }
  CHECK(cluster.names->files.empty());
}

TEST_CASE("An upload to a name that exists is refused, unless it is to be replaced") {
  FakeCluster cluster(1);
  write_text(*cluster.files, "/d/f", "first");
  const AsyncClient client(cluster);
  const auto refused = [&](const Status& status, Errc code) {
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == code);
    CHECK_THAT(status.error().message, Catch::StartsWith("/d"));
  };
  SECTION("before any byte") {
    const auto upload = client.upload("/d/f");
    refused(client.run(*upload, upload->check()), Errc::kAlreadyExists);
    refused(client.write(*upload, "second", 6), Errc::kAlreadyExists);
    client.run(*upload, upload->close());
  }
  SECTION("by the commit") {
    refused(client.put("/d/f", "", 1), Errc::kAlreadyExists);
    refused(client.put("/d/f", "second", 6), Errc::kAlreadyExists);
    refused(client.put("/d/f", content_of(2'000'000), 300'000), Errc::kAlreadyExists);
  }
  SECTION("as a directory") {
    const auto upload = client.upload("/d");
    refused(client.run(*upload, upload->check()), Errc::kIsADirectory);
  }
  CHECK(read_all(*cluster.files, "/d/f") == "first");

  UploadSettings settings;
  settings.overwrite = true;
  const auto upload = client.upload("/d/f", settings);
  CHECK(client.run(*upload, upload->check()).ok());
  REQUIRE(client.put("/d/f", "second", 6, settings).ok());
  CHECK(read_all(*cluster.files, "/d/f") == "second");
}

TEST_CASE("A name is checked with its parent when that is not to be made") {
  FakeCluster cluster(0);
  const AsyncClient client(cluster);
  UploadSettings settings;
  settings.parents = false;
  const auto checked = [&](const std::string& path) {
    const auto upload = client.upload(path, settings);
    return client.run(*upload, upload->check());
  };
  CHECK(checked("/f").ok());
  CHECK(checked("/none/f").error().code == Errc::kNotFound);
  settings.parents = true;
  CHECK(checked("/none/f").ok());
}

TEST_CASE("Of a long upload the beginning is staged while it is written") {
  FakeCluster cluster(1);
  const AsyncClient client(cluster);
  UploadSettings settings;
  settings.block_size = 1000;
  settings.replication = 1;
  const auto upload = std::move(
      *FileUpload::make(client.loop->executor(), *client.context, "/f", settings, {8, 4}));
  const auto content = content_of(50'007);
  REQUIRE(client.write(*upload, content, 700).ok());
  client.go_on(milliseconds(500));
  {
    const std::lock_guard lock(cluster.names->mutex);
    CHECK(cluster.names->requests["stage"] > 0);
  }
  REQUIRE(client.run(*upload, upload->commit()).ok());
  client.run(*upload, upload->close());
  CHECK(cluster.names->requests["stage"] >= 10);
  CHECK(cluster.names->files["/f"].blocks.size() == 51);
  CHECK((read_all(*cluster.files, "/f") == content));
}

TEST_CASE("An upload that would wait for an hour ends when it is cancelled") {
  enum class For { kDatanode, kBytes, kPipeline, kCommit };
  const auto what = GENERATE(For::kDatanode, For::kBytes, For::kPipeline, For::kCommit);
  auto options = quick(1 << 20);
  options.progress_timeout = options.timeout = std::chrono::hours(1);
  FakeCluster cluster(1, options);
  FreezingRelay relay(cluster.datanodes[0]->location().data.port);
  cluster.names->nodes[0].data = relay.address();
  if (what == For::kDatanode) relay.freeze();
  std::atomic<bool> released{false};
  cluster.names->failure = [&](const std::string& kind) -> std::optional<Error> {
    const bool holds = (what == For::kPipeline && kind == "allocate") ||
                       (what == For::kCommit && kind == "commit");
    while (holds && !released) std::this_thread::sleep_for(milliseconds(5));
    return std::nullopt;
  };
  const AsyncClient client(cluster, options);
  asio::io_context io(1);
  const auto content = content_of(what == For::kDatanode ? 30 << 20 : 700'000);
  std::optional<Status> ended;
  const auto upload = std::move(*FileUpload::make(io.get_executor(), *client.context, "/f", {}));
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        Status status = co_await upload->write(bytes_of(content));
        if (status.ok() && what != For::kBytes) status = co_await upload->commit();
        ended = std::move(status);
      },
      asio::detached);
  io.run_for(milliseconds(300));
  CHECK(ended.has_value() == (what == For::kBytes));
  upload->cancel();
  if (what != For::kBytes) {
    while (!ended) io.run_one_for(std::chrono::seconds(10));
    REQUIRE_FALSE(ended->ok());
    CHECK(ended->error().code == Errc::kCancelled);
  }
  released = true;
  bool closed = false;
  io.restart();
  asio::co_spawn(io, upload->close(), [&](const std::exception_ptr&) { closed = true; });
  while (!closed) REQUIRE(io.run_one_for(std::chrono::seconds(10)) > 0);
  CHECK(client.run(*upload, upload->write(bytes_of("more"))).error().code == Errc::kCancelled);
  const std::lock_guard lock(cluster.names->mutex);
  cluster.names->failure = nullptr;
}

}  // namespace
}  // namespace minidfs::client
