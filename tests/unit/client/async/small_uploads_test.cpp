// Small files that come at the same time are written together, and each of them by itself.
#include "unit/client/async/async_client.hpp"
// The above comes first: see net/asio.hpp.
#include <chrono>
#include <map>

#include "unit/client/freezing_relay.hpp"

namespace minidfs::client {
namespace {

// Files that are put on a loop of their own, which runs until all are answered, or not.
class Puts {
 public:
  explicit Puts(const AsyncClient& client) : client_(client) {}

  void put(const std::string& path, const std::string& content,
           const UploadSettings& settings = {}) {
    CHECK(is_small(*client_.context, settings, content.size()));
    put_small(*client_.context, io_.get_executor(), path, settings, content,
              [this, path](const Status& status) {
                ++answers_;
                outcomes_[path] = status;
              });
    ++asked_;
  }
  void run() {
    io_.restart();
    while (answers_ < asked_) REQUIRE(io_.run_one_for(std::chrono::seconds(20)) > 0);
  }
  Status outcome(const std::string& path) const { return outcomes_.at(path); }
  bool all_ok() const {
    return std::all_of(outcomes_.begin(), outcomes_.end(),
                       [](const auto& outcome) { return outcome.second.ok(); });
  }

 private:
  const AsyncClient& client_;
  int asked_ = 0;
  int answers_ = 0;
  std::map<std::string, Status> outcomes_;
  asio::io_context io_{1};  // The first to go: what waits on it is answered then.
};

std::string path_of(int number) { return "/s/f" + std::to_string(number); }

TEST_CASE("Small files that come at the same time are written in few requests") {
  FakeCluster cluster(3);
  const AsyncClient client(cluster);
  Puts puts(client);
  for (int i = 0; i < 100; ++i) puts.put(path_of(i), content_of(static_cast<std::size_t>(i) * 600));
  puts.run();
  CHECK(puts.all_ok());
  CHECK(cluster.names->requests["allocate"] <= 4);
  CHECK(cluster.names->requests["commit"] <= 4);
  for (int i = 0; i < 100; ++i) {
    CHECK((read_all(*cluster.files, path_of(i)) == content_of(static_cast<std::size_t>(i) * 600)));
    CHECK(cluster.names->files[path_of(i)].blocks.size() == (i == 0 ? 0 : 1));
  }
}

TEST_CASE("A small file that comes alone is stored at once") {
  FakeCluster cluster(2);
  const AsyncClient client(cluster);
  for (int i = 0; i < 3; ++i) {
    Puts puts(client);
    puts.put(path_of(i), "alone");
    puts.run();
    CHECK(puts.all_ok());
    CHECK(read_all(*cluster.files, path_of(i)) == "alone");
  }
}

TEST_CASE("Small files that are to be stored in other ways go together with none") {
  FakeCluster cluster(3);
  const AsyncClient client(cluster);
  Puts puts(client);
  const std::string content(5'000, 'x');
  for (int i = 0; i < 30; ++i) {
    UploadSettings settings;
    settings.replication = static_cast<std::uint8_t>(1 + i % 3);
    settings.compression = i % 2 == 0 ? "none" : "zstd";
    settings.permission = static_cast<std::uint16_t>(0600 + i);
    puts.put(path_of(i), content, settings);
  }
  puts.run();
  CHECK(puts.all_ok());
  for (int i = 0; i < 30; ++i) {
    const auto& file = cluster.names->files[path_of(i)];
    CHECK(file.status.replication == 1 + i % 3);
    CHECK(file.status.permission == 0600 + i);
    CHECK(file.blocks.at(0).locations.size() == static_cast<std::size_t>(1 + i % 3));
    CHECK(read_all(*cluster.files, path_of(i)) == content);
  }
}

TEST_CASE("What is wrong with one small file is not the others' failure") {
  FakeCluster cluster(1);
  write_text(*cluster.files, path_of(3), "first");
  const AsyncClient client(cluster);
  Puts puts(client);
  UploadSettings odd;
  odd.compression = "none such";
  puts.put("/odd", "x", odd);
  for (int i = 0; i < 10; ++i) puts.put(path_of(i), "second");
  puts.run();
  CHECK(puts.outcome("/odd").error().code == Errc::kInvalidArgument);
  for (int i = 0; i < 10; ++i) {
    if (i == 3) continue;
    CHECK(puts.outcome(path_of(i)).ok());
    CHECK(read_all(*cluster.files, path_of(i)) == "second");
  }
  REQUIRE_FALSE(puts.outcome(path_of(3)).ok());
  CHECK(puts.outcome(path_of(3)).error().code == Errc::kAlreadyExists);
  CHECK_THAT(puts.outcome(path_of(3)).error().message, Catch::StartsWith(path_of(3) + ": "));
  CHECK(read_all(*cluster.files, path_of(3)) == "first");
}

TEST_CASE("Small files are refused one by one when no datanode can be reached, and leave nothing") {
  auto options = quick();
  options.timeout = std::chrono::milliseconds(500);
  FakeCluster cluster(2, options);
  for (auto& node : cluster.datanodes) node->stop();
  const AsyncClient client(cluster, options);
  Puts puts(client);
  for (int i = 0; i < 5; ++i) puts.put(path_of(i), "lost");
  puts.put("/empty", "");
  puts.run();
  CHECK(puts.outcome("/empty").ok());
  for (int i = 0; i < 5; ++i) {
    REQUIRE_FALSE(puts.outcome(path_of(i)).ok());
    CHECK_THAT(puts.outcome(path_of(i)).error().message, Catch::StartsWith(path_of(i) + ": "));
  }
  CHECK(cluster.names->files.size() == 1);
}

TEST_CASE("What is larger than a block or than small is no small file") {
  FakeCluster cluster(1);
  const AsyncClient client(cluster);
  UploadSettings settings;
  CHECK(is_small(*client.context, settings, kSmallFileBytesMax));
  CHECK_FALSE(is_small(*client.context, settings, kSmallFileBytesMax + 1));
  settings.block_size = 1000;
  CHECK(is_small(*client.context, settings, 1000));
  CHECK_FALSE(is_small(*client.context, settings, 1001));
}

TEST_CASE("Whoever waits for a small file is answered when the loop that writes it ends") {
  FakeCluster cluster(2);
  const AsyncClient client(cluster);
  FreezingRelay relay(cluster.datanodes[1]->location().data.port);
  relay.freeze_after(1);
  cluster.names->nodes[1].data = relay.address();
  const auto steps = GENERATE(0, 1, 3, 10, 30);
  int answers = 0;
  {
    asio::io_context io(1);
    for (int i = 0; i < 5; ++i) {
      put_small(*client.context, io.get_executor(), path_of(i), {}, "frozen",
                [&answers](const Status& status) {
                  CHECK_FALSE(status.ok());
                  ++answers;
                });
    }
    for (int i = 0; i < steps; ++i) io.run_one_for(std::chrono::milliseconds(5));
  }
  CHECK(answers == 5);
  // Others are served as before.
  cluster.names->nodes[1].data = cluster.datanodes[1]->location().data;
  Puts puts(client);
  puts.put("/after", "all");
  puts.run();
  CHECK(puts.all_ok());
}

}  // namespace
}  // namespace minidfs::client
