#include "http/rest/byte_ranges.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::rest {
namespace {

using Kind = RangeChoice::Kind;

TEST_CASE("ranges are counted from the beginning, to the end, or from the end") {
  const std::pair<const char*, ByteRange> cases[] = {
      {"bytes=0-0", {0, 1}},    {"bytes=0-9", {0, 10}}, {"bytes=90-", {90, 10}},
      {"bytes=99-99", {99, 1}}, {"bytes=-1", {99, 1}},  {"bytes=-10", {90, 10}},
      {"Bytes= 5-6", {5, 2}},
  };
  for (const auto& [field, range] : cases) {
    INFO(field);
    const auto choice = choose_ranges(field, 100);
    REQUIRE(choice.kind == Kind::kRanges);
    CHECK(choice.ranges == std::vector{range});
  }
}

TEST_CASE("what reaches beyond the end is cut there, however far it reaches") {
  for (const char* field :
       {"bytes=90-100", "bytes=90-99999999999999999999999", "bytes=-10", "bytes=90-,200-"}) {
    INFO(field);
    CHECK(choose_ranges(field, 100).ranges == std::vector{ByteRange{90, 10}});
  }
  CHECK(choose_ranges("bytes=-99999999999999999999999", 100).ranges ==
        std::vector{ByteRange{0, 100}});
}

TEST_CASE("a set keeps its order, and may have empty elements") {
  const auto choice = choose_ranges("bytes=, 50-59 ,,\t0-4,-5", 100);
  REQUIRE(choice.kind == Kind::kRanges);
  CHECK(choice.ranges == std::vector{ByteRange{50, 10}, ByteRange{0, 5}, ByteRange{95, 5}});
}

TEST_CASE("ranges of which none has a byte of the file cannot be satisfied") {
  for (const char* field : {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-,300-",
                            "bytes=99999999999999999999999-"}) {
    INFO(field);
    CHECK(choose_ranges(field, 100).kind == Kind::kUnsatisfiable);
  }
}

TEST_CASE("what is no set of ranges of bytes is ignored") {
  for (const char* field :
       {"", "bytes", "bytes=", "bytes=,", "lines=0-9", "bytes=9-0", "bytes=a-b", "bytes=-",
        "bytes=1", "bytes=1-2-3", "bytes=0-9,x", "bytes=+1-2", "bytes=0x1-2", "bytes=1 -2"}) {
    INFO(field);
    CHECK(choose_ranges(field, 100).kind == Kind::kWhole);
  }
}

TEST_CASE("ranges that only cost the server are answered by the whole") {
  std::string many = "bytes=0-0";
  for (std::size_t i = 1; i < kRangesMax; ++i)
    many += "," + std::to_string(i) + "-" + std::to_string(i);
  CHECK(choose_ranges(many, 100).ranges.size() == kRangesMax);
  CHECK(choose_ranges(many + ",90-90", 100).kind == Kind::kWhole);
  // They overlap, and have more bytes than the file.
  CHECK(choose_ranges("bytes=0-,0-", 100).kind == Kind::kWhole);
  CHECK(choose_ranges("bytes=0-,-1", 100).kind == Kind::kWhole);
  CHECK(choose_ranges("bytes=0-18446744073709551614,1-18446744073709551614", UINT64_MAX).kind ==
        Kind::kWhole);
}

TEST_CASE("of an empty file the whole is sent") {
  CHECK(choose_ranges("bytes=0-", 0).kind == Kind::kWhole);
  CHECK(choose_ranges("bytes=-5", 0).kind == Kind::kWhole);
}

TEST_CASE("the answer says which bytes it has, and of how many") {
  CHECK(content_range({0, 10}, 100) == "bytes 0-9/100");
  CHECK(content_range({99, 1}, 100) == "bytes 99-99/100");
  CHECK(unsatisfied_range(100) == "bytes */100");
}

}  // namespace
}  // namespace minidfs::http::rest
