#include "base/units.hpp"

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

using namespace std::chrono_literals;

TEST_CASE("sizes are plain bytes or powers of 1024 in either case") {
  const std::pair<const char*, std::uint64_t> cases[] = {
      {"0", 0},
      {"1048576", 1ULL << 20},
      {"64M", 64ULL << 20},
      {"64MiB", 64ULL << 20},
      {"1g", 1ULL << 30},
      {"3k", 3072},
      {"2T", 2ULL << 40},
      {"1PiB", 1ULL << 50},
      {"512B", 512},
  };
  for (const auto& [text, size_bytes] : cases) {
    INFO(text);
    const auto parsed = parse_size(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == size_bytes);
  }
}

TEST_CASE("what is not a size is refused with the text") {
  for (const char* text : {"", "M", "-1", "+1", " 1", "1 M", "64MB", "64Mi", "1.5G", "0x10", "12Q",
                           "16777216T", "99999999999999999999"}) {
    INFO(text);
    const auto parsed = parse_size(text);
    REQUIRE_FALSE(parsed.ok());
    CHECK(parsed.error().code == Errc::kInvalidArgument);
    CHECK(parsed.error().message.find("'" + std::string(text) + "'") == 0);
  }
}

TEST_CASE("a printed size is parsed back to the same number") {
  for (const std::uint64_t size_bytes :
       {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 64ULL << 20, (1ULL << 20) + 1, 3ULL << 40}) {
    CHECK(*parse_size(format_size(size_bytes)) == size_bytes);
  }
  CHECK(format_size(64ULL << 20) == "64MiB");
  CHECK(format_size(1000) == "1000");
}

TEST_CASE("durations need a unit, except zero") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("3s") == 3s);
  CHECK(*parse_duration("10m") == 10min);
  CHECK(*parse_duration("2h") == 2h);
  CHECK(*parse_duration("7d") == 168h);
  CHECK(*parse_duration("0") == 0ms);
  for (const char* text : {"", "3", "s", "3 s", "-3s", "1.5s", "3S", "5us", "999999999d"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).ok());
  }
}

TEST_CASE("a printed duration is parsed back and uses the largest unit that divides") {
  CHECK(format_duration(600s) == "10m");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(48h) == "2d");
  CHECK(format_duration(0ms) == "0s");
  CHECK(*parse_duration(format_duration(90s)) == 90s);
}

TEST_CASE("sizes and durations for reading are rounded") {
  CHECK(human_size(0) == "0 B");
  CHECK(human_size(1023) == "1023 B");
  CHECK(human_size(1536) == "1.5 KiB");
  CHECK(human_size((1ULL << 20) - 1) == "1.0 MiB");
  CHECK(human_size(~0ULL) == "16384.0 PiB");
  CHECK(human_duration(59s) == "59 s");
  CHECK(human_duration(185s) == "3:05");
  CHECK(human_duration(3723s) == "1:02:03");
}

TEST_CASE("addresses are HOST:PORT, with brackets around IPv6") {
  CHECK(*parse_host_port("nn1:8020", std::nullopt) == HostPort{"nn1", 8020});
  CHECK(*parse_host_port("[::1]:9866", std::nullopt) == HostPort{"::1", 9866});
  CHECK(*parse_host_port("nn1", 8020) == HostPort{"nn1", 8020});
  CHECK(*parse_host_port("[fe80::1]", 8020) == HostPort{"fe80::1", 8020});
  CHECK(format_host_port("nn1", 8020) == "nn1:8020");
  CHECK(format_host_port("fe80::1", 8020) == "[fe80::1]:8020");
}

TEST_CASE("an address without port, with a bad port or an ambiguous one is refused") {
  for (const char* text : {"", "nn1", ":8020", "nn1:", "nn1:0", "nn1:65536", "nn1:80a", "::1:8020",
                           "[::1", "[::1]8020", "a b:1", "a/b:1", "a,b:1"}) {
    INFO(text);
    CHECK_FALSE(parse_host_port(text, std::nullopt).ok());
  }
}

}  // namespace
}  // namespace minidfs
