#include "http/rest/listing_page.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

namespace minidfs::http::rest {
namespace {

Result<ListingPage> page(const std::string& query) { return listing_page(*Query::parse(query)); }

TEST_CASE("a page begins with the first name and has a thousand") {
  const auto first = page("");
  REQUIRE(first.ok());
  CHECK(first->start_after.empty());
  CHECK(first->prefix.empty());
  CHECK(first->limit == 1000);
  CHECK(page("limit=10")->limit == 10);
  CHECK(page("limit=1000000000000")->limit == 1000);
}

TEST_CASE("a cursor leads behind its name, whatever bytes this has") {
  for (const std::string& name :
       {std::string("a"), std::string("\xFF\x01\n"), std::string(255, 'x')}) {
    const auto cursor = cursor_behind(name);
    CHECK(cursor.find_first_not_of("0123456789abcdef") == cursor.npos);
    CHECK(page("cursor=" + cursor)->start_after == name);
  }
  CHECK(page("cursor=")->start_after.empty());
}

TEST_CASE("the names that begin alike are those behind the name before them") {
  const std::vector<std::string> names = {std::string("a"),
                                          std::string("a\x01"),
                                          std::string("aa"),
                                          "aa" + std::string(253, '\xFF'),
                                          std::string("ab"),
                                          std::string("ab\x01"),
                                          "ab" + std::string(253, '\xFF'),
                                          std::string("ac"),
                                          std::string("b"),
                                          std::string("\x01"),
                                          std::string("\xFF\xFF"),
                                          std::string(255, '\xFF')};
  for (const std::string& prefix : names) {
    const auto begin = page("prefix=" + escape_query(prefix));
    REQUIRE(begin.ok());
    CHECK(begin->prefix == prefix);
    for (const auto& name : names) {
      INFO(escape_query(prefix) << " and " << escape_query(name));
      CHECK((name > begin->start_after) == (name >= prefix));
    }
  }
}

TEST_CASE("a cursor goes on within the names that begin alike, and never in front of them") {
  CHECK(page("prefix=ab&cursor=" + cursor_behind("abc"))->start_after == "abc");
  CHECK(page("prefix=ab&cursor=" + cursor_behind("aa"))->start_after > "aa");
}

TEST_CASE("values that are none are refused") {
  for (const char* query : {"limit=0", "limit=-1", "limit=x", "limit=", "cursor=0", "cursor=zz",
                            "cursor=00", "cursor=2f", "prefix=a/b"}) {
    INFO(query);
    const auto bad = page(query);
    REQUIRE_FALSE(bad.ok());
    CHECK(bad.error().code == Errc::kInvalidArgument);
  }
}

}  // namespace
}  // namespace minidfs::http::rest
