// A file is read: in order, in parallel, in part, whatever becomes of its replicas.
#include <atomic>
#include <filesystem>
#include <thread>

#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;

// Reads in parallel into one string, with nothing left out and nothing twice.
Result<std::string> read_in_parallel(FileSystem& files, const std::string& path, std::size_t size) {
  std::string content(size, '\0');
  std::atomic<std::size_t> taken{0};
  MDFS_CHECK(files.read_file_in_parallel(
      path,
      [&](std::uint64_t offset, std::span<const std::byte> bytes) {
        if (offset + bytes.size() <= size) {
          std::memcpy(content.data() + offset, bytes.data(), bytes.size());
        }
        taken += bytes.size();
        return Status();
      },
      {}));
  CHECK(taken == size);
  return content;
}

TEST_CASE("Any range of a file can be read") {
  FakeCluster cluster(2, quick());
  const auto content = content_of(700'000);
  write_text(*cluster.files, "/f", content);
  for (const auto& [offset, length] :
       std::vector<std::pair<std::size_t, std::size_t>>{{0, 1},
                                                        {65'535, 2},
                                                        {262'143, 2},
                                                        {100, 600'000},
                                                        {699'999, 100},
                                                        {700'000, 1},
                                                        {900'000, 1},
                                                        {5, 0}}) {
    const auto read = read_range(*cluster.files, "/f", offset, length);
    REQUIRE(read.ok());
    CHECK(*read == (offset < content.size() ? content.substr(offset, length) : ""));
  }
}

TEST_CASE("A file is read in several parts at a time") {
  FakeCluster cluster(3, quick(3 << 20));
  for (const std::size_t size : {0, 1, 3 << 20, (10 << 20) + 7}) {
    const auto content = content_of(size);
    write_text(*cluster.files, "/f" + std::to_string(size), content);
    const auto read = read_in_parallel(*cluster.files, "/f" + std::to_string(size), size);
    REQUIRE(read.ok());
    CHECK(*read == content);
  }

  SECTION("also when a node dies") {
    cluster.datanodes[0]->stop();
    const auto read = read_in_parallel(*cluster.files, "/f10485767", (10 << 20) + 7);
    REQUIRE(read.ok());
    CHECK(*read == content_of((10 << 20) + 7));
  }
  SECTION("and stops at the first error of the sink") {
    const auto status = cluster.files->read_file_in_parallel(
        "/f10485767",
        [](std::uint64_t, std::span<const std::byte>) -> Status {
          return Error{Errc::kNoSpace, "the disk is full"};
        },
        {});
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == Errc::kNoSpace);
  }
}

TEST_CASE("Replicas on dead nodes are read elsewhere") {
  FakeCluster cluster(3, quick());
  const auto content = content_of(1'500'000);
  write_text(*cluster.files, "/f", content);
  REQUIRE(read_all(*cluster.files, "/f") == content);
  cluster.datanodes[0]->stop();
  cluster.datanodes[2]->stop();
  CHECK(read_all(*cluster.files, "/f") == content);
}

TEST_CASE("The node dies while its replica is read: the rest comes from another") {
  FakeCluster cluster(2, quick(8 << 20));
  const auto content = content_of(8 << 20);
  write_text(*cluster.files, "/f", content);
  std::string read;
  const auto status = cluster.files->read_file(
      "/f", 0, UINT64_MAX,
      [&](std::span<const std::byte> bytes) {
        if (read.size() < 1'000'000 && read.size() + bytes.size() >= 1'000'000) {
          cluster.datanodes[0]->stop();
        }
        read.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return Status();
      },
      {});
  REQUIRE(status.ok());
  CHECK(read == content);
}

TEST_CASE("Corrupt replicas give right bytes from another, and an error when there is none") {
  FakeCluster cluster(2, quick(2 << 20));
  const auto content = content_of(2'000'000);
  write_text(*cluster.files, "/f", content);
  flip_bytes(*cluster.datanodes[0]);
  CHECK(read_all(*cluster.files, "/f") == content);
  flip_bytes(*cluster.datanodes[1]);
  const auto read = read_range(*cluster.files, "/f", 0, UINT64_MAX);
  REQUIRE_FALSE(read.ok());
  const auto block = to_string(cluster.names->files["/f"].blocks[0].block.id);
  CHECK_THAT(read.error().message,
             Catch::Contains("/f") && Catch::Contains("block " + block) &&
                 Catch::Contains(metadata::to_string(cluster.datanodes[0]->location().data)) &&
                 Catch::Contains(metadata::to_string(cluster.datanodes[1]->location().data)));
}

TEST_CASE("A namenode in safe mode that knows no locations yet is asked again") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "content");
  const auto known = cluster.names->files["/f"];
  cluster.names->files["/f"].blocks[0].locations.clear();
  cluster.names->safe_mode = true;
  cluster.names->failure = [&](const std::string&) -> std::optional<Error> {
    if (cluster.names->requests["locate"] == 3) {
      cluster.names->files["/f"] = known;
      cluster.names->safe_mode = false;
    }
    return std::nullopt;
  };
  CHECK(read_all(*cluster.files, "/f") == "content");
}

TEST_CASE("A block without any live replica is an error at once when the namenode is sure") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "content");
  cluster.names->files["/f"].blocks[0].locations.clear();
  const auto read = read_range(*cluster.files, "/f", 0, UINT64_MAX);
  REQUIRE_FALSE(read.ok());
  CHECK_THAT(read.error().message, Catch::Contains("no live datanode has it"));
}

TEST_CASE("An error of the sink ends the read and is returned as it is") {
  FakeCluster cluster(2, quick());
  write_text(*cluster.files, "/f", content_of(600'000));
  const auto status = cluster.files->read_file("/f", 0, UINT64_MAX,
                                               [](std::span<const std::byte>) {
                                                 return Status(Error{Errc::kNoSpace, "disk full"});
                                               },
                                               {});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kNoSpace);
}

// Damages a byte in each of the slices `first` to `last` of the large replicas that `node` stored.
void damage_slices(const FakeDatanode& node, std::size_t first, std::size_t last) {
  for (const auto& entry : fs::recursive_directory_iterator(node.directory())) {
    if (!entry.is_regular_file() || entry.path().parent_path().filename() != "blocks") continue;
    std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
    for (std::size_t slice = first; slice <= last; ++slice) {
      const auto offset = static_cast<std::streamoff>(slice * 65'536 + 50'000);
      file.seekg(offset);
      const int byte = file.get();
      file.seekp(offset);
      file.put(static_cast<char>(~byte));
    }
    REQUIRE(file.good());
  }
}

TEST_CASE("What is left of a damaged file is stored, with zeros for slices without a good copy") {
  constexpr std::size_t kSlice = 65'536;
  FakeCluster cluster(2, quick(2 << 20));
  test::TemporaryDirectory directory;
  auto content = content_of((2 << 20) + 100'000);
  write_text(*cluster.files, "/f", content);
  damage_slices(*cluster.datanodes[0], 3, 5);
  damage_slices(*cluster.datanodes[1], 5, 6);
  const auto target = directory.file("f");
  ReadOptions options;
  CHECK(cluster.files->read_tree("/f", target, options).error().code == Errc::kIoError);
  CHECK_FALSE(fs::exists(target));
  options.salvage = true;
  const auto status = cluster.files->read_tree("/f", target, options);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == Errc::kCorrupt);
  CHECK_THAT(status.error().message,
             Catch::Contains("/f: 65536 bytes cannot be read") && Catch::Contains("at 327680"));
  std::fill_n(content.begin() + 5 * kSlice, kSlice, '\0');
  CHECK((local_content(target) == content));
  // The same as a stream, in order.
  std::string streamed;
  const Sink sink = [&](std::span<const std::byte> bytes) {
    streamed.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return Status();
  };
  CHECK(cluster.files->salvage_file("/f", sink, {}).error().message == status.error().message);
  CHECK((streamed == content));
}

TEST_CASE("Of a file whose second block is nowhere the others are salvaged, each block once") {
  constexpr std::size_t kBlock = 256 << 10;
  FakeCluster cluster(1, quick(kBlock));
  test::TemporaryDirectory directory;
  auto content = content_of(3 * kBlock);
  WriteOptions writing;
  writing.replication = 1;
  write_text(*cluster.files, "/t/f", content, writing);
  write_text(*cluster.files, "/t/sound", "sound", writing);
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->files["/t/f"].blocks[1].locations.clear();
  }
  ReadOptions options;
  options.salvage = true;
  std::vector<std::string> failed;
  options.failed = [&](const Error& error) { failed.push_back(error.message); };
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), options).ok());
  REQUIRE(failed.size() == 1);
  CHECK_THAT(failed[0], Catch::Contains("/t/f: 262144 bytes cannot be read"));
  std::fill_n(content.begin() + kBlock, kBlock, '\0');
  CHECK((local_content(directory.file("t/f")) == content));
  CHECK(local_content(directory.file("t/sound")) == "sound");
}

}  // namespace
}  // namespace minidfs::client
