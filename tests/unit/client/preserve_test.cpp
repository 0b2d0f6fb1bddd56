// Modes and times that go with the files, and copies that go on where they stopped.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "client/local_attributes.hpp"
#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;

struct stat local_status(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status;
}

std::string put_dated(const test::TemporaryDirectory& directory, const std::string& name,
                      const std::string& content, const Attributes& attributes) {
  auto path = put_local(directory, name, content);
  REQUIRE(set_local_attributes(path, attributes).ok());
  return path;
}

TEST_CASE("Times before and after 1970 go to a local file and come back, to the millisecond") {
  const test::TemporaryDirectory directory;
  for (const Attributes wanted : {Attributes{0640, 1'700'000'000'123, 1'600'000'000'999},
                                  Attributes{01777, -1, -1001}, Attributes{0600, 0, 999}}) {
    const auto path = put_dated(directory, "f", "x", wanted);
    const auto found = attributes_of(local_status(path));
    CHECK(found.permission == wanted.permission);
    CHECK(found.modified_ms == wanted.modified_ms);
    CHECK(found.accessed_ms == wanted.accessed_ms);
  }
}

TEST_CASE("A write that preserves gives small and large files and pipes what they have") {
  FakeCluster cluster(1, quick(64 << 10));
  const test::TemporaryDirectory directory;
  const Attributes wanted{0751, 1'234'567'890'123, 1'234'567'890'456};
  const auto small = put_dated(directory, "small", "small", wanted);
  const auto large = put_dated(directory, "large", content_of(200'000), wanted);
  const auto empty = put_dated(directory, "empty", "", wanted);
  WriteOptions options;
  options.preserve = true;
  options.replication = 1;
  REQUIRE(
      cluster.files->write_files({{small, "/small"}, {large, "/large"}, {empty, "/empty"}}, options)
          .ok());
  TextSource pipe("from a pipe");
  REQUIRE(cluster.files->write_file("/pipe", pipe, options).ok());
  // They are seen with their times at once: nothing is set afterwards.
  CHECK(cluster.names->requests["attributes"] == 0);
  for (const char* path : {"/small", "/large", "/empty"}) {
    INFO(path);
    const auto& status = cluster.names->files[path].status;
    CHECK(status.permission == wanted.permission);
    CHECK(status.modified_ms == wanted.modified_ms);
    CHECK(status.accessed_ms == wanted.accessed_ms);
  }
  CHECK(cluster.names->files["/pipe"].status.permission == 0644);

  options.preserve = false;
  REQUIRE(cluster.files->write_files({{small, "/plain"}}, options).ok());
  CHECK(cluster.names->files["/plain"].status.permission == 0644);
  CHECK(cluster.names->files["/plain"].status.modified_ms == 0);
}

TEST_CASE("Directories get their attributes when they are asked to, each by its own path") {
  FakeCluster cluster(0, quick());
  const test::TemporaryDirectory directory;
  fs::create_directory(directory.file("d"));
  REQUIRE(set_local_attributes(directory.file("d"), {0700, 5000, 6000}).ok());
  std::vector<std::string> failed;
  REQUIRE(
      cluster.files
          ->preserve_attributes({{directory.file("none"), "/none"}, {directory.file("d"), "/d"}},
                                [&](const Error& error) { failed.push_back(error.message); })
          .ok());
  CHECK(failed.size() == 1);
  REQUIRE(cluster.names->attributes.count("/d") == 1);
  CHECK(cluster.names->attributes["/d"].permission == 0700);
  CHECK(cluster.names->attributes["/d"].modified_ms == 5000);
}

TEST_CASE("A tree that is read and preserved has the modes and times of its files") {
  FakeCluster cluster(1, quick(64 << 10));
  const test::TemporaryDirectory directory;
  const Attributes wanted{0755, 1'234'567'890'123, 1'234'567'890'456};
  const auto small = put_dated(directory, "small", "small", wanted);
  const auto large = put_dated(directory, "large", content_of(200'000), wanted);
  WriteOptions options;
  options.preserve = true;
  options.replication = 1;
  REQUIRE(cluster.files->write_files({{small, "/t/small"}, {large, "/t/sub/large"}}, options).ok());
  ReadOptions reading;
  reading.preserve = true;
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), reading).ok());
  REQUIRE(cluster.files->read_tree("/t/small", directory.file("one"), reading).ok());
  for (const char* name : {"t/small", "t/sub/large", "one"}) {
    INFO(name);
    const auto found = attributes_of(local_status(directory.file(name)));
    CHECK(found.permission == wanted.permission);
    CHECK(found.modified_ms == wanted.modified_ms);
    CHECK(found.accessed_ms == wanted.accessed_ms);
  }
}

TEST_CASE("A read that keeps what exists brings only what is missing") {
  FakeCluster cluster(1, quick(64 << 10));
  const test::TemporaryDirectory directory;
  WriteOptions options;
  options.replication = 1;
  for (const char* path : {"/t/a", "/t/b", "/t/sub/c", "/t/sub/d"}) {
    write_text(*cluster.files, path, "new", options);
  }
  fs::create_directories(directory.file("t/sub"));
  put_local(directory, "t/a", "old");
  put_local(directory, "t/sub/c", "old");
  ReadOptions reading;
  CHECK(cluster.files->read_tree("/t", directory.file("t"), reading).error().code ==
        Errc::kAlreadyExists);
  reading.keep_existing = true;
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), reading).ok());
  CHECK(local_content(directory.file("t/a")) == "old");
  CHECK(local_content(directory.file("t/b")) == "new");
  CHECK(local_content(directory.file("t/sub/c")) == "old");
  CHECK(local_content(directory.file("t/sub/d")) == "new");
  REQUIRE(cluster.files->read_tree("/t/a", directory.file("t/a"), reading).ok());
  CHECK(local_content(directory.file("t/a")) == "old");
  // A directory is in the place of a file.
  fs::create_directory(directory.file("dir"));
  CHECK_FALSE(cluster.files->read_tree("/t/a", directory.file("dir"), reading).ok());
}

}  // namespace
}  // namespace minidfs::client
