// Sectors that cannot be read, and a power cut after replicas were removed.
#include <sys/stat.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "faulty_files.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 300'000;
constexpr std::size_t kSmall = 3000;

std::string fails(const std::string& path, std::uint64_t begin, std::uint64_t end) {
  return "read " + path + " error=" + std::to_string(EIO) + " " + std::to_string(begin) + " " +
         std::to_string(end);
}

bool any_notice(const BlockStore& store, const std::string& text) {
  const auto notices = store.notices();
  return std::any_of(notices.begin(), notices.end(), [&](const std::string& notice) {
    return notice.find(text) != std::string::npos;
  });
}

void drop_index(const std::string& directory) {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(directory + "/index.db" + suffix);
}

std::size_t size_of(std::uint64_t id) { return id % 2 == 0 ? kLarge : kSmall; }

}  // namespace

TEST_CASE(
    "one unreadable sector costs the replica that stands there, also when the index is lost") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  std::uint64_t offset = 0;
  {
    const auto store = open_store(options);
    for (std::uint64_t id = 1; id <= 12; ++id) {
      REQUIRE(put(*store, BlockId{id}, 1, make_bytes(size_of(id), id)).ok());
    }
    offset = (*store->open_replica(BlockId{5}, 1))->stored_offset(0);
  }
  drop_index(directory.path());
  const std::string large = directory.path() + "/blocks/" + large_name(BlockId{4}, 1);
  const std::string pack = directory.path() + "/packs/" + pack_name(1);
  const bool in_pack = GENERATE(true, false);
  const std::string& file = in_pack ? pack : large;
  const std::uint64_t bad = in_pack ? 5 : 4;
  const std::uint64_t size = fs::file_size(file);
  FaultyFiles faults;
  faults.set(in_pack ? fails(pack, offset, offset + 512) : fails(large, 4096, 8192));
  {
    const auto store = open_store(options);
    CHECK(any_notice(*store, file));
    CHECK(store->usage().replicas == 11);
    for (std::uint64_t id = 1; id <= 12; ++id) {
      if (id != bad) CHECK(*get(*store, BlockId{id}, 1) == make_bytes(size_of(id), id));
    }
    CHECK(put(*store, BlockId{20}, 1, make_bytes(kSmall, 20)).ok());
    CHECK(put(*store, BlockId{21}, 1, make_bytes(kLarge, 21)).ok());
  }
  // Its bytes are left alone.
  CHECK(fs::file_size(file) == size);
  faults.heal();
  const auto store = open_store(options);
  CHECK(store->usage().replicas == (in_pack ? 13 : 14));
  if (!in_pack) CHECK(*get(*store, BlockId{bad}, 1) == make_bytes(size_of(bad), bad));
}

TEST_CASE("a record is punched out only when the removal of its row is on stable storage") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/d";
  std::mutex mutex;
  std::condition_variable changed;
  bool failed = false;
  auto options = store_options({path});
  options.disk_failed = [&](const DiskFailure&) {
    const std::lock_guard lock(mutex);
    failed = true;
    changed.notify_all();
  };
  const auto store = open_store(options);
  for (std::uint64_t id = 1; id <= 20; ++id) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(60'000, id)).ok());
  }
  const std::string pack = path + "/packs/" + pack_name(1);
  struct stat before = {};
  REQUIRE(::stat(pack.c_str(), &before) == 0);
  FaultyFiles faults;
  faults.set("sync " + path + "/index.db-wal error=" + std::to_string(EIO));
  for (std::uint64_t id = 2; id < 20; ++id) REQUIRE(store->remove(BlockId{id}, 1).ok());
  std::unique_lock lock(mutex);
  REQUIRE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return failed; }));
  struct stat after = {};
  REQUIRE(::stat(pack.c_str(), &after) == 0);
  CHECK(after.st_blocks == before.st_blocks);
}

}  // namespace minidfs::storage
