#include "base/printable.hpp"

#include <catch2/catch.hpp>

namespace minidfs {
namespace {

TEST_CASE("no byte that a terminal obeys gets through") {
  CHECK(escape_controls("\x1B[31m\n\x7F") == "\\x1b[31m\\x0a\\x7f");
  // The 8-bit form of ESC [, alone and as the UTF-8 of U+009B.
  CHECK(escape_controls("a\x9B"
                        "2J") == "a\\x9b2J");
  CHECK(escape_controls("a\xC2\x9B"
                        "2J") == "a\\xc2\\x9b2J");
  CHECK(escape_controls("\xC2\x85") == "\\xc2\\x85");
}

TEST_CASE("text in any language stays as it is") {
  for (const std::string text : {"plain name", "a\\b",
                                 "Gr\xC3\xBC\xC3\x9F"
                                 "e",
                                 "\xE6\x97\xA5\xE6\x9C\xAC", "\xF0\x9F\x90\x98", "\xC2\xA0"}) {
    CHECK(escape_controls(text) == text);
  }
}

TEST_CASE("what is no UTF-8 is escaped byte by byte, and an escaped text stays as it is") {
  CHECK(escape_controls("\xFF\xFE") == "\\xff\\xfe");
  CHECK(escape_controls("\xC3") == "\\xc3");
  CHECK(escape_controls("\xC0\x80") == "\\xc0\\x80");
  CHECK(escape_controls("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  CHECK(escape_controls("\xE6\x97z") == "\\xe6\\x97z");
  const auto once = escape_controls("\x1B\xFF");
  CHECK(escape_controls(once) == once);
}

}  // namespace
}  // namespace minidfs
