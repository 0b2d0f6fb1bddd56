// One file is written: from a file or a pipe, whatever becomes of the nodes and of the source.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

using std::chrono::milliseconds;

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

// Fails when so many bytes were read, which is told again and again.
class FailingSource final : public Source {
 public:
  explicit FailingSource(std::size_t fails_at) : left_(fails_at) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (left_ == 0) {
      ++failures;
      return Error{Errc::kIoError, "the cable was pulled"};
    }
    const auto count = std::min(buffer.size(), left_);
    std::fill_n(buffer.begin(), count, std::byte{'x'});
    left_ -= count;
    return count;
  }

  std::atomic<int> failures{0};

 private:
  std::size_t left_;
};

TEST_CASE("A stream that fails between two blocks or within one is read no further") {
  static constexpr std::size_t kBlock = 64 << 10;
  auto options = quick(kBlock);
  options.parallel_blocks = 4;
  FakeCluster cluster(2, options);
  FailingSource source(GENERATE(std::size_t{0}, kBlock, 8 * kBlock, 8 * kBlock + 1000));
  const auto report = cluster.files->write_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kIoError);
  CHECK_THAT(report.error().message, Catch::Contains("/f: the cable was pulled"));
  CHECK(source.failures == 1);
  CHECK(cluster.names->files.empty());
}

}  // namespace
}  // namespace minidfs::client
