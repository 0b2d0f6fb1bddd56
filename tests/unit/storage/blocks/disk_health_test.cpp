// The health of a disk as a value.
#include "storage/blocks/disk_health.hpp"

#include <catch2/catch.hpp>

namespace minidfs::storage {
namespace {

using namespace std::chrono_literals;
using Event = DiskHealth::Event;

// A disk with a time-out of 10 s, ticked each second.
struct Watched {
  DiskHealth health{10s};
  DiskHealth::Time now{1000s};
  DiskHealth::Effects seen;  // All effects since the last look().

  void tell(Event event, DiskWork work = DiskWork::kSync) {
    const auto effects = health.step(event, work, now);
    seen.hangs = seen.hangs || effects.hangs;
    seen.unavailable = seen.unavailable || effects.unavailable;
    seen.back = seen.back || effects.back;
  }
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now += 1s;
      tell(Event::kTick);
    }
  }
  DiskHealth::Effects look() { return std::exchange(seen, {}); }
};

}  // namespace

TEST_CASE("a disk hangs after its time-out, is unavailable after twice that, and may come back") {
  Watched disk;
  disk.pass(100);
  disk.tell(Event::kBegan);
  disk.pass(9);
  CHECK(disk.health.condition() == DiskCondition::kWorks);
  CHECK(disk.health.stalled_for(disk.now) == 9s);
  disk.pass(1);
  CHECK(disk.health.condition() == DiskCondition::kHangs);
  CHECK(disk.look().hangs);
  disk.pass(9);
  CHECK_FALSE(disk.health.unavailable());
  disk.pass(1);
  const auto effects = disk.look();
  CHECK(effects.unavailable);
  CHECK_FALSE(effects.hangs);
  disk.pass(50);
  CHECK_FALSE(disk.look().unavailable);
  disk.tell(Event::kEnded);
  CHECK(disk.look().back);
  CHECK(disk.health.condition() == DiskCondition::kWorks);
  CHECK_FALSE(disk.health.unavailable());
  CHECK(disk.health.stalled_for(disk.now) == 0s);
}

TEST_CASE("an honest slow sync is no hanging disk, nor are many of them in turns") {
  Watched disk;
  for (int i = 0; i < 20; ++i) {
    disk.tell(Event::kBegan);
    disk.pass(3);
    disk.tell(Event::kBegan);
    disk.pass(6);
    disk.tell(Event::kEnded);
    disk.tell(Event::kEnded);
  }
  CHECK_FALSE(disk.look().hangs);
}

TEST_CASE("reads and writes that the page cache serves do not hide a sync that hangs") {
  Watched disk;
  disk.tell(Event::kBegan, DiskWork::kSync);
  for (int i = 0; i < 10; ++i) {
    for (const DiskWork work : {DiskWork::kRead, DiskWork::kWrite}) {
      disk.tell(Event::kBegan, work);
      disk.tell(Event::kEnded, work);
    }
    disk.pass(1);
  }
  CHECK(disk.look().hangs);
}

TEST_CASE("progress within a long job is progress") {
  Watched disk;
  disk.tell(Event::kBegan, DiskWork::kWrite);
  for (int i = 0; i < 30; ++i) {
    disk.pass(1);
    disk.tell(Event::kProgress, DiskWork::kWrite);
  }
  CHECK_FALSE(disk.look().hangs);
}

TEST_CASE("a disk with calls that still hang is not back when one of them ends") {
  Watched disk;
  disk.tell(Event::kBegan, DiskWork::kWrite);
  disk.tell(Event::kBegan, DiskWork::kSync);
  disk.pass(10);
  disk.tell(Event::kEnded, DiskWork::kWrite);
  CHECK_FALSE(disk.look().back);
  CHECK(disk.health.condition() == DiskCondition::kHangs);
  disk.tell(Event::kEnded, DiskWork::kSync);
  CHECK(disk.look().back);
}

TEST_CASE("no disk is blamed for the time in which this process stood still") {
  Watched disk;
  disk.pass(1);
  disk.tell(Event::kBegan);
  disk.now += 60s;
  disk.tell(Event::kTick);
  CHECK(disk.health.condition() == DiskCondition::kWorks);
  disk.pass(10);
  CHECK(disk.look().hangs);
}

TEST_CASE("a failed disk stays failed") {
  Watched disk;
  disk.tell(Event::kBegan);
  disk.tell(Event::kFailed);
  disk.pass(30);
  disk.tell(Event::kEnded);
  const auto effects = disk.look();
  CHECK_FALSE((effects.hangs || effects.unavailable || effects.back));
  CHECK(disk.health.condition() == DiskCondition::kFailed);
}

}  // namespace minidfs::storage
