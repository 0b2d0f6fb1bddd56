// How a datanode dials a namenode, over real sockets.
#include "actors/dial_actor.hpp"

#include <poll.h>

#include <caf/actor_system.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>

#include "actors/system_config.hpp"
#include "net/listen.hpp"
#include "unit/transfer/fake_block_store.hpp"

namespace minidfs::actors::test {

TEST_CASE("a dial to a namenode that stands still ends when the datanode stops") {
  ControlSystemConfig config;
  caf::actor_system system(config);
  transfer::FakeBlockStore store(ClusterId{1, 2});
  // The kernel takes connections for it.
  const auto standing =
      net::listen_on({"127.0.0.1", 0}, std::chrono::steady_clock::now() + std::chrono::minutes(1));
  REQUIRE(standing.ok());
  std::atomic<bool> stopping{false};
  const auto dial = dial_control_plane(system, store, nullptr, stopping);
  auto ended = std::async(std::launch::async, [&] {
    return dial({{"127.0.0.1", standing->port}, false});
  });
  pollfd connected{standing->sockets.front().get(), POLLIN, 0};
  CHECK(::poll(&connected, 1, 60'000) == 1);
  stopping = true;
  const auto result = ended.get();
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::kCancelled);
}

}  // namespace minidfs::actors::test
