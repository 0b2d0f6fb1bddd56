// Files to which is added.
#include "client/client_context.hpp"
#include "client/write/file_writer.hpp"
#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

WriteReport append_text(FileSystem& files, const std::string& path, const std::string& text) {
  TextSource source(text);
  auto report = files.append_file(path, source, {});
  if (!report.ok()) FAIL(report.error().message);
  return *report;
}

TEST_CASE("What is appended follows what was there, from a file or a pipe, whatever its length") {
  FakeCluster cluster(3, quick());
  test::TemporaryDirectory directory;
  static constexpr std::size_t kBlock = 256 << 10;
  std::string expected = content_of(kBlock + 7, 99);
  write_text(*cluster.files, "/f", expected);
  std::size_t blocks = 2;
  for (const auto size : {std::size_t{1}, kBlock, kBlock + 1, 3 * kBlock + 12'345}) {
    const auto content = content_of(size, static_cast<unsigned>(size));
    FileSource source(put_local(directory, "source", content));
    const auto report = cluster.files->append_file("/f", source, {});
    REQUIRE(report.ok());
    CHECK(report->bytes == size);
    CHECK(report->copies_min == 3);
    CHECK(append_text(*cluster.files, "/f", content).bytes == size);
    expected += content + content;
    blocks += 2 * ((size + kBlock - 1) / kBlock);
    CHECK(read_all(*cluster.files, "/f") == expected);
    CHECK(cluster.names->files["/f"].blocks.size() == blocks);
  }
}

TEST_CASE("To append nothing asks for nothing") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "abc");
  const auto allocated = cluster.names->requests["allocate"];
  CHECK(append_text(*cluster.files, "/f", "").bytes == 0);
  CHECK(cluster.names->requests["allocate"] == allocated);
  CHECK(cluster.names->requests["append"] == 0);
}

TEST_CASE("What is appended has the block size and copies of the file, not those of its writer") {
  FakeCluster cluster(3, quick());
  WriteOptions options;
  options.block_size = 1000;
  options.replication = 2;
  options.compression = "zstd";
  write_text(*cluster.files, "/f", "abc", options);
  CHECK(append_text(*cluster.files, "/f", std::string(2500, 'x')).copies_wanted == 2);
  const auto& blocks = cluster.names->files["/f"].blocks;
  REQUIRE(blocks.size() == 4);
  CHECK(blocks[1].block.length == 1000);
  CHECK(blocks[3].block.length == 500);
  CHECK(blocks[3].locations.size() == 2);
}

TEST_CASE("Whoever was slower appends behind the other, without sending its bytes again") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "abc");
  TextSource source("slow");
  source.after_read = [&, done = false](std::size_t) mutable {
    if (!std::exchange(done, true)) append_text(*cluster.files, "/f", "quick");
  };
  REQUIRE(cluster.files->append_file("/f", source, {}).ok());
  CHECK(read_all(*cluster.files, "/f") == "abcquickslow");
  CHECK(cluster.names->requests["append"] == 3);
  CHECK(cluster.names->allocations.size() == 3);
}

TEST_CASE("A file that is replaced while its end is sent is left alone") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/f", "abc");
  TextSource source("more");
  source.after_read = [&](std::size_t) {
    WriteOptions options;
    options.overwrite = true;
    write_text(*cluster.files, "/f", "other", options);
  };
  const auto report = cluster.files->append_file("/f", source, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code == Errc::kStale);
  CHECK_THAT(report.error().message, Catch::StartsWith("/f: "));
  CHECK(read_all(*cluster.files, "/f") == "other");
}

TEST_CASE("There is nothing to append to a directory or to what is missing") {
  FakeCluster cluster(1, quick());
  write_text(*cluster.files, "/d/f", "abc");
  TextSource source("more");
  CHECK(cluster.files->append_file("/d", source, {}).error().code == Errc::kIsADirectory);
  CHECK(cluster.files->append_file("/none", source, {}).error().code == Errc::kNotFound);
}

TEST_CASE("What has more blocks than are kept in hand is appended part by part") {
  FakeCluster cluster(1, quick());
  WriteOptions write;
  write.block_size = 100;
  write_text(*cluster.files, "/f", "abc", write);
  Options options = quick();
  options.namenodes = {cluster.namenode->address()};
  ClientContext context(options);
  FileSettings settings;
  settings.replication = 1;
  settings.block_size = 100;
  settings.compression_text = "none";
  ProgressCallback told;
  ProgressMeter progress(told);
  const GrowingFile file{"/f", cluster.names->files["/f"].status.id, 3};
  const auto text = content_of(2'345);
  TextSource source(text);
  const auto report = FileWriter(context, file, settings, progress, {8, 4}).write(source);
  REQUIRE(report.ok());
  CHECK(report->bytes == 2'345);
  CHECK(cluster.names->requests["append"] > 3);
  CHECK(cluster.names->requests["stage"] == 0);
  CHECK(read_all(*cluster.files, "/f") == "abc" + text);
}

}  // namespace
}  // namespace minidfs::client
