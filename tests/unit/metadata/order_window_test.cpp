#include "metadata/order_window.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{};
const auto kAll = [](BlockId) { return true; };

std::vector<BlockId> ids(const std::vector<OrderWindow::Order>& orders) {
  std::vector<BlockId> blocks;
  for (const auto& order : orders) blocks.push_back(order.block);
  return blocks;
}

}  // namespace

TEST_CASE("So many deletions are under way at a time, and confirmations let others follow") {
  OrderWindow window({2, seconds(30)});
  for (std::uint64_t id = 1; id <= 5; ++id) window.add(BlockId{id}, 1);
  CHECK(ids(window.take(kStart, kAll)) == std::vector{BlockId{1}, BlockId{2}});
  CHECK(window.take(kStart + seconds(1), kAll).empty());
  window.confirmed(BlockId{1}, 1, kStart + seconds(2));
  CHECK(ids(window.take(kStart + seconds(2), kAll)) == std::vector{BlockId{3}});
  CHECK(window.unconfirmed() == 2);
  CHECK(window.pending() == 2);
}

TEST_CASE("A deletion is not ordered twice, however often it is asked for") {
  OrderWindow window({10, seconds(30)});
  window.add(BlockId{7}, 1);
  window.add(BlockId{7}, 1);
  CHECK(window.take(kStart, kAll).size() == 1);
  window.add(BlockId{7}, 1);
  CHECK(window.take(kStart + seconds(1), kAll).empty());
  window.add(BlockId{7}, 2);  // A newer replica is another matter.
  CHECK(window.take(kStart + seconds(1), kAll).size() == 1);
}

TEST_CASE("Orders are repeated only when nothing is confirmed, or the node has begun anew") {
  OrderWindow window({10, seconds(30)});
  window.add(BlockId{1}, 1);
  window.add(BlockId{2}, 1);
  CHECK(window.take(kStart, kAll).size() == 2);
  window.confirmed(BlockId{1}, 1, kStart + seconds(20));
  CHECK(window.take(kStart + seconds(49), kAll).empty());
  CHECK(ids(window.take(kStart + seconds(50), kAll)) == std::vector{BlockId{2}});
  CHECK(window.take(kStart + seconds(51), kAll).empty());
  window.restart();
  CHECK(ids(window.take(kStart + seconds(52), kAll)) == std::vector{BlockId{2}});
  window.restart();
  CHECK(window.take(kStart + seconds(53), [](BlockId) { return false; }).empty());
  CHECK(window.pending() == 0);
}

TEST_CASE("An order that the node has passed over is sent again, however busy the node is") {
  OrderWindow window({10, seconds(30)});
  window.add(BlockId{1}, 1);
  CHECK(window.take(kStart, kAll).size() == 1);
  for (std::uint64_t id = 2; id <= 13; ++id) {
    const auto now = kStart + seconds(5 * (id - 1));
    window.add(BlockId{id}, 1);
    const auto orders = window.take(now, kAll);
    // Block 7 was sent half a minute after block 1 and is confirmed before block 8 is sent. Whether
    // others were passed over is looked at twice a minute.
    const bool repeats = now == kStart + seconds(60);
    CHECK(ids(orders) ==
          (repeats ? std::vector{BlockId{1}, BlockId{id}} : std::vector{BlockId{id}}));
    CHECK(orders.front().again == repeats);
    window.confirmed(BlockId{id}, 1, now + seconds(1));
  }
  CHECK(window.unconfirmed() == 1);
}

TEST_CASE("Deletions that were taken back cost no round more than its part of them") {
  OrderWindow window({10, seconds(30), 100});
  for (std::uint64_t id = 1; id <= 250; ++id) window.add(BlockId{id}, 1);
  window.add(BlockId{1000}, 1);
  std::size_t asked = 0;
  const auto only_the_last = [&](BlockId block) {
    ++asked;
    return block == BlockId{1000};
  };
  CHECK(window.take(kStart, only_the_last).empty());
  CHECK(asked == 100);
  CHECK(window.take(kStart, only_the_last).empty());
  CHECK(window.pending() == 51);
  CHECK(ids(window.take(kStart, only_the_last)) == std::vector{BlockId{1000}});
  CHECK(asked == 251);
  CHECK(window.pending() == 0);
}

}  // namespace minidfs::metadata
