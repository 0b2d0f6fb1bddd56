// Directories that are damaged, foreign, in use or full.
#include "storage/blocks/disk_identity.hpp"
#include "storage/blocks/replica_format.hpp"
#include "store_fixture.hpp"

namespace minidfs::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLarge = 140'000;

void flip(const fs::path& path, std::uint64_t offset, unsigned bit) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  char byte = 0;
  file.get(byte);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ static_cast<char>(1U << bit)));
  REQUIRE(file.good());
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("a byte flipped anywhere in the directory never gives wrong bytes") {
  const TemporaryDirectory directory;
  const std::string good = directory.path() + "/good";
  const std::string bad = directory.path() + "/bad";
  const auto size_of = [](std::uint64_t id) { return id == 3 ? kLarge : 700 * id; };
  {
    const auto store = open_store(store_options({good}));
    for (std::uint64_t id = 1; id <= 5; ++id) {
      REQUIRE(put(*store, BlockId{id}, id, make_bytes(size_of(id), id)).ok());
    }
  }
  std::uint64_t refused = 0;
  std::uint64_t missing_or_corrupt = 0;
  std::uint64_t step = 0;
  for (const fs::path& file : files_in(good)) {
    const std::uint64_t size = fs::file_size(file);
    const std::uint64_t stride = std::max<std::uint64_t>(1, size / 60);
    for (std::uint64_t offset = 0; offset < size; offset += stride) {
      fs::remove_all(bad);
      fs::copy(good, bad, fs::copy_options::recursive);
      flip(bad / fs::relative(file, good), offset, static_cast<unsigned>(++step % 8));
      const auto store = BlockStore::open(store_options({bad}));
      if (!store) {
        CHECK(file.filename() == "VERSION");
        ++refused;
        continue;
      }
      for (std::uint64_t id = 1; id <= 5; ++id) {
        const auto raw = get(**store, BlockId{id}, id);
        if (raw) {
          REQUIRE(*raw == make_bytes(size_of(id), id));
          continue;
        }
        ++missing_or_corrupt;
        const Errc code = raw.error().code;
        REQUIRE((code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kStale));
        if (code == Errc::kCorrupt) {
          CHECK(code_of((*store)->verify(BlockId{id}, id)) == Errc::kCorrupt);
        }
      }
    }
  }
  CHECK(refused > 20);
  CHECK(missing_or_corrupt > 20);
}

TEST_CASE("a damaged index is set aside and rebuilt from the replicas") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  {
    const auto store = open_store(options);
    for (std::uint64_t id = 1; id <= 50; ++id) {
      REQUIRE(put(*store, BlockId{id}, 1, make_bytes(id % 5 == 0 ? kLarge : 100 * id, id)).ok());
    }
  }
  for (int round = 1; round <= 2; ++round) {
    const std::string index = directory.path() + "/index.db";
    // First only SQLite's own magic, then bits all over the file.
    const std::uint64_t stride = round == 1 ? fs::file_size(index) : 101;
    for (std::uint64_t at = 0; at < fs::file_size(index); at += stride) flip(index, at, 3);
    const auto store = open_store(options);
    CHECK_FALSE(store->notices().empty());
    CHECK(fs::exists(index + ".damaged-" + std::to_string(round)));
    CHECK(store->usage().replicas == 50);
    for (std::uint64_t id = 1; id <= 50; ++id) {
      CHECK(store->verify(BlockId{id}, 1).ok());
    }
  }
}

TEST_CASE("a damaged replica met while the index is rebuilt is kept aside, not deleted") {
  const TemporaryDirectory directory;
  const auto options = store_options({directory.path()});
  REQUIRE(put(*open_store(options), BlockId{1}, 1, make_bytes(kLarge, 1)).ok());
  flip(directory.path() + "/blocks/" + large_name(BlockId{1}, 1), 5, 0);
  fs::remove(directory.path() + "/index.db");
  const auto store = open_store(options);
  CHECK(store->usage().replicas == 0);
  CHECK(fs::exists(directory.path() + "/damaged/" + large_name(BlockId{1}, 1)));
}

TEST_CASE("a directory in use is refused, also by its own second mention") {
  const TemporaryDirectory directory;
  {
    const auto store = open_store(store_options({directory.path()}));
    const auto second = BlockStore::open(store_options({directory.path()}));
    CHECK(code_of(second) == Errc::kInUse);
    CHECK(second.error().message.find(directory.path()) != std::string::npos);
  }
  CHECK(code_of(BlockStore::open(store_options({directory.path(), directory.path()}))) ==
        Errc::kInUse);
  CHECK(BlockStore::open(store_options({directory.path()})).ok());
}

TEST_CASE("directories know their cluster and their datanode") {
  const TemporaryDirectory directory;
  const ClusterId ours{1, 2};
  const ClusterId theirs{3, 4};
  const std::string a = directory.path() + "/a";
  const std::string b = directory.path() + "/b";
  NodeId node;
  {
    const auto store = open_store(store_options({a}));
    node = store->node_id();
    CHECK_FALSE(node.is_none());
    CHECK(store->cluster_id().is_none());
    CHECK(store->set_cluster_id(ours).ok());
    CHECK(store->set_cluster_id(ours).ok());
    CHECK(code_of(store->set_cluster_id(theirs)) == Errc::kWrongCluster);
    CHECK(store->cluster_id() == ours);
  }
  {
    // A new disk joins the datanode.
    const auto store = open_store(store_options({b, a}));
    CHECK(store->node_id() == node);
    CHECK(store->cluster_id() == ours);
  }
  auto options = store_options({b});
  options.cluster = theirs;
  CHECK(code_of(BlockStore::open(options)) == Errc::kWrongCluster);
  CHECK(open_store(store_options({b}))->cluster_id() == ours);
  const std::string c = directory.path() + "/c";
  open_store(store_options({c}));
  CHECK(code_of(BlockStore::open(store_options({a, c}))) == Errc::kInvalidArgument);
}

TEST_CASE("a directory that is none of ours, or newer than we are, is left as it is") {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/d";
  fs::create_directory(path);
  write_file(path + "/photo.jpg", "x");
  const auto foreign = BlockStore::open(store_options({path}));
  CHECK(code_of(foreign) == Errc::kInvalidArgument);
  CHECK_FALSE(fs::exists(path + "/VERSION"));
  fs::remove(path + "/photo.jpg");
  open_store(store_options({path}));
  write_file(path + "/VERSION", "format=2\nsomething=else\n");
  CHECK(code_of(BlockStore::open(store_options({path}))) == Errc::kUnsupported);
  write_file(path + "/VERSION", "");
  CHECK(code_of(BlockStore::open(store_options({path}))) == Errc::kCorrupt);
}

TEST_CASE("the text of VERSION is read back and every other text refused") {
  const DiskIdentity identity{{1, 2}, {3, 4}, {5, 6}};
  const std::string text = format_identity(identity);
  const auto parsed = parse_identity(text, "VERSION");
  REQUIRE(parsed.ok());
  CHECK(parsed->cluster == identity.cluster);
  CHECK(parsed->node == identity.node);
  CHECK(parsed->disk == identity.disk);
  CHECK_FALSE(parse_identity(text + "x", "VERSION").ok());
  for (std::size_t i = 0; i < text.size(); ++i) {
    CHECK_FALSE(parse_identity(text.substr(0, i), "VERSION").ok());
    std::string flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK_FALSE(parse_identity(flipped, "VERSION").ok());
  }
}

}  // namespace minidfs::storage
