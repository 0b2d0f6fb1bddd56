#include "http/monitoring/request_totals.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::monitoring {
namespace {

constexpr std::string_view kMetrics =
    "# HELP minidfs_http_requests_total Requests that were answered, by status.\n"
    "# TYPE minidfs_http_requests_total counter\n"
    "minidfs_http_requests_total{face=\"rest\",method=\"GET\",status=\"200\"} 40\n"
    "minidfs_http_requests_total{face=\"rest\",method=\"GET\",status=\"503\"} 2\n"
    "minidfs_http_requests_total{face=\"webhdfs\",method=\"PUT\",status=\"500\"} 1\n"
    "minidfs_http_requests_in_progress{face=\"rest\"} 3\n"
    "minidfs_http_received_bytes_total 1e+06\n"
    "minidfs_http_sent_bytes_total 512\n"
    "minidfs_datanode_blocks{datanode=\"d:9866\",rack=\"/a b} 7\"} 9\n";

TEST_CASE("the requests of all faces are added up") {
  const auto totals = request_totals(kMetrics);
  REQUIRE(totals.ok());
  CHECK(totals->requests == 43);
  CHECK(totals->failed == 3);
  CHECK(totals->in_progress == 3);
  CHECK(totals->received_bytes == 1e6);
  CHECK(totals->sent_bytes == 512);
}

TEST_CASE("what is no text of metrics, or that of another program, is refused") {
  for (const std::string_view text :
       {"", "\n", "<!doctype html>\n", "up 1\n", "minidfs_http_received_bytes_total", "{} {} {}"}) {
    INFO(text);
    CHECK_FALSE(request_totals(text).ok());
  }
}

}  // namespace
}  // namespace minidfs::http::monitoring
