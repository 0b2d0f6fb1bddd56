// Trees are read into local directories.
#include <filesystem>

#include "unit/client/files_fixture.hpp"

namespace minidfs::client {
namespace {

namespace fs = std::filesystem;

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

TEST_CASE("A tree is read over an older one: files are replaced, what is only there stays") {
  FakeCluster cluster(1, quick());
  for (const char* path : {"/t/a", "/t/d/b", "/t/x"}) write_text(*cluster.files, path, "new");
  test::TemporaryDirectory directory;
  directory.write("t/a", "older");
  directory.write("t/d/own", "own");
  fs::create_directory(directory.file("t/x"));
  std::vector<std::string> failed;
  ReadOptions options;
  CHECK(cluster.files->read_tree("/t", directory.file("t"), options).error().code ==
        Errc::kAlreadyExists);
  options.overwrite = true;
  options.failed = [&](const Error& error) { failed.push_back(error.message); };
  REQUIRE(cluster.files->read_tree("/t", directory.file("t"), options).ok());
  CHECK(local_content(directory.file("t/a")) == "new");
  CHECK(local_content(directory.file("t/d/b")) == "new");
  CHECK(local_content(directory.file("t/d/own")) == "own");
  // A directory never gives way to a file.
  REQUIRE(failed.size() == 1);
  CHECK_THAT(failed.front(), Catch::Contains("t/x"));
}

}  // namespace
}  // namespace minidfs::client
