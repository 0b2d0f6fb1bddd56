// One of several disks fails, at the start or at work; the others go on.
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <set>
#include <thread>

#include "storage/blocks/disk_identity.hpp"
#include "storage/blocks/disk_monitor.hpp"
#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 140'000;

// Two disks below one directory, and what the store said of failures.
struct TwoDisks {
  TemporaryDirectory directory;
  std::string a = directory.path() + "/a";
  std::string b = directory.path() + "/b";
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<DiskFailure> failures;

  BlockStoreOptions options() {
    auto options = store_options({a, b});
    options.disk_check_interval = std::chrono::milliseconds(10);
    options.disk_failed = [this](const DiskFailure& failure) {
      const std::lock_guard lock(mutex);
      failures.push_back(failure);
      changed.notify_all();
    };
    return options;
  }

  DiskFailure wait_for_failure() {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(20), [this] { return !failures.empty(); }));
    return failures.front();
  }
};

void fill(BlockStore& store, std::uint64_t count) {
  for (std::uint64_t id = 1; id <= count; ++id) {
    REQUIRE(put(store, BlockId{id}, 1, make_bytes(id % 2 == 0 ? kLarge : 100 * id, id)).ok());
  }
}

// Takes a directory away at one blow: a probe may be writing in it.
void take_away(const std::string& path) {
  fs::rename(path, path + ".away");
  fs::remove_all(path + ".away");
}

bool mentions(const std::vector<std::string>& notices, const std::string& path) {
  return std::any_of(notices.begin(), notices.end(), [&](const std::string& notice) {
    return notice.find(path) != std::string::npos;
  });
}

std::set<std::uint64_t> ids_of(const std::vector<ReplicaInfo>& replicas) {
  std::set<std::uint64_t> ids;
  for (const ReplicaInfo& replica : replicas) ids.insert(replica.block.value);
  return ids;
}

}  // namespace

TEST_CASE("a directory that cannot be used at the start is left out as long as another one works") {
  TwoDisks disks;
  { fill(*open_store(disks.options()), 40); }
  const std::set<std::string> breakages{"file", "version", "blocks", "packs"};
  for (const std::string& breakage : breakages) {
    INFO(breakage);
    const std::string whole = disks.directory.path() + "/whole";
    fs::copy(disks.b, whole, fs::copy_options::recursive);
    if (breakage == "file") {
      fs::remove_all(disks.b);
      std::ofstream(disks.b) << "no directory";
    } else if (breakage == "version") {
      std::ofstream(disks.b + "/VERSION") << "garbage";
    } else {
      fs::remove_all(disks.b + "/" + breakage);
    }
    {
      const auto store = open_store(disks.options());
      CHECK(mentions(store->notices(), disks.b));
      const auto listed = *store->list(BlockId{0}, 100);
      CHECK(listed.size() > 0);
      CHECK(listed.size() < 40);
      for (const ReplicaInfo& replica : listed) CHECK(get(*store, replica.block, 1).ok());
      CHECK(put(*store, BlockId{100}, 1, make_bytes(500, 1)).ok());
      CHECK(store->remove(BlockId{100}, 1).ok());
    }
    CHECK_FALSE(BlockStore::open(store_options({disks.b})).ok());
    fs::remove_all(disks.b);
    fs::rename(whole, disks.b);
  }
  CHECK(open_store(disks.options())->usage().replicas == 40);
}

TEST_CASE("an index that cannot be opened is set aside, whatever keeps it from being opened") {
  TwoDisks disks;
  { fill(*open_store(disks.options()), 40); }
  fs::remove(disks.b + "/index.db-wal");
  fs::create_directories(disks.b + "/index.db-wal/x");
  const auto store = open_store(disks.options());
  CHECK(mentions(store->notices(), disks.b));
  CHECK(store->usage().replicas == 40);
}

TEST_CASE("mistakes of the configuration are refused, also when another directory works") {
  TwoDisks disks;
  open_store(disks.options());
  const std::string other = disks.directory.path() + "/other";
  open_store(store_options({other}));
  CHECK(code_of(BlockStore::open(store_options({disks.a, other}))) == Errc::kInvalidArgument);
  const auto holder = open_store(store_options({disks.b}));
  CHECK(code_of(BlockStore::open(disks.options())) == Errc::kInUse);
}

TEST_CASE("a directory that is deleted while the store works takes only its own replicas along") {
  TwoDisks disks;
  const auto store = open_store(disks.options());
  fill(*store, 60);
  const std::uint64_t replicas = store->usage().replicas;
  const std::uint64_t used = store->usage().used_bytes;
  REQUIRE(replicas == 60);
  take_away(disks.b);
  const DiskFailure failure = disks.wait_for_failure();
  CHECK(failure.directory == disks.b);
  CHECK(failure.disks_left == 1);
  CHECK(mentions(store->notices(), disks.b));
  const auto lost = ids_of(failure.lost);
  CHECK(lost.size() > 0);
  CHECK(lost.size() < 60);
  CHECK(store->usage().replicas == 60 - lost.size());
  CHECK(store->usage().used_bytes < used);
  const auto left = ids_of(*store->list(BlockId{0}, 100));
  for (std::uint64_t id = 1; id <= 60; ++id) {
    CHECK(left.contains(id) != lost.contains(id));
    const auto raw = get(*store, BlockId{id}, 1);
    if (lost.contains(id)) {
      CHECK(code_of(raw) == Errc::kNotFound);
      CHECK(code_of(store->remove(BlockId{id}, 1)) == Errc::kNotFound);
    } else {
      CHECK(*raw == make_bytes(id % 2 == 0 ? kLarge : 100 * id, id));
    }
  }
  // What was lost may come back, on the disk that is left.
  for (std::uint64_t id = 1; id <= 60; ++id) {
    if (!lost.contains(id)) continue;
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(kLarge, id)).ok());
    CHECK(get(*store, BlockId{id}, 1).ok());
  }
  CHECK_FALSE(fs::exists(disks.b));
}

TEST_CASE("a folder that is replaced by a file fails the disk at the next write to it") {
  TwoDisks disks;
  auto options = disks.options();
  options.disk_check_interval = std::chrono::hours(1);
  const auto store = open_store(options);
  fs::remove_all(disks.b + "/blocks");
  std::ofstream(disks.b + "/blocks") << "no folder";
  // Every write succeeds: the one that meets the broken disk goes to the other.
  for (std::uint64_t id = 1; id <= 30; ++id) {
    CHECK(put(*store, BlockId{id}, 1, make_bytes(kLarge, id)).ok());
  }
  CHECK(disks.wait_for_failure().directory == disks.b);
  CHECK(files_in(disks.a + "/blocks").size() == 30);
}

TEST_CASE("a missing replica makes the store look at its disk at once") {
  TwoDisks disks;
  auto options = disks.options();
  options.disk_check_interval = std::chrono::hours(1);
  const auto store = open_store(options);
  fill(*store, 40);
  take_away(disks.b);
  for (std::uint64_t id = 2; id <= 40; id += 2) static_cast<void>(get(*store, BlockId{id}, 1));
  CHECK(disks.wait_for_failure().directory == disks.b);
}

TEST_CASE("when the last disk fails the store refuses everything and says so") {
  TwoDisks disks;
  const auto store = open_store(disks.options());
  fill(*store, 10);
  take_away(disks.a);
  take_away(disks.b);
  std::unique_lock lock(disks.mutex);
  REQUIRE(disks.changed.wait_for(lock, std::chrono::seconds(20),
                                 [&] { return disks.failures.size() == 2; }));
  CHECK(disks.failures[1].disks_left == 0);
  lock.unlock();
  CHECK(store->usage().capacity_bytes == 0);
  CHECK(store->usage().free_bytes == 0);
  CHECK(store->usage().replicas == 0);
  CHECK(code_of(store->create(BlockId{99}, 1, 100)) == Errc::kNoSpace);
}

TEST_CASE("a write that is under way on a disk that fails ends with an error, and once") {
  TwoDisks disks;
  auto options = disks.options();
  options.directories = {disks.a};
  const auto store = open_store(options);
  const auto bytes = make_bytes(kLarge, 1);
  auto large = store->create(BlockId{1}, 1, bytes.size());
  auto small = store->create(BlockId{2}, 1, 100);
  REQUIRE(large.ok());
  REQUIRE(small.ok());
  REQUIRE(append_raw(**large, BlockId{1}, bytes).ok());
  REQUIRE(append_raw(**small, BlockId{2}, make_bytes(100, 2)).ok());
  take_away(disks.a);
  disks.wait_for_failure();
  CHECK(code_of(finish_and_wait(**large)) == Errc::kIoError);
  CHECK_FALSE(finish_and_wait(**small).ok());
  CHECK(store->list(BlockId{0}, 10)->empty());
}

TEST_CASE("the monitor tells errors of the disk from those of others") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/d";
  open_store(store_options({path}));
  const DiskId id = parse_identity(*read_file(path + "/VERSION", 4096), path)->disk;
  std::atomic<int> failures{0};
  const auto make = [&] {
    DiskMonitor::Options options;
    options.disks = {{path, id}};
    options.failed = [&](std::size_t, const Error&) { ++failures; };
    return std::make_unique<DiskMonitor>(std::move(options));
  };
  {
    const auto monitor = make();
    for (const Errc code : {Errc::kNoSpace, Errc::kAlreadyExists, Errc::kCorrupt,
                            Errc::kPermissionDenied, Errc::kNotFound}) {
      monitor->write_failed(0, {code, "x"});  // The probe finds the disk sound.
    }
    CHECK_FALSE(monitor->failed(0));
    monitor->write_failed(0, {Errc::kIoError, "x"});
    CHECK(monitor->failed(0));
    monitor->write_failed(0, {Errc::kIoError, "x"});
    CHECK(failures == 1);
  }
  {
    const auto monitor = make();
    for (std::uint32_t i = 1; i < DiskMonitor::kReadErrorsMax; ++i) {
      monitor->read_failed(0, {Errc::kIoError, "x"});
    }
    CHECK_FALSE(monitor->failed(0));
    monitor->read_failed(0, {Errc::kIoError, "x"});
    CHECK(monitor->failed(0));
    CHECK(failures == 2);
  }
}

TEST_CASE("looks at a sound disk that many threads want at once find it sound") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/d";
  open_store(store_options({path}));
  std::mutex mutex;
  std::string reason;
  DiskMonitor::Options options;
  options.disks = {{path, parse_identity(*read_file(path + "/VERSION", 4096), path)->disk}};
  options.interval = std::chrono::milliseconds(1);
  options.failed = [&](std::size_t, const Error& error) {
    const std::lock_guard lock(mutex);
    reason = error.message;
  };
  DiskMonitor monitor(std::move(options));
  monitor.start();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&monitor] {
        for (int look = 0; look < 50; ++look) monitor.write_failed(0, {Errc::kNotFound, "x"});
      });
    }
  }
  monitor.stop();
  INFO(reason);
  CHECK_FALSE(monitor.failed(0));
}

TEST_CASE("a process without descriptors blames no disk for it") {
  const TemporaryDirectory directory;
  DiskMonitor::Options options;
  // A look would find that nothing is there.
  options.disks = {{directory.path() + "/none", DiskId{1, 1}}};
  options.failed = [](std::size_t, const Error&) {};
  DiskMonitor monitor(std::move(options));
  monitor.write_failed(0, errno_error(EMFILE, "x"));
  monitor.read_failed(0, errno_error(EMFILE, "x"));
  CHECK_FALSE(monitor.failed(0));
}

TEST_CASE("a damaged VERSION file of a directory at work is written anew") {
  const TemporaryDirectory directory;
  const std::string a = directory.path() + "/a";
  auto options = store_options({a});
  options.disk_check_interval = std::chrono::milliseconds(10);
  const auto store = open_store(options);
  const std::string good = *read_file(a + "/VERSION", 4096);
  std::string bad = good;
  bad[bad.size() / 2] ^= 1;
  REQUIRE(replace_file(a + "/VERSION", bad).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (*read_file(a + "/VERSION", 4096) != good && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  CHECK(*read_file(a + "/VERSION", 4096) == good);
  CHECK(mentions(store->notices(), a + "/VERSION"));
  CHECK(put(*store, BlockId{1}, 1, make_bytes(kLarge, 1)).ok());
}

TEST_CASE("a probe tells another disk's directory from its own, and leaves nothing behind") {
  const TemporaryDirectory directory;
  const std::string a = directory.path() + "/a";
  open_store(store_options({a}));
  const DiskId id = parse_identity(*read_file(a + "/VERSION", 4096), a)->disk;
  const auto files = files_in(a);
  CHECK(probe_disk(a, id).ok());
  CHECK(files_in(a) == files);
  CHECK(code_of(probe_disk(a, DiskId{1, 2})) == Errc::kCorrupt);
  CHECK(code_of(probe_disk(a + "/none", id)) == Errc::kNotFound);
}

}  // namespace minidfs::storage
