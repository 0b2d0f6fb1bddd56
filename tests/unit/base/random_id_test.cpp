#include "base/random_id.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace minidfs {
namespace {

TEST_CASE("random ids differ and are never none") {
  std::set<ClusterId> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_id<ClusterId>();
    CHECK_FALSE(id.is_none());
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("an id is parsed from what it is printed as") {
  const auto id = random_id<NodeId>();
  const auto parsed = parse_id<NodeId>(to_string(id), "node id");
  REQUIRE(parsed.ok());
  CHECK(*parsed == id);
  CHECK(parse_id<NodeId>("000000000000000A000000000000000b", "x")->high == 10);
}

TEST_CASE("what is no id is refused by name") {
  for (const std::string text :
       {"", "12", "00000000000000000000000000000000 ", "0000000000000000-000000000000001",
        "+0000000000000000000000000000001", "g0000000000000000000000000000000"}) {
    INFO(text);
    const auto parsed = parse_id<NodeId>(text, "node id");
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().message.find("node id: '") == 0);
  }
}

}  // namespace
}  // namespace minidfs
