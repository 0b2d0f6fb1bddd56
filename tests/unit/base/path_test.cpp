#include "base/path.hpp"

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

TEST_CASE("a name is joined to its directory by one slash") {
  CHECK(join_path("/", "a") == "/a");
  CHECK(join_path("/a", "b") == "/a/b");
  CHECK(join_path("/a/", "b") == "/a/b");
  CHECK(join_path("a", "b") == "a/b");
  CHECK(join_path("", "b") == "b");
}

}  // namespace
}  // namespace minidfs
