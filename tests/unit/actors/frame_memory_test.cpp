#include "actors/frame_memory.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

#include "actors/unsent_memory.hpp"

using minidfs::actors::FrameMemory;
using minidfs::actors::kUnsentBytesMax;
using minidfs::actors::kUnsentFreeBytes;
using minidfs::actors::UnsentMemory;

namespace {

struct Frame {
  explicit Frame(const std::shared_ptr<FrameMemory>& memory)
      : share(memory, [this] { evicted = true; }) {}
  bool evicted = false;
  FrameMemory::Share share;
};

struct Peer {
  explicit Peer(const std::shared_ptr<UnsentMemory>& memory)
      : share(memory, [this] { ++closed; }) {}
  int closed = 0;
  UnsentMemory::Share share;
};

}  // namespace

TEST_CASE("the frame that has been unfinished for the longest time gives way") {
  const auto memory = std::make_shared<FrameMemory>(100);
  std::deque<Frame> frames;
  for (int i = 0; i < 3; ++i) frames.emplace_back(memory);
  REQUIRE(frames[0].share.grow_to(40));
  REQUIRE(frames[1].share.grow_to(30));
  REQUIRE(frames[0].share.grow_to(70));
  CHECK(memory->used_bytes() == 100);
  REQUIRE(frames[2].share.grow_to(50));
  CHECK(frames[0].evicted);
  CHECK_FALSE(frames[1].evicted);
  CHECK(memory->used_bytes() == 80);
}

TEST_CASE("the oldest frame itself is refused when there is no room, and keeps what it has") {
  const auto memory = std::make_shared<FrameMemory>(100);
  Frame first(memory);
  Frame second(memory);
  REQUIRE(first.share.grow_to(60));
  REQUIRE(second.share.grow_to(40));
  CHECK_FALSE(first.share.grow_to(61));
  CHECK(memory->used_bytes() == 100);
  CHECK_FALSE(second.evicted);
  first.share.release();
  CHECK(memory->used_bytes() == 40);
  CHECK_FALSE(second.share.grow_to(101));
  CHECK(second.share.grow_to(100));
}

TEST_CASE("a frame that begins anew is the youngest, and all is given back at the end") {
  const auto memory = std::make_shared<FrameMemory>(100);
  {
    Frame first(memory);
    Frame second(memory);
    REQUIRE(first.share.grow_to(10));
    REQUIRE(second.share.grow_to(10));
    first.share.release();
    REQUIRE(first.share.grow_to(10));
    REQUIRE(first.share.grow_to(95));
    CHECK(second.evicted);
  }
  CHECK(memory->used_bytes() == 0);
}

TEST_CASE("what unfinished frames hold never exceeds the limit") {
  const auto memory = std::make_shared<FrameMemory>(1000);
  std::deque<Frame> frames;
  for (int i = 0; i < 20; ++i) frames.emplace_back(memory);
  std::vector<std::size_t> held(frames.size(), 0);
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto which = random() % frames.size();
    if (random() % 4 == 0) {
      frames[which].share.release();
      held[which] = 0;
    } else if (const auto bytes = held[which] + random() % 300;
               frames[which].share.grow_to(bytes)) {
      held[which] = bytes;
    }
    std::size_t sum = 0;
    for (std::size_t k = 0; k < frames.size(); ++k) {
      if (std::exchange(frames[k].evicted, false)) held[k] = 0;
      sum += held[k];
    }
    REQUIRE(memory->used_bytes() == sum);
    REQUIRE(sum <= 1000);
  }
}

TEST_CASE("a peer for whom too much waits is closed, once") {
  const auto memory = std::make_shared<UnsentMemory>(std::size_t{1} << 40);
  Peer peer(memory);
  peer.share.queued(kUnsentBytesMax);
  CHECK(peer.closed == 0);
  // What was queued is being sent now, and as much waits behind it.
  peer.share.sending(kUnsentBytesMax, 1000);
  peer.share.queued(1000);
  CHECK(peer.closed == 0);
  peer.share.queued(1001);
  CHECK(peer.closed == 1);
  peer.share.queued(kUnsentBytesMax * 2);
  CHECK(peer.closed == 1);
  CHECK(memory->used_bytes() == 0);
}

TEST_CASE("when too much waits for all peers, the one for whom most waits is closed") {
  const auto memory = std::make_shared<UnsentMemory>(1'000'000);
  Peer slow(memory);
  Peer slower(memory);
  Peer quick(memory);
  slow.share.queued(400'000);
  slower.share.queued(500'000);
  quick.share.queued(kUnsentFreeBytes);
  CHECK(memory->used_bytes() == 900'000);
  quick.share.queued(200'000);
  CHECK(slow.closed == 0);
  CHECK(slower.closed == 1);
  CHECK(quick.closed == 0);
  quick.share.sending(200'000, 200'000);
  CHECK(memory->used_bytes() == 400'000);
}
