#include "client/file_system.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/file.hpp"
#include "support/temporary_directory.hpp"
#include "unit/client/fake_cluster.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::string content_of(std::size_t size, unsigned seed = 1) {
  std::string bytes(size, '\0');
  std::uint32_t state = seed;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

// A pipe-like source: sequential, in pieces of odd sizes.
class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({buffer.size(), text_.size() - position_, std::size_t{100'003}});
    std::memcpy(buffer.data(), text_.data() + position_, count);
    position_ += count;
    if (after_read) after_read(position_);
    return count;
  }

  std::function<void(std::size_t)> after_read;

 private:
  std::string text_;
  std::size_t position_ = 0;
};

// A local file, readable at any place.
class FileSource final : public Source {
 public:
  explicit FileSource(const std::string& path) : file_(std::move(*open_file(path, 0))) {}
  Result<std::size_t> read(std::span<std::byte> /*buffer*/) override { return std::size_t{0}; }
  int seekable_fd() const override { return file_.get(); }

 private:
  UniqueFd file_;
};

std::string put_local(const test::TemporaryDirectory& directory, const std::string& name,
                      const std::string& content) {
  const auto path = directory.file(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string local_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::string> read_range(FileSystem& files, const std::string& path, std::uint64_t offset,
                               std::uint64_t length) {
  std::string content;
  auto status =
      files.read_file(path, offset, length,
                      [&](std::span<const std::byte> bytes) {
                        content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                        return Status();
                      },
                      {});
  if (!status.ok()) return std::move(status).error();
  return content;
}

std::string read_all(FileSystem& files, const std::string& path) {
  auto content = read_range(files, path, 0, UINT64_MAX);
  if (!content.ok()) FAIL(content.error().message);
  return std::move(*content);
}

Options quick(std::uint64_t block_size = 256 << 10) {
  Options options;
  options.block_size = block_size;
  options.timeout = milliseconds(3000);
  return options;
}

WriteReport write_text(FileSystem& files, const std::string& path, const std::string& text,
                       const WriteOptions& options = {}) {
  TextSource source(text);
  auto report = files.write_file(path, source, options);
  if (!report.ok()) FAIL(report.error().message);
  return *report;
}

// Damages what `node` stored of its blocks: every byte of the larger files that are no index.
void flip_bytes(const FakeDatanode& node) {
  for (const auto& entry : fs::recursive_directory_iterator(node.directory())) {
    if (!entry.is_regular_file() || entry.path().string().find("index") != std::string::npos ||
        entry.file_size() < 50'000) {
      continue;
    }
    auto content = local_content(entry.path().string());
    for (std::size_t i = 20'000; i < 30'000; ++i) content[i] = static_cast<char>(~content[i]);
    std::ofstream(entry.path(), std::ios::binary | std::ios::in) << content;
  }
}

TEST_CASE("What was written from a file or a pipe is read back, whatever its length") {
  FakeCluster cluster(3, quick());
  test::TemporaryDirectory directory;
  static constexpr std::size_t kBlock = 256 << 10;
  int number = 0;
  for (const auto size : {std::size_t{0}, std::size_t{1}, kBlock - 1, kBlock, kBlock + 1,
                          5 * kBlock, 5 * kBlock + 12'345}) {
    const auto content = content_of(size, static_cast<unsigned>(size));
    const auto path = "/f" + std::to_string(number++);
    FileSource source(put_local(directory, "source", content));
    const auto report = cluster.files->write_file(path, source, {});
    REQUIRE(report.ok());
    CHECK(report->bytes == size);
    CHECK(report->copies_min == 3);
    CHECK(read_all(*cluster.files, path) == content);

    const auto piped = write_text(*cluster.files, path + "p", content);
    CHECK(piped.bytes == size);
    CHECK(piped.copies_min == 3);
    CHECK(read_all(*cluster.files, path + "p") == content);
    CHECK(cluster.names->files[path].blocks.size() == (size + kBlock - 1) / kBlock);
  }
}

TEST_CASE("An empty file is one request and needs no datanode") {
  FakeCluster cluster(0, quick());
  write_text(*cluster.files, "/empty", "");
  CHECK(cluster.names->requests == std::map<std::string, int>{{"commit", 1}});
  CHECK(cluster.names->files["/empty"].blocks.empty());
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

TEST_CASE("A source that changes while it is sent is stored as it was at some moment") {
  FakeCluster cluster(3, quick(4 << 20));
  test::TemporaryDirectory directory;
  const auto path = put_local(directory, "source", content_of(8 << 20));
  std::atomic<bool> done{false};
  std::thread changer([&] {
    const auto file = open_file(path, O_WRONLY);
    for (unsigned i = 0; !done; ++i) {
      const auto byte = static_cast<std::byte>(i);
      (void)write_at(file->get(), std::span(&byte, 1), (i * 7919U) % (8U << 20), path);
    }
  });
  FileSource source(path);
  const auto report = cluster.files->write_file("/f", source, {});
  done = true;
  changer.join();
  REQUIRE(report.ok());
  CHECK(report->copies_min == 3);
  CHECK(read_all(*cluster.files, "/f").size() == 8U << 20);
  // No datanode is to blame for wrong checksums.
  const std::lock_guard lock(cluster.names->mutex);
  for (const auto& allocation : cluster.names->allocations) CHECK(allocation.excluded.empty());
}

TEST_CASE("Compressed files come back as they were") {
  FakeCluster cluster(1, quick());
  std::string content;
  while (content.size() < 900'000) content += "the same line again and again\n";
  WriteOptions options;
  options.compression = "zstd";
  options.replication = 1;
  write_text(*cluster.files, "/text", content, options);
  CHECK(read_all(*cluster.files, "/text") == content);
  CHECK(cluster.datanodes[0]->store().usage().used_bytes < content.size() / 2);
}

TEST_CASE("A file that exists is refused before a byte is sent, and replaced when asked") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "first");
  TextSource source("second");
  const auto refused = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kAlreadyExists);
  CHECK_THAT(refused.error().message, Catch::Contains("/f"));
  CHECK(cluster.datanodes[0]->store().usage().replicas == 1);

  WriteOptions options;
  options.overwrite = true;
  write_text(*cluster.files, "/f", "second", options);
  CHECK(read_all(*cluster.files, "/f") == "second");
}

TEST_CASE("A dead datanode costs a write its copies there, no more") {
  FakeCluster cluster(3, quick());
  cluster.datanodes[1]->stop();
  test::TemporaryDirectory directory;
  const auto content = content_of(2'000'000);
  FileSource source(put_local(directory, "source", content));
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE(report.ok());
  CHECK(report->copies_wanted == 3);
  CHECK(report->copies_min == 2);
  CHECK(read_all(*cluster.files, "/f") == content);

  const auto piped = write_text(*cluster.files, "/piped", content);
  CHECK(piped.copies_min == 2);
  CHECK(read_all(*cluster.files, "/piped") == content);
}

TEST_CASE("The first datanode dies in the middle of a piped block, which is written again") {
  FakeCluster cluster(2, quick(1 << 20));
  const auto content = content_of(1'000'000);
  TextSource source(content);
  // The fake gives out the second node first.
  source.after_read = [&](std::size_t position) {
    if (position > 600'000) cluster.datanodes[1]->stop();
  };
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE(report.ok());
  CHECK(report->copies_min == 1);
  CHECK(read_all(*cluster.files, "/f") == content);
  // The block that was begun first is given up by name.
  REQUIRE_FALSE(cluster.names->ended.empty());
  CHECK_FALSE(cluster.names->ended.back().abandoned.empty());
}

TEST_CASE("When no datanode can be reached the write fails and gives its blocks up") {
  auto options = quick();
  options.timeout = milliseconds(1500);
  FakeCluster cluster(2, options);
  REQUIRE(cluster.files->stat("/").ok());
  for (auto& node : cluster.datanodes) node->stop();
  test::TemporaryDirectory directory;
  FileSource source(put_local(directory, "source", content_of(300'000)));
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK_THAT(report.error().message, Catch::Contains("/f") && Catch::Contains("127.0.0.1:"));
  CHECK(cluster.names->files.empty());
  REQUIRE(cluster.names->ended.size() == 1);
  CHECK_FALSE(cluster.names->ended[0].abandoned.empty());
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

TEST_CASE("Small files go in batches, and the requests do not grow with each file") {
  auto options = quick();
  options.batch_files = 50;
  options.parallel_batches = 2;
  FakeCluster cluster(3, options);
  test::TemporaryDirectory directory;
  std::vector<LocalFile> files;
  for (int i = 0; i < 200; ++i) {
    const auto name = "f" + std::to_string(i);
    const auto size = static_cast<std::size_t>(i % 10) * 3000;  // Every tenth is empty.
    files.push_back({put_local(directory, name, content_of(size, static_cast<unsigned>(i))),
                     "/tree/sub/" + name});
  }
  files.push_back({put_local(directory, "large", content_of(700'000)), "/tree/large"});
  const auto report = cluster.files->write_files(files, {});
  REQUIRE(report.ok());
  CHECK(report->files == 201);
  CHECK(report->copies_min == 3);
  CHECK(cluster.names->requests["commit"] == 5);
  CHECK(cluster.names->requests["allocate"] <= 4 + 3);
  for (const auto& file : files) {
    CHECK(read_all(*cluster.files, file.path) == local_content(file.local_path));
  }

  const auto target = directory.file("copy");
  REQUIRE(cluster.files->read_tree("/tree", target, {}).ok());
  for (const auto& file : files) {
    CHECK(local_content(target + file.path.substr(5)) == local_content(file.local_path));
  }
  const auto again = cluster.files->read_tree("/tree", target, {});
  CHECK(again.error().code == Errc::kAlreadyExists);
}

TEST_CASE("A batch whose first datanode is dead is written to the others") {
  FakeCluster cluster(3, quick());
  cluster.datanodes[1]->stop();
  test::TemporaryDirectory directory;
  std::vector<LocalFile> files;
  for (int i = 0; i < 20; ++i) {
    const auto name = "f" + std::to_string(i);
    files.push_back({put_local(directory, name, content_of(5000)), "/" + name});
  }
  const auto report = cluster.files->write_files(files, {});
  REQUIRE(report.ok());
  CHECK(report->copies_min == 2);
  for (const auto& file : files) CHECK(read_all(*cluster.files, file.path) == content_of(5000));
}

TEST_CASE("An error of one file among many names it") {
  FakeCluster cluster(1, quick());
  test::TemporaryDirectory directory;
  write_text(*cluster.files, "/b", "there");
  const auto local = put_local(directory, "f", "content");
  const auto existing = cluster.files->write_files({{local, "/a"}, {local, "/b"}}, {});
  REQUIRE_FALSE(existing.ok());
  CHECK(existing.error().code == Errc::kAlreadyExists);
  CHECK_THAT(existing.error().message, Catch::Contains("/b"));
  const auto missing = cluster.files->write_files({{directory.file("none"), "/c"}}, {});
  REQUIRE_FALSE(missing.ok());
  CHECK_THAT(missing.error().message, Catch::Contains(directory.file("none")));
}

TEST_CASE("What can be read is stored, whatever length a file is said to have") {
  FakeCluster cluster(2, quick());
  test::TemporaryDirectory directory;
  // A file of /proc says that it is empty.
  const auto content = local_content("/proc/self/limits");
  REQUIRE_FALSE(content.empty());
  const auto small = put_local(directory, "small", "small");
  const auto report = cluster.files->write_files(
      {{"/proc/self/limits", "/t/limits"}, {small, "/t/small"}, {"/proc/version", "/t/version"}},
      {});
  REQUIRE(report.ok());
  CHECK(report->files == 3);
  CHECK(read_all(*cluster.files, "/t/limits") == content);
  CHECK(read_all(*cluster.files, "/t/version") == local_content("/proc/version"));
  CHECK(read_all(*cluster.files, "/t/small") == "small");
}

TEST_CASE("A file that shrinks or grows while it is put is stored as far as it can be read") {
  static constexpr std::size_t kBlock = 256 << 10;
  const auto size = GENERATE(std::size_t{0}, std::size_t{1000}, 2 * kBlock, 2 * kBlock + 7,
                             9 * kBlock, 9 * kBlock + 100);
  FakeCluster cluster(2, quick(kBlock));
  test::TemporaryDirectory directory;
  const auto content = content_of(20 * kBlock);
  const auto path = put_local(directory, "source", content.substr(0, 5 * kBlock + 100));
  cluster.names->failure = [&, done = false](const std::string& request) mutable {
    // Its length was taken by now, and nothing of it was read.
    if (request == "allocate" && !std::exchange(done, true)) {
      std::ofstream(path, std::ios::binary) << content.substr(0, size);
    }
    return std::optional<Error>();
  };
  FileSource source(path);
  const auto report = cluster.files->write_file("/f", source, {});
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->bytes == size);
  CHECK((read_all(*cluster.files, "/f") == content.substr(0, size)));
}

TEST_CASE(
    "A small file that has become a large one meanwhile, or an empty one, is stored as it is") {
  static constexpr std::size_t kBlock = 64 << 10;
  const auto size = GENERATE(std::size_t{0}, std::size_t{3000}, kBlock, 3 * kBlock + 100);
  FakeCluster cluster(2, quick(kBlock));
  test::TemporaryDirectory directory;
  const auto content = content_of(size);
  const auto path = put_local(directory, "source", "a few bytes");
  const auto other = put_local(directory, "other", "other");
  cluster.names->failure = [&, done = false](const std::string& request) mutable {
    if (request == "allocate" && !std::exchange(done, true)) {
      std::ofstream(path, std::ios::binary) << content;
    }
    return std::optional<Error>();
  };
  const auto report = cluster.files->write_files({{path, "/f"}, {other, "/other"}}, {});
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->files == 2);
  CHECK((read_all(*cluster.files, "/f") == content));
  CHECK(read_all(*cluster.files, "/other") == "other");
}

TEST_CASE("One bad file among many stops none of the others, and each is named") {
  FakeCluster cluster(2, quick());
  test::TemporaryDirectory directory;
  write_text(*cluster.files, "/t/f2", "there");
  cluster.names->directories.insert("/t/f3");
  std::vector<LocalFile> files;
  for (int i = 0; i < 10; ++i) {
    const auto name = "f" + std::to_string(i);
    files.push_back({put_local(directory, name, content_of(i == 7 ? 600'000 : 500)), "/t/" + name});
  }
  files.push_back({directory.file("none"), "/t/none"});
  files.push_back({directory.file("."), "/t/directory"});
  fs::remove(files[5].local_path);
  write_text(*cluster.files, "/t/large", "there");
  files.push_back({put_local(directory, "large", content_of(600'000)), "/t/large"});
  // Gone after it was looked at.
  cluster.names->failure = [&](const std::string& request) -> std::optional<Error> {
    if (request == "allocate") fs::remove(files[6].local_path);
    return std::nullopt;
  };
  std::vector<std::string> failed;
  WriteOptions options;
  options.failed = [&](const Error& error) { failed.push_back(error.message); };

  const bool keep_existing = GENERATE(false, true);
  options.keep_existing = keep_existing;
  const auto report = cluster.files->write_files(files, options);
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->files == 6);
  CHECK(report->kept == (keep_existing ? 2U : 0U));
  std::sort(failed.begin(), failed.end());
  const std::size_t expected = keep_existing ? 5 : 7;
  REQUIRE(failed.size() == expected);
  const auto is_told = [&](const std::string& text) {
    return std::any_of(failed.begin(), failed.end(),
                       [&](const std::string& one) { return one.find(text) != one.npos; });
  };
  CHECK(is_told("/t/f3: is a directory"));
  CHECK(is_told(files[5].local_path));
  CHECK(is_told(files[6].local_path));
  CHECK(is_told(directory.file("none")));
  CHECK(is_told("/t/f2: already exists") == !keep_existing);
  CHECK(is_told("/t/large: already exists") == !keep_existing);
  for (const int i : {0, 1, 4, 7, 8, 9}) {
    const auto& file = files[static_cast<std::size_t>(i)];
    CHECK(read_all(*cluster.files, file.path) == local_content(file.local_path));
  }
}

TEST_CASE("A put of many ends early when there is no cluster, and says how many are left") {
  auto options = quick();
  options.timeout = milliseconds(500);
  FakeCluster cluster(1, options);
  test::TemporaryDirectory directory;
  cluster.namenode.reset();
  const auto local = put_local(directory, "f", "content");
  const auto report = cluster.files->write_files({{local, "/a"}, {local, "/b"}}, {});
  REQUIRE_FALSE(report.ok());
  CHECK_THAT(report.error().message, Catch::Contains("2 of 2 files were not written"));
}

TEST_CASE("A file that needs more blocks than it can have is refused before anything is sent") {
  FakeCluster cluster(1, quick(64 << 10));
  test::TemporaryDirectory directory;
  const auto path = put_local(directory, "sparse", "");
  REQUIRE(::truncate(path.c_str(), 3LL << 30) == 0);
  FileSource source(path);
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kTooLarge);
  CHECK_THAT(report.error().message, Catch::Contains("43000"));
  CHECK(cluster.names->requests["allocate"] == 0);
}

TEST_CASE(
    "A stream needs no temporary directory while its nodes hold, and says so when they fail") {
  FakeCluster cluster(2, quick(16 << 20));
  const char* former = std::getenv("TMPDIR");
  const std::string restored = former == nullptr ? "" : former;
  ::setenv("TMPDIR", "/no/such/directory", 1);
  const auto content = content_of(12 << 20);
  const bool fails = GENERATE(false, true);
  TextSource source(content);
  source.after_read = [&](std::size_t position) {
    if (fails && position > (6 << 20)) cluster.datanodes[1]->stop();
  };
  const auto report = cluster.files->write_file("/f", source, {});
  if (former == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", restored.c_str(), 1);
  }
  REQUIRE(report.ok() == !fails);
  if (report.ok()) CHECK((read_all(*cluster.files, "/f") == content));
  if (!report.ok()) {
    CHECK_THAT(report.error().message,
               Catch::Contains("cannot be sent again") && Catch::Contains("/no/such/directory"));
  }
}

TEST_CASE("A tree with a dead datanode is read from the others") {
  FakeCluster cluster(2, quick());
  for (int i = 0; i < 10; ++i) {
    write_text(*cluster.files, "/t/f" + std::to_string(i), content_of(3000));
  }
  cluster.datanodes[0]->stop();
  test::TemporaryDirectory directory;
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), {}).ok());
  for (int i = 0; i < 10; ++i) {
    CHECK(local_content(directory.file("t/f" + std::to_string(i))) == content_of(3000));
  }
}

TEST_CASE("A file of a tree that cannot be had stops none of the others and each is named") {
  FakeCluster cluster(1, quick());
  for (int i = 0; i < 10; ++i) {
    write_text(*cluster.files, "/t/f" + std::to_string(i), content_of(3000));
  }
  write_text(*cluster.files, "/t/gone", "lost");
  cluster.names->files["/t/gone"].blocks[0].locations.clear();
  cluster.names->files["/t/f3"].blocks[0].block.id = BlockId{4711};
  test::TemporaryDirectory directory;
  std::vector<std::string> failed;
  ReadOptions options;
  options.failed = [&](const Error& error) { failed.push_back(error.message); };
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), options).ok());
  REQUIRE(failed.size() == 2);
  std::sort(failed.begin(), failed.end());
  CHECK_THAT(failed[0], Catch::Contains("/t/f3"));
  CHECK_THAT(failed[1], Catch::Contains("/t/gone"));
  for (int i = 0; i < 10; ++i) {
    const auto path = directory.file("t/f" + std::to_string(i));
    if (i != 3) CHECK(local_content(path) == content_of(3000));
  }
  CHECK_FALSE(fs::exists(directory.file("t/gone")));
  // Without anybody to tell, the first failure is that of the whole.
  CHECK_FALSE(cluster.files->read_tree("/t", directory.file("again"), {}).ok());
  CHECK(fs::exists(directory.file("again/f9")));
}

TEST_CASE("A session that expired is never revived: the put fails and the old file stays") {
  FakeCluster cluster(1, quick(1 << 20));
  write_text(*cluster.files, "/f", "old");
  cluster.names->renew_within_ms = 150;
  std::atomic<bool> refused{false};
  cluster.names->failure = [&](const std::string& request) -> std::optional<Error> {
    if (request != "renew") return std::nullopt;
    refused = true;
    return Error{Errc::kExpired, "the session is over"};
  };
  TextSource source(content_of(3 << 20));
  source.after_read = [&](std::size_t position) {
    while (position > 1'500'000 && !refused) std::this_thread::yield();
  };
  WriteOptions options;
  options.overwrite = true;
  const auto report = cluster.files->write_file("/f", source, options);
  {
    const std::lock_guard lock(cluster.names->mutex);
    cluster.names->failure = nullptr;
  }
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kExpired);
  CHECK(read_all(*cluster.files, "/f") == "old");
}

TEST_CASE("A client that is abandoned ends its sessions, and nothing more is committed") {
  FakeCluster cluster(1, quick(1 << 20));
  TextSource source(content_of(3 << 20));
  source.after_read = [&](std::size_t position) {
    if (position > 1'500'000) cluster.files->abandon(milliseconds(2000));
  };
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kCancelled);
  CHECK(cluster.names->files.empty());
  REQUIRE(cluster.names->ended.size() == 1);
  CHECK_FALSE(cluster.names->ended[0].abandoned.empty());
}

TEST_CASE("A listing follows its pages") {
  FakeCluster cluster(0, quick());
  for (int i = 0; i < 10; ++i) write_text(*cluster.files, "/d/f" + std::to_string(i), "");
  const auto entries = cluster.files->list("/d");
  REQUIRE(entries.ok());
  REQUIRE(entries->size() == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK((*entries)[i].name == "f" + std::to_string(i));
  CHECK(cluster.names->requests["list"] == 4);
}

TEST_CASE("Progress ends at the total") {
  FakeCluster cluster(1, quick());
  std::vector<Progress> told;
  WriteOptions options;
  options.progress = [&](const Progress& progress) { told.push_back(progress); };
  write_text(*cluster.files, "/f", content_of(600'000), options);
  REQUIRE_FALSE(told.empty());
  CHECK(told.back().bytes_done == 600'000);
  CHECK(told.back().files_done == 1);
}

TEST_CASE("Puts go on when the namenode is started again in the middle of them") {
  FakeCluster cluster(3, quick());
  const auto port = cluster.namenode->address().port;
  constexpr int kWriters = 8;
  std::vector<std::optional<Error>> errors(kWriters);
  {
    std::vector<std::jthread> writers;
    for (unsigned i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] {
        TextSource source(content_of(600'000, i));
        const auto report = cluster.files->write_file("/f" + std::to_string(i), source, {});
        if (!report.ok()) errors[i] = report.error();
      });
    }
    cluster.namenode.reset();
    cluster.namenode = std::make_unique<FakeNamenode>(cluster.names, port);
  }
  for (unsigned i = 0; i < kWriters; ++i) {
    INFO((errors[i] ? errors[i]->message : std::string()));
    REQUIRE_FALSE(errors[i].has_value());
    CHECK(read_all(*cluster.files, "/f" + std::to_string(i)) == content_of(600'000, i));
  }
}

}  // namespace
}  // namespace minidfs::client
