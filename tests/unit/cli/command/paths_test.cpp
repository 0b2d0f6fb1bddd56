#include "cli/command/paths.hpp"

#include <catch2/catch.hpp>

namespace minidfs::cli {
namespace {

TEST_CASE("repeated and trailing slashes are removed") {
  CHECK(*dfs_path("/") == "/");
  CHECK(*dfs_path("///") == "/");
  CHECK(*dfs_path("//a///b/") == "/a/b");
  CHECK(*dfs_path("/a b/\xff") == "/a b/\xff");
  CHECK(*dfs_path("/" + std::string(255, 'x')) == "/" + std::string(255, 'x'));
}

TEST_CASE("relative paths, dots and long names are refused as wrong usage") {
  for (const std::string& path :
       {std::string(), std::string("a"), std::string("./a"), std::string("/a/../b"),
        std::string("/."), std::string("/a/.."), "/" + std::string(256, 'x')}) {
    INFO(path);
    const auto checked = dfs_path(path);
    REQUIRE_FALSE(checked.ok());
    CHECK(errc_info(checked.error().code).exit_code == 2);
    CHECK_FALSE(checked.error().message.empty());
  }
}

TEST_CASE("names are the last components") {
  CHECK(base_name("/a/b") == "b");
  CHECK(base_name("/") == "");
  CHECK(local_base_name("photos/") == "photos");
  CHECK(local_base_name("a/../photos/.") == "photos");
}

TEST_CASE("a copy goes into a directory that exists") {
  const Target target{"/d", TargetState::kDirectory, false, true};
  CHECK(*resolve_target(target, {"f", false}) == "/d/f");
  CHECK(*resolve_target({"/", TargetState::kDirectory, true, false}, {"f", true}) == "/f");
}

TEST_CASE("a single source becomes a target that is missing or a file") {
  CHECK(*resolve_target({"/t", TargetState::kMissing, false, false}, {"f", false}) == "/t");
  CHECK(*resolve_target({"/t", TargetState::kFile, false, false}, {"f", false}) == "/t");
  CHECK(*resolve_target({"/t", TargetState::kMissing, true, false}, {"dir", true}) == "/t");
}

TEST_CASE("a target that must be a directory and is none is refused") {
  const auto code = [](const Target& target) {
    const auto path = resolve_target(target, {"f", false});
    REQUIRE_FALSE(path.ok());
    CHECK(path.error().message.find("/t: ") == 0);
    return path.error().code;
  };
  CHECK(code({"/t", TargetState::kMissing, true, false}) == Errc::kNotFound);
  CHECK(code({"/t", TargetState::kMissing, false, true}) == Errc::kNotFound);
  CHECK(code({"/t", TargetState::kFile, true, false}) == Errc::kNotADirectory);
  CHECK(code({"/t", TargetState::kFile, false, true}) == Errc::kNotADirectory);
}

TEST_CASE("the root has no name to take along") {
  const auto path = resolve_target({"/d", TargetState::kDirectory, false, false}, {"", true});
  REQUIRE_FALSE(path.ok());
  CHECK(path.error().code == Errc::kInvalidArgument);
}

}  // namespace
}  // namespace minidfs::cli
