#include "metadata/path.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

PathComponents split(std::string_view path) {
  auto components = split_path(path);
  REQUIRE(components.ok());
  return *components;
}

void refused(std::string_view path, std::string_view part_of_message) {
  const auto components = split_path(path);
  REQUIRE_FALSE(components.ok());
  CHECK(components.error().code == Errc::kInvalidArgument);
  CHECK_THAT(components.error().message, Catch::Contains(std::string(part_of_message)));
}

TEST_CASE("A path is split at its slashes, however many there are") {
  CHECK(split("/").empty());
  CHECK(split("///").empty());
  CHECK(split("/a") == PathComponents{"a"});
  CHECK(split("//a///b/") == PathComponents{"a", "b"});
  CHECK(split("/.a/..b/c.") == PathComponents{".a", "..b", "c."});
}

TEST_CASE("Names are bytes") {
  CHECK(split("/\xFF\xFE/\x01") == PathComponents{"\xFF\xFE", "\x01"});
}

TEST_CASE("A path that is not absolute or climbs is refused") {
  refused("", "not an absolute path");
  refused("a/b", "a/b: not an absolute path");
  refused("/a/./b", "/a/./b: in the path: .: not allowed");
  refused("/a/..", "..: not allowed");
  using namespace std::string_view_literals;
  refused("/a\0b"sv, "/a\0b: in the path: a\0b: a name with a NUL byte"sv);
}

TEST_CASE("The limits of a path hold to the byte") {
  const std::string name(255, 'n');
  CHECK(split("/" + name).front() == name);
  refused("/" + name + "n", "256 bytes, the limit is 255");

  std::string path;
  while (path.size() < 7936) path += "/" + name;
  path += "/" + std::string(8000 - path.size() - 1, 'x');
  CHECK(path.size() == kPathBytesMax);
  split(path);
  refused(path + "x", "8001 bytes, the limit is 8000");

  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "/d";
  CHECK(split(deep).size() == 1000);
  refused(deep + "/d", "1001 components");
}

TEST_CASE("A message has the path as it is, unless it is too long to be one") {
  refused("/\xC3\xBC/..", "/\xC3\xBC/..: in the path: ..: not allowed");
  const auto status = split_path(std::string(9000, 'a'));
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == std::string(256, 'a') + "...: not an absolute path");
}

TEST_CASE("A name is checked by itself") {
  CHECK(check_name("a b").ok());
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("a\0", 2)}) {
    CHECK_FALSE(check_name(name).ok());
  }
}

}  // namespace
}  // namespace minidfs::metadata
