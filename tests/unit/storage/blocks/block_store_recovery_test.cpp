// What a crash leaves behind, made by copying the directory of a running store or by cutting files.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/blocks/replica_format.hpp"
#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 300'000;

// The directory as a process that is killed now would leave it.
void copy_running(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

void drop_index(const std::string& directory) {
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(directory + "/index.db" + suffix);
}

}  // namespace

TEST_CASE("what was finished is there after a kill, whatever the index knew of it") {
  const TemporaryDirectory directory;
  const std::string live = directory.path() + "/live";
  const std::string killed = directory.path() + "/killed";
  const auto store = open_store(store_options({live}));
  const auto size_of = [](std::uint64_t id) { return id % 10 == 0 ? kLarge + id : 3000 + id; };
  std::uint64_t id = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 60; ++i) {
      ++id;
      REQUIRE(put(*store, BlockId{id}, 2, make_bytes(size_of(id), id)).ok());
    }
    copy_running(live, killed);
    if (round == 3) drop_index(killed);
    const auto again = open_store(store_options({killed}));
    CHECK(again->usage().replicas == id);
    for (std::uint64_t i = 1; i <= id; ++i) {
      REQUIRE(*get(*again, BlockId{i}, 2) == make_bytes(size_of(i), i));
    }
    // It goes on where it was.
    CHECK(put(*again, BlockId{id + 1}, 2, make_bytes(4000, 1)).ok());
    CHECK(*get(*again, BlockId{id + 1}, 2) == make_bytes(4000, 1));
  }
}

TEST_CASE("a process killed at any moment loses nothing that it said was finished") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path() + "/store"});
  std::uint64_t next = 1;
  for (int round = 0; round < 5; ++round) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = BlockStore::open(options);
      if (!store) ::_exit(1);
      for (std::uint64_t id = next;; ++id) {
        const std::size_t size = id % 7 == 0 ? kLarge : 2000;
        if (!put(**store, BlockId{id}, 1, make_bytes(size, id))) ::_exit(2);
        if (::write(pipe_ends[1], &id, sizeof id) != sizeof id) ::_exit(3);
      }
    }
    ::close(pipe_ends[1]);
    std::uint64_t acknowledged = next - 1;
    const std::uint64_t enough = next + 40 + 17 * static_cast<std::uint64_t>(round);
    while (acknowledged < enough &&
           ::read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(acknowledged >= enough);

    const auto store = open_store(options);
    for (std::uint64_t id = 1; id <= acknowledged; ++id) {
      REQUIRE(*get(*store, BlockId{id}, 1) == make_bytes(id % 7 == 0 ? kLarge : 2000, id));
    }
    CHECK(store->usage().replicas <= acknowledged + 1);
    const auto infos = store->list(BlockId{}, 1'000'000);
    next = infos->back().block.value + 1;
  }
}

TEST_CASE("half-written files are removed at open and whole ones adopted") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  REQUIRE(put(*open_store(options), BlockId{1}, 1, make_bytes(kLarge, 1)).ok());
  const std::string blocks = directory.path() + "/blocks/";
  const std::string whole = blocks + large_name(BlockId{1}, 1);
  const auto half = [&](std::uint64_t generation, std::uintmax_t size) {
    const std::string path = blocks + large_name(BlockId{1}, generation);
    fs::copy_file(whole, path);
    fs::resize_file(path, size);
  };
  half(2, 0);
  half(3, 87);
  half(4, kLarge);
  half(5, fs::file_size(whole) - 1);
  half(6, fs::file_size(whole));  // Whole, but the name is not what the bytes say.
  {
    const auto store = open_store(options);
    CHECK(files_in(blocks).size() == 1);
    CHECK(*get(*store, BlockId{1}, 1) == make_bytes(kLarge, 1));
  }
  drop_index(directory.path());
  CHECK(*get(*open_store(options), BlockId{1}, 1) == make_bytes(kLarge, 1));
}

TEST_CASE("of two generations that a crash left, the newer is kept") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  for (const std::size_t size : {std::size_t{2000}, kLarge}) {
    const BlockId block{size};
    const std::string kept = directory.path() + "/kept";
    const std::string name = directory.path() + "/blocks/" + large_name(block, 1);
    {
      const auto store = open_store(options);
      REQUIRE(put(*store, block, 1, make_bytes(size, 1)).ok());
      if (size == kLarge) fs::copy_file(name, kept);
      REQUIRE(put(*store, block, 2, make_bytes(size, 2)).ok());
    }
    if (size == kLarge) fs::rename(kept, name);
    drop_index(directory.path());
    const auto store = open_store(options);
    CHECK(*get(*store, block, 2) == make_bytes(size, 2));
    CHECK_FALSE(fs::exists(name));
  }
}

TEST_CASE("a torn record at the end of a pack hides nothing and is written over") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  for (const std::size_t cut : {std::size_t{1}, std::size_t{600}, std::size_t{4500}}) {
    const std::string killed = directory.path() + "/killed";
    {
      const auto store = open_store(store_options({directory.path() + "/live"}));
      REQUIRE(put(*store, BlockId{cut * 10 + 1}, 1, make_bytes(4096, 1)).ok());
      REQUIRE(put(*store, BlockId{cut * 10 + 2}, 1, make_bytes(4096, 2)).ok());
    }
    copy_running(directory.path() + "/live", killed);
    const std::string pack = killed + "/packs/" + pack_name(1);
    fs::resize_file(pack, fs::file_size(pack) - cut);
    drop_index(killed);
    const auto store = open_store(store_options({killed}));
    CHECK(*get(*store, BlockId{cut * 10 + 1}, 1) == make_bytes(4096, 1));
    // The padding may be missing, the bytes may not.
    const bool whole = cut == 1;
    CHECK(get(*store, BlockId{cut * 10 + 2}, 1).ok() == whole);
    REQUIRE(put(*store, BlockId{cut * 10 + 3}, 1, make_bytes(4096, 3)).ok());
    CHECK(*get(*store, BlockId{cut * 10 + 3}, 1) == make_bytes(4096, 3));
  }
}

TEST_CASE("files that vanish are noticed at open and their replicas no longer listed") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  {
    const auto store = open_store(options);
    for (std::uint64_t id = 1; id <= 4; ++id) {
      REQUIRE(put(*store, BlockId{id}, 1, make_bytes(id % 2 == 0 ? 100 : kLarge, id)).ok());
    }
  }
  for (const auto& file : files_in(directory.path() + "/packs")) fs::remove(file);
  fs::remove(directory.path() + "/blocks/" + large_name(BlockId{1}, 1));
  for (int i = 0; i < 2; ++i) {
    const auto store = open_store(options);
    REQUIRE(store->list(BlockId{}, 10)->size() == 1);
    CHECK(store->list(BlockId{}, 10)->front().block == BlockId{3});
    CHECK(store->notices().empty() == (i == 1));
  }
}

TEST_CASE("a copy of a pack inside a replica is not taken for replicas") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  std::vector<std::byte> copy;
  {
    const auto store = open_store(options);
    REQUIRE(put(*store, BlockId{1}, 1, make_bytes(5000, 1)).ok());
  }
  {
    std::ifstream pack(directory.path() + "/packs/" + pack_name(1), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(pack)), {});
    // Such that the inner record begins where a record may begin.
    copy.resize(kPackAlignmentBytes - descriptor_bytes(text.size()));
    const auto bytes = std::as_bytes(std::span(text));
    copy.insert(copy.end(), bytes.begin(), bytes.end());
  }
  {
    const auto store = open_store(options);
    REQUIRE(store->remove(BlockId{1}, 1).ok());
    REQUIRE(put(*store, BlockId{2}, 1, copy).ok());
  }
  // Without the outer record's header the scan looks at what is inside it.
  const std::uint64_t outer = packed_bytes({BlockId{1}, 1, 5000, 5000});
  {
    std::fstream pack(directory.path() + "/packs/" + pack_name(1),
                      std::ios::binary | std::ios::in | std::ios::out);
    pack.seekp(static_cast<std::streamoff>(outer));
    pack.put('X');
  }
  drop_index(directory.path());
  CHECK(open_store(options)->list(BlockId{}, 10)->empty());
}

}  // namespace minidfs::storage
