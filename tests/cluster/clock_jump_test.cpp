// A namenode whose clock jumps by years, on real processes and with the real client.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "client/link/namenode_link.hpp"
#include "cluster/test_cluster.hpp"
#include "unit/client/freezing_relay.hpp"

namespace minidfs::test {
namespace {

constexpr long kYear = 365L * 24 * 3600;

// How far the clocks of a cluster's processes are from the right time.
class ClockJump {
 public:
  ClockJump() { set(0); }
  ~ClockJump() { std::filesystem::remove(path_); }
  ClockJump(const ClockJump&) = delete;
  ClockJump& operator=(const ClockJump&) = delete;

  ClusterOptions options() const {
    ClusterOptions options;
    options.datanodes = 0;
    options.environment = {"LD_PRELOAD=" CLOCK_JUMP_LIBRARY,
                           "ASAN_OPTIONS=verify_asan_link_order=0", "CLOCK_JUMP_CONTROL=" + path_};
    return options;
  }
  void set(long seconds) {
    std::ofstream(path_ + ".new") << seconds;
    std::filesystem::rename(path_ + ".new", path_);
  }

 private:
  const std::string path_ = "/tmp/minidfs-clock-" + std::to_string(::getpid());
};

metadata::Endpoint namenode_of(const TestCluster& cluster) {
  const auto address = cluster.namenode_address();
  const auto port = std::stoi(address.substr(address.rfind(':') + 1));
  return {"127.0.0.1", static_cast<std::uint16_t>(port)};
}

std::int64_t modified_ms(const TestCluster& cluster, const std::string& path) {
  const auto stat = cluster.minidfs({"stat", "--json", path});
  REQUIRE(stat.exit_code == 0);
  return nlohmann::json::parse(stat.out).at("modified_ms").get<std::int64_t>();
}

metadata::MakeDirectory mkdir(const std::string& path) {
  metadata::MakeDirectory change;
  change.path = path;
  change.permission = 0755;
  return change;
}

}  // namespace

TEST_CASE("a change whose answer was lost is done once, although the clock jumps by ten years") {
  ClockJump clock;
  TestCluster cluster(clock.options());
  const auto namenode = namenode_of(cluster);
  auto relay = std::make_unique<client::FreezingRelay>(namenode.port);
  client::NamenodeLink link({{relay->address(), namenode},
                             std::chrono::milliseconds(2000),
                             std::chrono::milliseconds(60'000)});
  REQUIRE(link.call(mkdir("/first")).ok());
  relay->mute();
  std::promise<Result<metadata::ChangeReply>> answered;
  link.submit<metadata::MakeDirectory>(mkdir("/once"),
                                       [&](auto reply) { answered.set_value(std::move(reply)); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (cluster.minidfs({"stat", "/once"}).exit_code != 0) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
  }
  clock.set(GENERATE(10, -10) * kYear);
  REQUIRE(cluster.minidfs({"mkdir", "/other"}).exit_code == 0);
  relay.reset();  // The answer is lost with it; the client asks again.
  const auto reply = answered.get_future().get();
  REQUIRE(reply.ok());
  INFO(reply->outcomes.at(0).message);
  CHECK(reply->outcomes.at(0).ok());
  CHECK(modified_ms(cluster, "/other") >= modified_ms(cluster, "/once"));
}

TEST_CASE("times of files never go back, whatever the clock does, also over a restart") {
  ClockJump clock;
  TestCluster cluster(clock.options());
  std::int64_t last = 0;
  int count = 0;
  for (const long years : {0L, 5L, -7L, 2L}) {
    clock.set(years * kYear);
    for (const bool restart : {false, true}) {
      if (restart) {
        cluster.kill_namenode();
        cluster.start_namenode();
      }
      const auto path = "/d" + std::to_string(count++);
      REQUIRE(cluster.minidfs({"mkdir", path}).exit_code == 0);
      const auto now = modified_ms(cluster, path);
      CHECK(now >= last);
      last = now;
    }
  }
}

}  // namespace minidfs::test
