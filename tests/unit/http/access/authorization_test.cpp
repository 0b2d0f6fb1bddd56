#include "http/access/authorization.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::access {
namespace {

std::optional<ShownToken> shown(const std::string& value) {
  Fields fields;
  fields.add("authorization", value);
  return shown_token(fields);
}

TEST_CASE("a token is shown as it is, or as the password of whomever") {
  const auto bearer = shown("Bearer s3cret");
  REQUIRE(bearer);
  CHECK(bearer->token == "s3cret");
  CHECK_FALSE(bearer->as_password);
  CHECK(shown("bEARER   s3cret ")->token == "s3cret");
  // "any:s3cret", with and without its padding, and ":a:b".
  const auto basic = shown("Basic YW55OnMzY3JldA==");
  REQUIRE(basic);
  CHECK(basic->token == "s3cret");
  CHECK(basic->as_password);
  CHECK(shown("basic YW55OnMzY3JldA")->token == "s3cret");
  CHECK(shown("Basic OmE6Yg==")->token == "a:b");
}

TEST_CASE("what cannot be read shows none") {
  CHECK_FALSE(shown_token({}));
  // "any" without a colon; digits of another alphabet; a digest.
  for (const char* value : {"", "s3cret", "Basic", "Basic YW55", "Basic YW55OnMz-3Jld_",
                            "Basic YW55 OnMzY3JldA==", "Digest a=b", "Bearers s3cret"}) {
    INFO(value);
    CHECK_FALSE(shown(value));
  }
  CHECK(shown("Bearer")->token.empty());
}

TEST_CASE("two fields show none: nobody knows which one counts for others") {
  Fields fields;
  fields.add("Authorization", "Bearer s3cret");
  fields.add("AUTHORIZATION", "Bearer other");
  CHECK_FALSE(shown_token(fields));
}

}  // namespace
}  // namespace minidfs::http::access
