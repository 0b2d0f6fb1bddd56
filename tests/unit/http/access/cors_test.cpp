#include "http/access/cors.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::access {
namespace {

Fields from(const std::string& origin) {
  Fields fields;
  fields.add("Origin", origin);
  return fields;
}

TEST_CASE("pages of the named sites are allowed, and no others") {
  const CorsPolicy policy({"https://Example.com", "http://h:8080"});
  CHECK(policy.is_on());
  CHECK(policy.allows(from("https://example.com")));
  CHECK(policy.allows(from("http://h:8080")));
  for (const char* other : {"http://example.com", "https://example.com:8443", "http://h", "null",
                            "https://example.com.evil", "https://sub.example.com", "", "*"}) {
    INFO(other);
    CHECK_FALSE(policy.allows(from(other)));
  }
  CHECK_FALSE(policy.allows({}));
  CHECK_FALSE(CorsPolicy({}).is_on());
}

TEST_CASE("a response is for the site that asked, whatever its handler said") {
  const CorsPolicy policy({"https://example.com"});
  Fields response;
  response.add("access-control-allow-origin", "*");
  response.add("Content-Type", "text/plain");
  policy.mark(from("https://example.com"), response);
  CHECK(response.find("Access-Control-Allow-Origin") == "https://example.com");
  CHECK(response.find("Vary") == "Origin");
  CHECK(response.find("Content-Type") == "text/plain");
  CHECK(response.find("Access-Control-Expose-Headers"));
}

TEST_CASE("others are told nothing, also not what WebHDFS tells everybody") {
  const CorsPolicy policy({"https://example.com"});
  Fields response;
  response.add("Access-Control-Allow-Origin", "*");
  response.add("Access-Control-Allow-Methods", "PUT");
  policy.mark(from("https://evil.example"), response);
  CHECK_FALSE(response.find("Access-Control-Allow-Origin"));
  CHECK_FALSE(response.find("Access-Control-Allow-Methods"));
  CHECK(response.find("Vary") == "Origin");
}

TEST_CASE("a preflight is an OPTIONS for a page's request") {
  RequestHead request;
  request.method = "OPTIONS";
  request.fields = from("https://example.com");
  CHECK_FALSE(is_preflight(request));
  request.fields.add("Access-Control-Request-Method", "PUT");
  CHECK(is_preflight(request));
  request.method = "GET";
  CHECK_FALSE(is_preflight(request));
  CHECK(preflight_response().head.status == 204);
}

}  // namespace
}  // namespace minidfs::http::access
