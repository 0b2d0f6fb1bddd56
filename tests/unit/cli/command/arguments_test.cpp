#include "cli/command/arguments.hpp"

#include <array>
#include <catch2/catch.hpp>

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"recursive", 'r', "", "Everything below", ""},
    Flag{"force", 'f', "", "Replace", ""},
    Flag{"replication", 0, "N", "Copies", "client.replication"},
    Flag{"user", 0, "NAME", "Name", "client.user"},
};

using Words = std::vector<std::string>;

std::string problem_of(const Words& words) {
  const auto parsed = parse_arguments(kFlags, words);
  return parsed.ok() ? "no error" : parsed.error().message;
}

TEST_CASE("flags and operands may be mixed, and short switches grouped") {
  const auto parsed = parse_arguments(kFlags, {"a", "-rf", "--replication=2", "b", "--user", "me"});
  REQUIRE(parsed.ok());
  CHECK(parsed->operands == Words{"a", "b"});
  CHECK(parsed->has("recursive"));
  CHECK(parsed->has("force"));
  CHECK(parsed->value("replication") == "2");
  CHECK(parsed->value("user") == "me");
}

TEST_CASE("flags that stand for options become settings") {
  const auto parsed = parse_arguments(kFlags, {"--replication", "2"});
  REQUIRE(parsed.ok());
  REQUIRE(parsed->settings.size() == 1);
  CHECK(parsed->settings[0].flag == "--replication");
  CHECK(parsed->settings[0].key == "client.replication");
  CHECK(parsed->settings[0].value == "2");
}

TEST_CASE("an operand may hold commas and spaces, be a dash, or follow two dashes") {
  const auto parsed = parse_arguments(kFlags, {"a,b c", "-", "--", "-r", "--", "--user=x"});
  REQUIRE(parsed.ok());
  CHECK(parsed->operands == Words{"a,b c", "-", "-r", "--", "--user=x"});
  CHECK_FALSE(parsed->has("recursive"));
  CHECK_FALSE(parsed->has("user"));
}

TEST_CASE("names are bytes, whatever their encoding") {
  const auto parsed = parse_arguments(kFlags, {"\xff\xfe"});
  REQUIRE(parsed.ok());
  CHECK(parsed->operands == Words{"\xff\xfe"});
}

TEST_CASE("the last of two equal flags counts, and a value may be empty") {
  CHECK(parse_arguments(kFlags, {"--user=a", "--user=b"})->value("user") == "b");
  const auto empty = parse_arguments(kFlags, {"--user="});
  REQUIRE(empty.ok());
  CHECK(empty->has("user"));
  CHECK(empty->value("user").empty());
}

TEST_CASE("an unknown flag is named, with the nearest one") {
  CHECK(problem_of({"--replicaton=3"}) ==
        "unknown flag '--replicaton'; did you mean '--replication'?");
  CHECK(problem_of({"--xyzzy"}) == "unknown flag '--xyzzy'");
  CHECK(problem_of({"-x"}) == "unknown flag '-x'");
  CHECK(problem_of({"-rx"}) == "unknown flag '-x'");
}

TEST_CASE("a flag without its value and a switch with a strange one are refused") {
  CHECK(problem_of({"--user"}).find("user") != std::string::npos);
  CHECK(problem_of({"--force=maybe"}).find("maybe") != std::string::npos);
}

TEST_CASE("each flag is described in one line") {
  CHECK(describe_flags(kFlags) ==
        "  -r, --recursive           Everything below\n"
        "  -f, --force               Replace\n"
        "      --replication=N       Copies\n"
        "      --user=NAME           Name\n");
}

}  // namespace
}  // namespace minidfs::cli
