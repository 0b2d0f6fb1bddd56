#include "http/dates.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http {
namespace {

TEST_CASE("times are written as HTTP and JSON want them") {
  CHECK(http_date(784'111'777'999) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(iso_time(784'111'777'999) == "1994-11-06T08:49:37.999Z");
  CHECK(iso_time(1'796'047'200'000) == "2026-11-30T14:00:00.000Z");
  CHECK(http_date(1'709'164'800'000) == "Thu, 29 Feb 2024 00:00:00 GMT");
  CHECK(http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(iso_time(-1) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a time far off becomes the nearest that can be written") {
  CHECK(iso_time(INT64_MAX) == "9999-12-31T23:59:59.999Z");
  CHECK(iso_time(INT64_MIN) == "0000-01-01T00:00:00.000Z");
  CHECK(parse_http_date(http_date(INT64_MIN)));
}

TEST_CASE("a date is read in each of the three forms that it has had") {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    INFO(text);
    CHECK(parse_http_date(text) == 784'111'777);
  }
  CHECK(parse_http_date(http_date(1'796'047'200'000)) == 1'796'047'200);
}

TEST_CASE("what is no date is none") {
  for (const char* text : {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 199x 08:49:37 GMT", "Sun, 06 Nov 19941 08:49:37 GMT",
                           "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

}  // namespace
}  // namespace minidfs::http
