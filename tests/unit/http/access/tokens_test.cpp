#include "http/access/tokens.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "support/temporary_directory.hpp"

namespace minidfs::http::access {
namespace {

constexpr char kFirst[] = "0123456789abcdef";
constexpr char kSecond[] = "fedcba9876543210";

std::string problem(const std::string& text) {
  const auto tokens = Tokens::parse(text, "f");
  return tokens.ok() ? "" : tokens.error().message;
}

TEST_CASE("a line is a token, of a user if one is named; comments and empty lines are none") {
  const auto tokens = Tokens::parse(
      std::string("# ours\n\n") + kFirst + "\r\n  alice:" + kSecond + "  \n# :short", "f");
  REQUIRE(tokens.ok());
  CHECK(tokens->count() == 2);
  REQUIRE(tokens->find(kFirst));
  CHECK(tokens->find(kFirst)->user.empty());
  REQUIRE(tokens->find(kSecond));
  CHECK(tokens->find(kSecond)->user == "alice");
}

TEST_CASE("what is no token is found to be none, however much of one it has") {
  const auto tokens = Tokens::parse(std::string("alice:") + kFirst, "f");
  REQUIRE(tokens.ok());
  for (const char* wrong : {"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF",
                            "alice:0123456789abcdef", "alice", "# ours"}) {
    INFO(wrong);
    CHECK_FALSE(tokens->find(wrong));
  }
}

TEST_CASE("what is wrong with a file is told with its line, and without the token") {
  CHECK(problem("# nothing\n\n") == "f: holds no token, so that nobody could get in");
  CHECK(problem("") == "f: holds no token, so that nobody could get in");
  CHECK(problem(std::string(kFirst) + "\nshort\n") ==
        "f:2: a token has at least 16 characters, this one 5");
  CHECK(problem("#\nalice:short") == "f:2: a token has at least 16 characters, this one 5");
  CHECK_THAT(problem("0123456789 abcdef"), Catch::StartsWith("f:1: a token consists of"));
  CHECK_THAT(problem("0123456789\xC3\xA4"
                     "bcdef"),
             Catch::StartsWith("f:1: a token consists of"));
  CHECK_THAT(problem("alice:0123456789:abcdef"), Catch::StartsWith("f:1: a token consists of"));
  CHECK_THAT(problem(std::string("9:") + kFirst), Catch::StartsWith("f:1: what stands before"));
  CHECK_THAT(problem(std::string(":") + kFirst), Catch::StartsWith("f:1: what stands before"));
  CHECK(problem(std::string(kFirst) + "\nalice:" + kFirst) ==
        "f:2: this token stands in an earlier line too");
}

TEST_CASE("a file of tokens is its owner's alone") {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("tokens", std::string(kFirst) + "\n");
  for (const mode_t mode : {0640, 0604, 0620, 0601}) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto loaded = Tokens::load(path);
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().code == Errc::kPermissionDenied);
    CHECK(loaded.error().message.starts_with(path));
  }
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  const auto loaded = Tokens::load(path);
  REQUIRE(loaded.ok());
  CHECK(loaded->find(kFirst));
  CHECK(Tokens::load(directory.file("none")).error().code == Errc::kNotFound);
  const auto large = directory.write("large", std::string(100'000, 'x'));
  REQUIRE(::chmod(large.c_str(), 0600) == 0);
  CHECK(Tokens::load(large).error().code == Errc::kTooLarge);
}

}  // namespace
}  // namespace minidfs::http::access
