// A disk whose calls do not return: nobody waits for it for ever, others are not held up, and it
// may come back.
#include <atomic>
#include <condition_variable>
#include <thread>

#include "faulty_files.hpp"

namespace minidfs::storage {
namespace {

constexpr std::size_t kLarge = 300'000;
constexpr std::size_t kSmall = 3000;
constexpr auto kLongest = std::chrono::seconds(60);

// Two disks of which the first may hang, and what the store said of it.
struct HangingDisk {
  TemporaryDirectory directory;
  std::string a = directory.path() + "/a";
  std::string b = directory.path() + "/b";
  FaultyFiles faults;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t unavailable = 0;
  std::size_t back = 0;
  WriteCache write_cache = WriteCache::kAuto;
  // A disk that only is busy must not seem to hang where it matters.
  std::chrono::milliseconds timeout{2000};

  BlockStoreOptions options(bool both) {
    auto options = store_options(both ? std::vector{a, b} : std::vector{a});
    options.durability = Durability::kSync;
    options.write_cache = write_cache;
    options.disk_timeout = timeout;
    options.disk_check_interval = std::chrono::milliseconds(50);
    options.replicas_unavailable = [this](const std::vector<ReplicaInfo>& replicas) {
      const std::lock_guard lock(mutex);
      unavailable = replicas.size() + 1;
      changed.notify_all();
    };
    options.replicas_back = [this](const std::vector<ReplicaInfo>& replicas) {
      const std::lock_guard lock(mutex);
      back = replicas.size() + 1;
      changed.notify_all();
    };
    return options;
  }
  void hang(const std::string& call) { faults.set(call + " " + a + " hang"); }
  void wait(const std::size_t& count) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, kLongest, [&] { return count != 0; }));
  }
};

void wait_until_works(const BlockStore& store) {
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (store.disks().front().condition != DiskCondition::kWorks) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE(
    "a write to a disk that hangs in any call ends with a time-out, and the disk comes back") {
  HangingDisk disk;
  disk.write_cache = GENERATE(WriteCache::kCached, WriteCache::kDirect);
  disk.timeout = std::chrono::milliseconds(1000);  // It is waited for again and again.
  const auto store = open_store(disk.options(false));
  REQUIRE(put(*store, BlockId{1}, 1, make_bytes(kLarge, 1)).ok());
  const std::string call = GENERATE("open", "write", "sync");
  const std::size_t size = GENERATE(kLarge, kSmall);
  INFO(call << " " << size);
  disk.hang(call);
  CHECK(code_of(put(*store, BlockId{2}, 1, make_bytes(size, 2))) == Errc::kTimedOut);
  CHECK(store->disks().front().condition == DiskCondition::kHangs);
  CHECK(store->disks().front().directory == disk.a);
  CHECK(code_of(store->create(BlockId{3}, 1, size)) == Errc::kTimedOut);
  CHECK(code_of(get(*store, BlockId{1}, 1)) == Errc::kUnavailable);
  disk.wait(disk.unavailable);
  CHECK(disk.unavailable == 2);
  CHECK(store->list(BlockId{}, 10)->empty());
  disk.faults.heal();
  disk.wait(disk.back);
  wait_until_works(*store);
  CHECK(*get(*store, BlockId{1}, 1) == make_bytes(kLarge, 1));
  CHECK(store->list(BlockId{}, 10)->size() == 1);
  // Nothing is left of what was given up.
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  Result<ReplicaInfo> again = Error{Errc::kInUse, ""};
  while (!again && again.error().code == Errc::kInUse) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    again = put(*store, BlockId{2}, 1, make_bytes(size, 2));
  }
  CHECK(again.ok());
  CHECK(*get(*store, BlockId{2}, 1) == make_bytes(size, 2));
}

TEST_CASE("a writer that waits between two appends hears that its disk hangs") {
  HangingDisk disk;
  disk.write_cache = GENERATE(WriteCache::kCached, WriteCache::kDirect);
  const auto store = open_store(disk.options(false));
  constexpr std::size_t kBytes = 3 << 20;
  auto writer = store->create(BlockId{1}, 1, kBytes);
  REQUIRE(writer.ok());
  std::atomic<bool> lost{false};
  (*writer)->on_lost([&](const Error& error) { lost = error.code == Errc::kTimedOut; });
  disk.hang("write");
  REQUIRE(append_raw(**writer, BlockId{1}, make_bytes(kBytes, 1)).ok());
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (!lost) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::yield();
  }
  CHECK(code_of(append_raw(**writer, BlockId{1}, make_bytes(kBytes, 1))) == Errc::kTimedOut);
  CHECK(code_of(finish_and_wait(**writer)) == Errc::kTimedOut);
  disk.faults.heal();
}

TEST_CASE("a disk that hangs is left for the other one, whose replicas can be read all the time") {
  HangingDisk disk;
  const auto store = open_store(disk.options(true));
  disk.hang("sync");
  // Some of these go to the disk that hangs.
  for (std::uint64_t id = 1; id <= 40; ++id) {
    static_cast<void>(put(*store, BlockId{id}, 1, make_bytes(kLarge, id)));
  }
  REQUIRE(store->disks().front().condition == DiskCondition::kHangs);
  CHECK(store->disks().back().condition == DiskCondition::kWorks);
  for (std::uint64_t id = 101; id <= 140; ++id) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(kLarge, id)).ok());
    CHECK(*get(*store, BlockId{id}, 1) == make_bytes(kLarge, id));
  }
  disk.faults.heal();
}

TEST_CASE("reads and deletions end when the disk hangs in them") {
  HangingDisk disk;
  const auto store = open_store(disk.options(false));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(kLarge, id)).ok());
  }
  SECTION("opening") {
    disk.hang("open");
    CHECK(code_of(get(*store, BlockId{1}, 1)) == Errc::kTimedOut);
  }
  SECTION("opening several") {
    disk.hang("open");
    const std::vector<BlockStore::ReplicaKey> keys{
        {BlockId{1}, 1}, {BlockId{9}, 1}, {BlockId{2}, 1}};
    const auto opened = open_together(*store, keys);
    CHECK(code_of(opened[0]) == Errc::kTimedOut);
    CHECK(code_of(opened[1]) == Errc::kNotFound);
    CHECK(code_of(opened[2]) == Errc::kTimedOut);
  }
  SECTION("reading") {
    const auto reader = *store->open_replica(BlockId{1}, 1);
    disk.hang("read");
    const auto buffer = std::make_shared<std::vector<std::byte>>();
    CHECK(code_of(Result<int>(reader->read(buffer, 0, kSmall).error())) == Errc::kTimedOut);
  }
  SECTION("deleting") {
    disk.hang("unlink");
    const Status removed = store->remove(BlockId{1}, 1);
    REQUIRE_FALSE(removed.ok());
    CHECK(removed.error().code == Errc::kTimedOut);
    CHECK(code_of(get(*store, BlockId{1}, 1)) == Errc::kNotFound);
  }
  disk.faults.heal();
}

TEST_CASE("a disk that is slow but makes progress loses nobody") {
  HangingDisk disk;
  const auto store = open_store(disk.options(false));
  disk.faults.set("sync " + disk.a + " delay=500");
  for (std::uint64_t id = 1; id <= 6; ++id) {
    CHECK(put(*store, BlockId{id}, 1, make_bytes(id % 2 == 0 ? kLarge : kSmall, id)).ok());
  }
  CHECK(store->disks().front().condition == DiskCondition::kWorks);
}

}  // namespace minidfs::storage
