#include "cli/verbs/mode_text.hpp"

#include <catch2/catch.hpp>

namespace minidfs::cli {
namespace {

std::uint16_t changed(const std::string& text, std::uint16_t mode, bool is_directory = false) {
  const auto change = parse_mode(text);
  if (!change.ok()) FAIL(change.error().message);
  return changed_mode(*change, mode, is_directory);
}

TEST_CASE("An octal mode is the new one, with or without a sticky bit") {
  CHECK(changed("755", 01644) == 0755);
  CHECK(changed("0755", 0) == 0755);
  CHECK(changed("1777", 0) == 01777);
  CHECK(changed("000", 0777) == 0);
}

TEST_CASE("Clauses add, take away or set rights of those they name, in their order") {
  CHECK(changed("u+x", 0644) == 0744);
  CHECK(changed("go-rx", 0755) == 0700);
  CHECK(changed("g=w", 0755) == 0725);
  CHECK(changed("a=r", 01777) == 0444);
  CHECK(changed("+w", 0444) == 0666);
  CHECK(changed("o=", 0777) == 0770);
  CHECK(changed("u=rw,g=r,o-rwx", 0777) == 0640);
  CHECK(changed("u-w,u+w", 0644) == 0644);
  CHECK(changed("u+w,u-w", 0644) == 0444);
  CHECK(changed("u+r,u+x", 0200) == 0700);
}

TEST_CASE("The sticky bit is among the rights of all others") {
  CHECK(changed("+t", 0777) == 01777);
  CHECK(changed("o+t", 0777) == 01777);
  CHECK(changed("u+t", 0777) == 0777);
  CHECK(changed("a-t", 01777) == 0777);
}

TEST_CASE("X is execution of directories, and of what somebody may execute already") {
  CHECK(changed("a+X", 0644) == 0644);
  CHECK(changed("a+X", 0744) == 0755);
  CHECK(changed("a+X", 0644, true) == 0755);
  CHECK(changed("u=rwX,go=", 0640, true) == 0700);
  CHECK(changed("u=rwX,go=", 0640) == 0600);
}

TEST_CASE("What is no mode is refused") {
  for (const std::string text : {"", "7", "77", "778", "2755", "07777", "u", "u+", "u-", "+", "x",
                                 "u+q", "u+r,", ",u+r", "ur", "u*r", "u+r g+r", "u++x"}) {
    CAPTURE(text);
    const auto change = parse_mode(text);
    REQUIRE_FALSE(change.ok());
    CHECK(change.error().code == Errc::kInvalidArgument);
  }
}

}  // namespace
}  // namespace minidfs::cli
