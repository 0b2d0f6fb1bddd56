// Space: what is refused, counted and given back.
#include <sys/stat.h>

#include <condition_variable>

#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

std::uint64_t disk_bytes(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const fs::path& file : files_in(directory)) {
    struct stat status = {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

TEST_CASE("ten thousand small replicas make few files, and all of them come back") {
  const TemporaryDirectory directory;
  auto options = store_options({directory.path()});
  options.pack_size_bytes = 4 << 20;
  constexpr std::uint64_t kCount = 10'000;
  {
    const auto store = open_store(options);
    std::mutex mutex;
    std::condition_variable all_done;
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
    const auto bytes = make_bytes(4096, 1);
    for (std::uint64_t id = 1; id <= kCount; ++id) {
      auto writer = store->create(BlockId{id}, 1, bytes.size());
      REQUIRE(writer.ok());
      REQUIRE(append_raw(**writer, BlockId{id}, bytes).ok());
      (*writer)->finish([&](const Result<ReplicaInfo>& result) {
        const std::lock_guard lock(mutex);
        failed += result.ok() ? 0 : 1;
        if (++done == kCount) all_done.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    all_done.wait(lock, [&] { return done == kCount; });
    CHECK(failed == 0);
  }
  CHECK(files_in(directory.path()).size() < 200);
  const auto store = open_store(options);
  CHECK(store->usage().replicas == kCount);
  for (std::uint64_t id = 1; id <= kCount; id += 97) {
    CHECK(*get(*store, BlockId{id}, 1) == make_bytes(4096, 1));
  }
}

TEST_CASE("the capacity bounds what is written and being written") {
  const TemporaryDirectory directory;
  auto options = store_options({directory.path()});
  options.capacity_bytes = 10 << 20;
  const auto store = open_store(options);
  CHECK(store->usage().capacity_bytes == 10 << 20);
  CHECK(code_of(store->create(BlockId{1}, 1, 11 << 20)) == Errc::kNoSpace);
  {
    auto writer = store->create(BlockId{1}, 1, 6 << 20);
    REQUIRE(writer.ok());
    CHECK(code_of(store->create(BlockId{2}, 1, 6 << 20)) == Errc::kNoSpace);
    REQUIRE(append_raw(**writer, BlockId{1}, make_bytes(6 << 20, 1)).ok());
    REQUIRE(finish_and_wait(**writer).ok());
  }
  CHECK(code_of(store->create(BlockId{2}, 1, 6 << 20)) == Errc::kNoSpace);
  // Without a hint the space ends in the middle, and all of it is given back.
  {
    auto writer = store->create(BlockId{2}, 1, 0);
    REQUIRE(writer.ok());
    CHECK(code_of(append_raw(**writer, BlockId{2}, make_bytes(6 << 20, 2))) == Errc::kNoSpace);
    CHECK(code_of(finish_and_wait(**writer)) == Errc::kNoSpace);
  }
  CHECK(store->usage().used_bytes < 7 << 20);
  CHECK(files_in(directory.path() + "/blocks").size() == 1);
  CHECK(store->remove(BlockId{1}, 1).ok());
  CHECK(store->usage().used_bytes == 0);
  CHECK(put(*store, BlockId{2}, 1, make_bytes(6 << 20, 2)).ok());
}

TEST_CASE("a disk below its reserve takes nothing") {
  const TemporaryDirectory directory;
  auto options = store_options({directory.path()});
  options.reserved_bytes = std::uint64_t{1} << 60;
  const auto store = open_store(options);
  CHECK(code_of(store->create(BlockId{1}, 1, 1)) == Errc::kNoSpace);
  CHECK(store->usage().free_bytes == 0);
}

TEST_CASE("removed replicas give their space back, and open readers keep reading") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  constexpr std::uint64_t kCount = 60;
  std::uint64_t full = 0;
  {
    const auto store = open_store(options);
    for (std::uint64_t id = 1; id <= kCount; ++id) {
      REQUIRE(put(*store, BlockId{id}, 1, make_bytes(60'000, id)).ok());
    }
    full = disk_bytes(directory.path() + "/packs");
    CHECK(full > kCount * 60'000);
    std::vector<std::shared_ptr<ReplicaReader>> readers;
    for (std::uint64_t id = 1; id <= kCount; id += 7) {
      readers.push_back(*store->open_replica(BlockId{id}, 1));
    }
    for (std::uint64_t id = 1; id <= kCount; ++id) {
      if (id != 30) REQUIRE(store->remove(BlockId{id}, 1).ok());
    }
    for (const auto& reader : readers) {
      CHECK(*read_back(*reader) == make_bytes(60'000, reader->info().block.value));
    }
    CHECK(*get(*store, BlockId{30}, 1) == make_bytes(60'000, 30));
    CHECK(store->usage().used_bytes < 70'000);
  }
  // Closing has finished what was due; one pack with the live replica and the current one are left.
  CHECK(files_in(directory.path() + "/packs").size() <= 2);
  CHECK(disk_bytes(directory.path() + "/packs") < 200'000);
  const auto store = open_store(options);
  CHECK(store->usage().replicas == 1);
  CHECK(*get(*store, BlockId{30}, 1) == make_bytes(60'000, 30));
}

}  // namespace minidfs::storage
