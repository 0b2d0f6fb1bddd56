// Large replicas written past the page cache: whole at every length, and what happens where the
// file system cannot do it.
#include "storage/blocks/direct_writes.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "faulty_files.hpp"
#include "storage/blocks/replica_format.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 300'000;
constexpr std::size_t kBuffer = DirectWrites::kBufferBytes;

BlockStoreOptions options_of(const std::string& directory, WriteCache write_cache,
                             Durability durability = Durability::kSync) {
  auto options = store_options({directory});
  options.durability = durability;
  options.write_cache = write_cache;
  return options;
}

// The next bytes of the encoder's block: whole slices, or its last ones.
Status append_next(ReplicaWriter& writer, SliceEncoder& encoder, std::span<const std::byte> raw) {
  for (std::size_t begin = 0; begin < raw.size(); begin += kSliceBytes) {
    const std::size_t size = std::min<std::size_t>(kSliceBytes, raw.size() - begin);
    const auto encoded = encoder.encode(raw.subspan(begin, size));
    const auto memory =
        std::make_shared<std::vector<std::byte>>(encoded.stored.begin(), encoded.stored.end());
    MDFS_CHECK(writer.append(encoded.slices, *memory, memory));
  }
  return {};
}

Result<ReplicaInfo> put_for(BlockStore& store, BlockId block, std::span<const std::byte> raw,
                            Readers readers, std::size_t hint = 0) {
  MDFS_TRY(auto writer, store.create(block, 1, hint));
  writer->expect(readers);
  // A writer that has failed says so again when it ends, after its space is given back.
  const Status appended = append_raw(*writer, block, raw);
  auto finished = finish_and_wait(*writer);
  if (!appended.ok()) return appended.error();
  return finished;
}

std::size_t notices_of(const BlockStore& store, const std::string& text) {
  const auto notices = store.notices();
  return static_cast<std::size_t>(std::count_if(
      notices.begin(), notices.end(),
      [&](const std::string& notice) { return notice.find(text) != std::string::npos; }));
}

}  // namespace

TEST_CASE("a replica written past the page cache is whole, and has its length, at every length") {
  const TemporaryDirectory directory;
  const auto durability = GENERATE(Durability::kSync, Durability::kNone);
  const auto options = options_of(directory.path(), WriteCache::kDirect, durability);
  // Of the bytes with their descriptor, one slice: just below, at and above what is written at
  // once.
  const std::size_t descriptor = descriptor_bytes(1);
  std::vector<std::size_t> sizes{1, 4096 - descriptor, 4096, 4097, kSliceBytes, kLarge};
  for (const std::size_t slices : {16U, 32U}) {
    const std::size_t table = descriptor_bytes(slices * std::size_t{kSliceBytes});
    for (const std::size_t more : {0U, 1U, 4096U}) {
      sizes.push_back(slices * kSliceBytes - table + more);
      sizes.push_back(slices * kSliceBytes + more);
    }
  }
  std::uint64_t id = 0;
  {
    const auto store = open_store(options);
    for (const std::size_t size : sizes) {
      for (const bool compressible : {false, true}) {
        const BlockId block{++id};
        INFO(size << (compressible ? " compressible" : ""));
        const auto bytes = make_bytes(size, id, compressible);
        const Compression compression{compressible ? Compression::Mode::kZstd
                                                   : Compression::Mode::kNone};
        const auto info = put(*store, block, 1, bytes, compression, size > kLarge);
        REQUIRE(info.ok());
        CHECK(*get(*store, block, 1) == bytes);
        CHECK(store->verify(block, 1).ok());
        CHECK(fs::file_size(directory.path() + "/blocks/" + large_name(block, 1)) ==
              file_bytes(*info));
      }
    }
  }
  // Found again without the index, from their files alone.
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::remove(directory.path() + "/index.db" + suffix);
  }
  const auto store = open_store(options);
  CHECK(store->list(BlockId{}, 1000)->size() == id);
}

TEST_CASE(
    "what nobody will look for in the page cache is written past it, unless it is not synced") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  const auto goes_past = [&](WriteCache mode, Durability durability, Readers readers) {
    const auto store = open_store(options_of(directory.path(), mode, durability));
    // What the page cache costs is known then, and the other way is to be tried.
    REQUIRE(put_for(*store, BlockId{2}, make_bytes(kLarge, 1), Readers::kHere).ok());
    REQUIRE(store->remove(BlockId{2}, 1).ok());
    faults.set("direct " + directory.path() + " error=" + std::to_string(EINVAL));
    REQUIRE(put_for(*store, BlockId{1}, make_bytes(kLarge, 1), readers).ok());
    faults.heal();
    REQUIRE(store->remove(BlockId{1}, 1).ok());
    return notices_of(*store, "past the page cache") == 1;
  };
  CHECK_FALSE(goes_past(WriteCache::kAuto, Durability::kSync, Readers::kHere));
  CHECK(goes_past(WriteCache::kAuto, Durability::kSync, Readers::kElsewhere));
  CHECK(goes_past(WriteCache::kAuto, Durability::kSync, Readers::kNobody));
  CHECK_FALSE(goes_past(WriteCache::kAuto, Durability::kNone, Readers::kElsewhere));
  CHECK_FALSE(goes_past(WriteCache::kCached, Durability::kSync, Readers::kNobody));
  CHECK(goes_past(WriteCache::kDirect, Durability::kSync, Readers::kHere));
  CHECK(goes_past(WriteCache::kDirect, Durability::kNone, Readers::kHere));
}

TEST_CASE("a file system that refuses to bypass its cache is asked once, and told of once") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  const auto store = open_store(options_of(directory.path(), WriteCache::kDirect));
  const std::string refuses = "direct " + directory.path() + " error=" + std::to_string(EINVAL);
  const auto bytes = make_bytes(3 * kBuffer + 5000, 1);
  SECTION("when a file is opened") {
    faults.set(refuses);
    CHECK(put_for(*store, BlockId{1}, bytes, Readers::kHere).ok());
  }
  SECTION("only when it is written") {
    const auto writer = *store->create(BlockId{1}, 1, 0);
    SliceEncoder encoder({});
    encoder.begin_block(BlockId{1}, 1);
    constexpr std::size_t kFirst = kBuffer + kBuffer / 2;
    REQUIRE(append_next(*writer, encoder, std::span(bytes).first(kFirst)).ok());
    const std::string path = directory.path() + "/blocks/" + large_name(BlockId{1}, 1);
    while (!fs::exists(path) || fs::file_size(path) < kBuffer) std::this_thread::yield();
    faults.set(refuses);
    REQUIRE(append_next(*writer, encoder, std::span(bytes).subspan(kFirst)).ok());
    CHECK(finish_and_wait(*writer).ok());
  }
  CHECK(put_for(*store, BlockId{2}, make_bytes(kLarge, 2), Readers::kHere).ok());
  faults.heal();
  CHECK(put_for(*store, BlockId{3}, make_bytes(kLarge, 3), Readers::kHere).ok());
  CHECK(notices_of(*store, "past the page cache") == 1);
  CHECK(*get(*store, BlockId{1}, 1) == bytes);
  CHECK(*get(*store, BlockId{2}, 1) == make_bytes(kLarge, 2));
}

TEST_CASE("an error in the middle of a file fails its replica and leaves nothing, both ways") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  const auto write_cache = GENERATE(WriteCache::kCached, WriteCache::kDirect);
  const auto store = open_store(options_of(directory.path(), write_cache));
  const auto before = store->usage();
  // A full disk blames no disk.
  const std::string error = " error=" + std::to_string(ENOSPC) + " ";
  const std::string where = GENERATE("1048576 1048577", "2097152 2097153", "2621440 4194304");
  faults.set("write " + directory.path() + "/blocks" + error + where);
  const auto failed =
      put_for(*store, BlockId{1}, make_bytes(2 * kBuffer + kBuffer / 2, 1), Readers::kHere);
  CHECK(code_of(failed) == Errc::kNoSpace);
  faults.heal();
  CHECK(files_in(directory.path() + "/blocks").empty());
  CHECK(store->usage().used_bytes == before.used_bytes);
  CHECK(put_for(*store, BlockId{1}, make_bytes(kLarge, 1), Readers::kHere).ok());
  CHECK(*get(*store, BlockId{1}, 1) == make_bytes(kLarge, 1));
}

TEST_CASE(
    "a replica that has failed is answered when its space is given back, also from a slow disk") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  auto options = options_of(directory.path(), GENERATE(WriteCache::kCached, WriteCache::kDirect));
  options.capacity_bytes = 4 * kBuffer;
  const auto store = open_store(options);
  faults.set("write " + directory.path() + "/blocks delay=300");
  const auto writer = *store->create(BlockId{1}, 1, 0);
  CHECK_FALSE(append_raw(*writer, BlockId{1}, make_bytes(8 * kBuffer, 1)).ok());
  CHECK(code_of(finish_and_wait(*writer)) == Errc::kNoSpace);
  CHECK(store->usage().used_bytes == 0);
  CHECK(files_in(directory.path() + "/blocks").empty());
}

TEST_CASE("what is allocated ahead counts once, and is given back when it was not needed") {
  const TemporaryDirectory directory;
  FaultyFiles faults;
  const auto store = open_store(options_of(directory.path(), WriteCache::kDirect));
  constexpr std::size_t kHint = std::size_t{32} << 20;
  const auto bytes = make_bytes(2 * kBuffer, 1);
  REQUIRE(put_for(*store, BlockId{1}, bytes, Readers::kHere, kHint).ok());
  CHECK(store->usage().used_bytes == file_bytes({BlockId{1}, 1, bytes.size(), bytes.size()}));
  struct stat status = {};
  const std::string path = directory.path() + "/blocks/" + large_name(BlockId{1}, 1);
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(static_cast<std::size_t>(status.st_blocks) * 512 < kHint / 2);
  // Also where nothing can be allocated ahead.
  faults.set("write " + directory.path() + "/blocks error=" + std::to_string(EOPNOTSUPP) +
             " 8388608 8388609");
  REQUIRE(put_for(*store, BlockId{2}, bytes, Readers::kHere, kHint).ok());
  CHECK(*get(*store, BlockId{2}, 1) == bytes);
}

TEST_CASE("many files at a time share a bounded number of buffers") {
  const TemporaryDirectory directory;
  DirectWrites direct({directory.path(), WriteCache::kDirect, Durability::kSync, {}});
  std::vector<DirectWrites::Buffer> taken;
  for (std::size_t i = 0; i < DirectWrites::kBuffersMax; ++i) {
    taken.push_back(direct.take(Readers::kHere));
    REQUIRE(taken.back());
  }
  CHECK_FALSE(direct.take(Readers::kHere));
  taken.pop_back();
  CHECK(direct.take(Readers::kHere));
  const auto store = open_store(options_of(directory.path() + "/store", WriteCache::kDirect));
  std::vector<std::unique_ptr<ReplicaWriter>> writers;
  constexpr std::uint64_t kWriters = 2 * DirectWrites::kBuffersMax;
  for (std::uint64_t id = 1; id <= kWriters; ++id) {
    writers.push_back(*store->create(BlockId{id}, 1, 0));
    REQUIRE(append_raw(*writers.back(), BlockId{id}, make_bytes(kLarge, id)).ok());
  }
  for (const auto& writer : writers) REQUIRE(finish_and_wait(*writer).ok());
  for (std::uint64_t id = 1; id <= kWriters; ++id) {
    CHECK(*get(*store, BlockId{id}, 1) == make_bytes(kLarge, id));
  }
}

}  // namespace minidfs::storage
