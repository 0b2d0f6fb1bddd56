#include "storage/blocks/block_store.hpp"

#include <atomic>
#include <thread>

#include "store_fixture.hpp"

namespace minidfs::storage {

TEST_CASE("replicas of every size and compression come back, also after a restart") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  const std::vector<std::size_t> sizes = {1,           511,
                                          4096,        kSliceBytes - 1,
                                          kSliceBytes, kSliceBytes + 1,
                                          128 << 10,   (128 << 10) + 1,
                                          3 << 20,     (9 << 20) + 7};
  auto store = open_store(options);
  std::uint64_t id = 0;
  for (const auto mode :
       {Compression::Mode::kNone, Compression::Mode::kZstd, Compression::Mode::kAuto}) {
    for (const std::size_t size : sizes) {
      ++id;
      const auto info = put(*store, BlockId{id}, 7, make_bytes(size, id, id % 2 == 0), {mode, 3});
      REQUIRE(info.ok());
      CHECK(info->length == size);
      CHECK(info->generation == 7);
      CHECK(info->stored_bytes <= size);
    }
  }
  for (const bool restarted : {false, true}) {
    if (restarted) {
      store.reset();
      store = open_store(options);
      CHECK(store->notices().empty());
    }
    for (std::uint64_t i = 1; i <= id; ++i) {
      const auto raw = get(*store, BlockId{i}, 7);
      REQUIRE(raw.ok());
      CHECK(*raw == make_bytes(sizes[(i - 1) % sizes.size()], i, i % 2 == 0));
      CHECK(store->verify(BlockId{i}, 7).ok());
    }
    CHECK(store->usage().replicas == id);
  }
}

TEST_CASE("list gives replicas in order of id, page by page") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::uint64_t id : {9, 3, 5, 1, 7}) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(id * 50'000, id)).ok());
  }
  const auto first = store->list(BlockId{}, 3);
  REQUIRE(first.ok());
  REQUIRE(first->size() == 3);
  CHECK(first->at(0).block == BlockId{1});
  CHECK(first->at(2).block == BlockId{5});
  CHECK(first->at(2).length == 250'000);
  const auto second = store->list(BlockId{5}, 3);
  REQUIRE(second->size() == 2);
  CHECK(second->at(1).block == BlockId{9});
  CHECK(store->list(BlockId{9}, 3)->empty());
}

TEST_CASE("generations decide which replica of a block is served, replaced and removed") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::size_t size : {std::size_t{1000}, std::size_t{300'000}}) {
    const BlockId block{size};
    REQUIRE(put(*store, block, 5, make_bytes(size, 5)).ok());
    CHECK(code_of(store->create(block, 5, 10)) == Errc::kAlreadyExists);
    CHECK(code_of(store->create(block, 4, 10)) == Errc::kAlreadyExists);
    CHECK(code_of(store->open_replica(block, 4)) == Errc::kStale);
    CHECK(code_of(store->open_replica(block, 6)) == Errc::kStale);

    const auto old_reader = store->open_replica(block, 5);
    REQUIRE(old_reader.ok());
    REQUIRE(put(*store, block, 6, make_bytes(size + 1, 6)).ok());
    CHECK(code_of(store->open_replica(block, 5)) == Errc::kStale);
    CHECK(*get(*store, block, 6) == make_bytes(size + 1, 6));
    CHECK(*read_back(**old_reader) == make_bytes(size, 5));

    CHECK(code_of(store->remove(block, 5)) == Errc::kStale);
    CHECK(store->remove(block, 7).ok());
    CHECK(code_of(store->remove(block, 7)) == Errc::kNotFound);
    CHECK(code_of(store->open_replica(block, 6)) == Errc::kNotFound);
    REQUIRE(put(*store, block, 6, make_bytes(size, 6)).ok());
    CHECK(*get(*store, block, 6) == make_bytes(size, 6));
  }
}

TEST_CASE("replicas are opened together, each with its own answer") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  REQUIRE(put(*store, BlockId{1}, 1, make_bytes(1000, 1)).ok());
  REQUIRE(put(*store, BlockId{2}, 1, make_bytes(3 << 20, 2)).ok());
  REQUIRE(put(*store, BlockId{3}, 2, make_bytes(1000, 3)).ok());
  std::vector<BlockStore::ReplicaKey> keys{{BlockId{1}, 1}, {BlockId{2}, 1}, {BlockId{9}, 1},
                                           {BlockId{3}, 1}, {BlockId{3}, 2}, {BlockId{1}, 1}};
  auto opened = open_together(*store, keys);
  CHECK(*read_back(**opened[0]) == make_bytes(1000, 1));
  CHECK(*read_back(**opened[1]) == make_bytes(3 << 20, 2));
  CHECK(code_of(opened[2]) == Errc::kNotFound);
  CHECK(code_of(opened[3]) == Errc::kStale);
  CHECK(*read_back(**opened[4]) == make_bytes(1000, 3));
  CHECK(*read_back(**opened[5]) == make_bytes(1000, 1));

  // However many are wanted, no more than so much is read with their descriptors.
  keys.clear();
  for (std::uint64_t id = 100; id < 140; ++id) {
    REQUIRE(put(*store, BlockId{id}, 1, make_bytes(60'000, id)).ok());
    keys.push_back({BlockId{id}, 1});
  }
  opened = open_together(*store, keys);
  std::size_t read_along = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    read_along += (*opened[i])->content().size();
    CHECK(*read_back(**opened[i]) == make_bytes(60'000, keys[i].block.value));
  }
  CHECK(read_along > 0);
  CHECK(read_along <= 256 * 1024);
}

TEST_CASE("a replica is invisible until it is finished and gone when it is abandoned") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::size_t size : {std::size_t{1000}, std::size_t{20} << 20}) {
    const BlockId block{size};
    {
      auto writer = store->create(block, 1, size);
      REQUIRE(writer.ok());
      REQUIRE(append_raw(**writer, block, make_bytes(size, 1)).ok());
      CHECK(code_of(store->open_replica(block, 1)) == Errc::kNotFound);
      CHECK(code_of(store->create(block, 1, size)) == Errc::kInUse);
      CHECK(store->usage().used_bytes >= size);
    }
    // The disk's threads see to it.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (store->usage().used_bytes != 0 || !put(*store, block, 1, make_bytes(size, 1)).ok()) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
    }
    CHECK(files_in(directory.path() + "/blocks").size() == (size > 1000 ? 1U : 0U));
    CHECK(store->remove(block, 1).ok());
  }
}

TEST_CASE("a replica that is kept out of the page cache reads back the same") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::size_t size : {std::size_t{1000}, std::size_t{20} << 20}) {
    const BlockId block{size};
    const auto bytes = make_bytes(size, 1);
    auto writer = store->create(block, 1, size);
    REQUIRE(writer.ok());
    (*writer)->expect(Readers::kNobody);
    REQUIRE(append_raw(**writer, block, bytes).ok());
    REQUIRE(finish_and_wait(**writer).ok());
    CHECK(*get(*store, block, 1) == bytes);
  }
}

TEST_CASE("what does not follow the rules of slices is refused") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  CHECK(code_of(store->create(BlockId{}, 1, 10)) == Errc::kInvalidArgument);
  for (const std::uint64_t hint : {std::uint64_t{100'000}, std::uint64_t{0}}) {
    const std::vector<std::byte> bytes(100, std::byte{1});
    auto empty = store->create(BlockId{1}, 1, hint);
    CHECK(code_of(finish_and_wait(**empty)) == Errc::kInvalidArgument);
    auto writer = store->create(BlockId{1}, 1, hint);
    REQUIRE(writer.ok());
    const auto append = [&](std::uint32_t stored, std::uint32_t raw) {
      const Slice slice{stored, raw, 0};
      return (*writer)->append(std::span(&slice, 1), bytes, nullptr);
    };
    CHECK(code_of(append(100, 99)) == Errc::kInvalidArgument);
    CHECK(code_of(append(100, kSliceBytes + 1)) == Errc::kInvalidArgument);
    CHECK(code_of(append(99, 100)) == Errc::kInvalidArgument);
    CHECK(append(100, kSliceBytes).ok());
    CHECK(append(100, 100).ok());
    CHECK(code_of(append(100, 100)) == Errc::kInvalidArgument);  // After a short slice.
    CHECK(finish_and_wait(**writer).ok());
    CHECK(store->remove(BlockId{1}, 1).ok());
  }
  auto liar = store->create(BlockId{2}, 1, 50);
  CHECK(code_of(append_raw(**liar, BlockId{2}, make_bytes(51, 1))) == Errc::kInvalidArgument);
}

TEST_CASE("many threads finish small and large replicas at once, and each gets its own answer") {
  const TemporaryDirectory directory;
  auto options = store_options({directory.path() + "/a", directory.path() + "/b"});
  options.durability = Durability::kSync;
  const auto store = open_store(options);
  constexpr std::uint64_t kThreads = 8;
  constexpr std::uint64_t kEach = 60;
  const auto size_of = [](std::uint64_t id) { return id % 20 == 0 ? 200'000 + id : 500 + id; };
  std::atomic<std::uint64_t> right = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const std::uint64_t id = thread * kEach + i + 1;
        const auto info = put(*store, BlockId{id}, id, make_bytes(size_of(id), id));
        if (!info || info->block != BlockId{id} || info->length != size_of(id)) continue;
        const auto raw = get(*store, BlockId{id}, id);
        if (raw && *raw == make_bytes(size_of(id), id)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == kThreads * kEach);
  CHECK_FALSE(std::filesystem::is_empty(directory.path() + "/a/blocks"));
  CHECK_FALSE(std::filesystem::is_empty(directory.path() + "/b/blocks"));
}

TEST_CASE("the answer of finish comes from another thread than the caller's") {
  const TemporaryDirectory directory;
  const auto store = open_store(store_options({directory.path()}));
  for (const std::uint64_t hint : {std::uint64_t{10}, std::uint64_t{0}}) {
    for (const bool empty : {false, true}) {
      const BlockId block{empty ? 2U : 1U};
      auto writer = store->create(block, 1, hint);
      if (!empty) REQUIRE(append_raw(**writer, block, make_bytes(10, 1)).ok());
      std::promise<std::thread::id> promise;
      (*writer)->finish([&](const auto&) { promise.set_value(std::this_thread::get_id()); });
      CHECK(promise.get_future().get() != std::this_thread::get_id());
    }
    CHECK(store->remove(BlockId{1}, 1).ok());
  }
}

}  // namespace minidfs::storage
