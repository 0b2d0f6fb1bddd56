#include "cli/verbs/local_tree.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "support/temporary_directory.hpp"

namespace minidfs::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths_of(const LocalTree& tree) {
  std::vector<std::string> paths;
  for (const auto& file : tree.files) paths.push_back(file.path);
  return paths;
}

TEST_CASE("a tree is walked in order, with all names as bytes") {
  const test::TemporaryDirectory local;
  local.write("t/b", "1");
  local.write("t/a/z", "2");
  local.write("t/a/y/x", "3");
  local.write("t/\xff\xfe", "4");
  LocalTree tree;
  add_local_tree(local.file("t"), "/dst", tree);
  CHECK(paths_of(tree) ==
        std::vector<std::string>{"/dst/b", "/dst/\xff\xfe", "/dst/a/z", "/dst/a/y/x"});
  CHECK(tree.files[0].local_path == local.file("t/b"));
  CHECK(tree.empty_directories.empty());
  CHECK(tree.problems.empty());
}

TEST_CASE("directories without anything in them are kept") {
  const test::TemporaryDirectory local;
  fs::create_directories(local.file("t/a/empty"));
  fs::create_directories(local.file("t/b"));
  LocalTree tree;
  add_local_tree(local.file("t"), "/dst", tree);
  CHECK(tree.files.empty());
  CHECK(tree.empty_directories == std::vector<std::string>{"/dst/a/empty", "/dst/b"});
}

TEST_CASE("links to files are followed; links to directories and to nothing are named") {
  const test::TemporaryDirectory local;
  local.write("t/file", "1");
  fs::create_symlink("file", local.file("t/link"));
  fs::create_directory_symlink(".", local.file("t/ring"));
  fs::create_symlink("nowhere", local.file("t/broken"));
  LocalTree tree;
  add_local_tree(local.file("t"), "/dst", tree);
  CHECK(paths_of(tree) == std::vector<std::string>{"/dst/file", "/dst/link"});
  REQUIRE(tree.problems.size() == 2);
  CHECK(tree.problems[0].message == local.file("t/broken") + ": a link to what does not exist");
  CHECK(tree.problems[1].message == local.file("t/ring") + ": a link to a directory, left out");
}

TEST_CASE("a pipe in a tree is left out by name and never opened") {
  const test::TemporaryDirectory local;
  local.write("t/file", "1");
  REQUIRE(::mkfifo(local.file("t/pipe").c_str(), 0600) == 0);
  LocalTree tree;
  add_local_tree(local.file("t"), "/dst", tree);
  CHECK(paths_of(tree) == std::vector<std::string>{"/dst/file"});
  REQUIRE(tree.problems.size() == 1);
  CHECK(tree.problems[0].message == local.file("t/pipe") + ": not a regular file, left out");
}

TEST_CASE("a directory that cannot be read is named") {
  const test::TemporaryDirectory local;
  LocalTree tree;
  add_local_tree(local.file("none"), "/dst", tree);
  REQUIRE(tree.problems.size() == 1);
  CHECK(tree.problems[0].message == local.file("none") + ": No such file or directory");
}

}  // namespace
}  // namespace minidfs::cli
