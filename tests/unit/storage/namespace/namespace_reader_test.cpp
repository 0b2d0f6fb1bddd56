#include "storage/namespace/namespace_reader.hpp"

#include "storage/namespace/namespace_listings.hpp"
#include "unit/storage/namespace/namespace_fixture.hpp"

namespace minidfs::storage {
namespace {

using metadata::FileStatus;
using test::must;
using test::NamespaceDirectory;
using test::TestNamespace;

std::vector<std::string> names(const std::vector<FileStatus>& entries) {
  std::vector<std::string> out;
  for (const FileStatus& entry : entries) out.push_back(entry.name);
  return out;
}

TEST_CASE("A file is described as it was committed") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{5});
  ns.run(TestNamespace::create("/d/f", {{BlockId{1}, 3, 100}, {BlockId{2}, 4, 20}}));
  FileStatus expected;
  expected.name = "f";
  expected.id = InodeId{3};
  expected.length = 120;
  expected.permission = 0644;
  expected.owner = "ann";
  expected.group = "staff";
  expected.modified_ms = expected.accessed_ms = 10;
  expected.block_size = 100;
  expected.replication = 3;
  expected.compression = "none";
  CHECK(must(ns.reader().stat("/d/f")) == expected);
  CHECK(must(ns.reader().stat("//d//f/")) == expected);
  const FileBlocks file = must(ns.reader().file_blocks("/d/f"));
  CHECK(file.status == expected);
  CHECK(file.blocks == std::vector<metadata::Block>{{BlockId{1}, 3, 100}, {BlockId{2}, 4, 20}});
  CHECK(must(ns.reader().path_of(expected.id)) == "/d/f");
}

TEST_CASE("Paths that lead nowhere say why") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::create("/d/f"));
  CHECK(ns.reader().stat("/none").error().code == Errc::kNotFound);
  CHECK(ns.reader().stat("/d/none/x").error().code == Errc::kNotFound);
  CHECK(ns.reader().stat("/d/f/x").error().code == Errc::kNotADirectory);
  CHECK(ns.reader().stat("d").error().code == Errc::kInvalidArgument);
  CHECK(ns.reader().list("/none", "", 10).error().code == Errc::kNotFound);
  CHECK(ns.reader().owner_of(BlockId{77}).error().code == Errc::kNotFound);
  CHECK(ns.reader().path_of(InodeId{77}).error().code == Errc::kNotFound);
}

TEST_CASE("A listing is in the order of bytes and comes in pages") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const std::vector<std::string> expected{"A", "B", "a", "a b", "aa", "b", "\xC3\xA9", "\xFF"};
  for (const std::string& name : expected) ns.run(TestNamespace::create("/d/" + name));
  for (const std::uint32_t page : {1U, 2U, 3U, 7U, 8U, 9U, 100U}) {
    CHECK(names(ns.list("/d", page)) == expected);
  }
  const NamespaceListing last = must(ns.reader().list("/d", "aa", 3));
  CHECK(last.count == 3);
  CHECK_FALSE(last.more);
  CHECK(must(ns.reader().list("/d", "\xFF", 3)).count == 0);
  CHECK(must(ns.reader().list("/d", "aaa", 1)).count == 1);  // A name that does not exist.
}

TEST_CASE("The listing of a file is the file") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::create("/d/f"));
  CHECK(ns.list("/d/f", 10) == std::vector<FileStatus>{must(ns.reader().stat("/d/f"))});
}

TEST_CASE("A page ends before it grows beyond a megabyte") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  for (int i = 0; i < 5000; ++i) {
    ns.apply(TestNamespace::create("/d/" + std::string(220, 'n') + std::to_string(10'000 + i)));
  }
  must(ns.store().commit_batch());
  const NamespaceListing page = must(ns.reader().list("/d", "", 100'000));
  CHECK(page.more);
  CHECK(page.entries->size() < (1U << 20U) + 1000);
  CHECK(ns.list("/d", 100'000).size() == 5000);
}

TEST_CASE("A listing that was read before is given again until its directory changes") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::create("/d/sub/f"));
  const auto first = must(ns.reader().list("/d", "", 10)).entries;
  CHECK(must(ns.reader().list("/d", "", 10)).entries == first);
  ns.run(TestNamespace::create("/other/f"));
  CHECK(must(ns.reader().list("/d", "", 10)).entries == first);
  // A new entry below an entry shows in the entry's own row.
  ns.run(TestNamespace::create("/d/sub/g"));
  CHECK(must(ns.reader().list("/d", "", 10)).entries != first);
  CHECK(ns.list("/d", 10)[0].children == 2);
  ns.run(metadata::SetReplication{{}, 1, "/d/sub/g", 7});
  CHECK(ns.list("/d/sub", 10)[1].replication == 7);
  ns.run(metadata::Rename{{}, 1, "/d/sub", "/other/moved"});
  CHECK(ns.list("/d", 10).empty());
  CHECK(names(ns.list("/other", 10)) == std::vector<std::string>{"f", "moved"});
  CHECK(names(ns.list("/other/moved", 10)) == std::vector<std::string>{"f", "g"});
  CHECK(ns.reader().list("/d/sub", "", 10).error().code == Errc::kNotFound);
}

TEST_CASE("A name that passed from one directory to another leads to the new one") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(TestNamespace::create("/a/old"));
  ns.run(TestNamespace::create("/b/new"));
  CHECK(ns.reader().stat("/a/old").ok());
  ns.apply(TestNamespace::remove("/a"));
  ns.run(metadata::Rename{{}, 1, "/b", "/a"});
  CHECK_FALSE(ns.reader().stat("/a/old").ok());
  CHECK(ns.reader().stat("/a/new").ok());
}

TEST_CASE("Blocks come in the order of their ids, within bounds") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  ns.run(metadata::ReserveBlockIds{100});
  ns.run(TestNamespace::create("/b", {{BlockId{9}, 1, 100}, {BlockId{3}, 2, 5}}));
  ns.run(TestNamespace::create("/a", {{BlockId{5}, 1, 7}}));
  const auto ids = [&](std::uint64_t first, std::uint64_t last, std::uint32_t limit) {
    std::vector<std::uint64_t> out;
    for (const auto& block :
         must(ns.reader().blocks_between(BlockId{first}, BlockId{last}, limit))) {
      out.push_back(block.id.value);
    }
    return out;
  };
  CHECK(ids(0, ~0ULL, 10) == std::vector<std::uint64_t>{3, 5, 9});
  CHECK(ids(4, 9, 1) == std::vector<std::uint64_t>{5});
  CHECK(ids(4, 8, 10) == std::vector<std::uint64_t>{5});
  CHECK(ids(~0ULL, ~0ULL, 10).empty());
}

TEST_CASE("Retired blocks are told in joined ranges") {
  const NamespaceDirectory directory;
  TestNamespace ns(directory.file());
  const auto retire = [&](std::uint64_t first, std::uint64_t count) {
    CHECK(ns.run(metadata::RetireBlockIds{{{BlockId{first}, count}}}).value == count);
  };
  const auto between = [&](std::uint64_t first, std::uint64_t last, std::uint32_t limit = 10) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (const auto& range :
         must(ns.reader().retired_between(BlockId{first}, BlockId{last}, limit))) {
      out.emplace_back(range.first.value, range.count);
    }
    return out;
  };
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  CHECK(between(0, ~0ULL).empty());
  retire(10, 5);
  retire(20, 5);
  retire(30, 5);
  CHECK(between(0, ~0ULL) == Ranges{{10, 5}, {20, 5}, {30, 5}});
  CHECK(between(12, 21) == Ranges{{12, 3}, {20, 2}});
  CHECK(between(15, 19).empty());
  CHECK(between(15, 40, 1) == Ranges{{20, 5}});
  retire(15, 3);
  CHECK(between(0, 100) == Ranges{{10, 8}, {20, 5}, {30, 5}});
  retire(18, 9);
  CHECK(between(0, 100) == Ranges{{10, 17}, {30, 5}});
  retire(29, 1);
  retire(1, 100);
  CHECK(between(0, ~0ULL) == Ranges{{1, 100}});
  CHECK(between(0, ~0ULL, 0).empty());
}

TEST_CASE("The cache of listings keeps its bound and drops what was unused longest") {
  ListingCache cache(10'000);
  const auto page = [](std::size_t bytes) {
    return NamespaceListing{std::make_shared<const std::string>(bytes, 'x'), 1, false};
  };
  const auto key = [](std::uint64_t id) { return ListingCache::Key{InodeId{id}, 10, ""}; };
  for (std::uint64_t id = 1; id <= 3; ++id) cache.keep(key(id), page(3000), 5);
  CHECK(cache.find(key(1), 5) != nullptr);
  cache.keep(key(4), page(3000), 5);
  CHECK(cache.bytes() <= 10'000);
  CHECK(cache.find(key(2), 5) == nullptr);
  CHECK(cache.find(key(1), 5) != nullptr);
  CHECK(cache.find(key(1), 6) == nullptr);  // Changed since.
  CHECK(cache.find(key(1), 5) == nullptr);  // And dropped.
  cache.keep(key(5), page(20'000), 5);      // Larger than the cache.
  CHECK(cache.find(key(5), 5) == nullptr);
  cache.keep(key(4), page(10), 9);
  CHECK(cache.find(key(4), 9)->entries->size() == 10);
}

}  // namespace
}  // namespace minidfs::storage
