#include "http/access/origin.hpp"

#include <catch2/catch.hpp>

namespace minidfs::http::access {
namespace {

bool foreign(const std::string& origin, const std::string& host) {
  Fields fields;
  fields.add("Host", host);
  fields.add("Origin", origin);
  return is_foreign(fields);
}

TEST_CASE("programs that are no browser name no origin") {
  Fields fields;
  fields.add("Host", "nn:9870");
  CHECK_FALSE(is_foreign(fields));
}

TEST_CASE("pages of this server are not foreign, however its name is written") {
  CHECK_FALSE(foreign("http://nn:9870", "nn:9870"));
  CHECK_FALSE(foreign("HTTP://NN:9870", "nn:9870"));
  CHECK_FALSE(foreign("http://nn", "nn:80"));
  CHECK_FALSE(foreign("http://nn:80", "nn"));
  CHECK_FALSE(foreign("https://nn", "nn:443"));
  CHECK_FALSE(foreign("http://[::1]:9870", "[::1]:9870"));
}

TEST_CASE("pages of other hosts and ports are, and those that do not say") {
  CHECK(foreign("http://evil", "nn:9870"));
  CHECK(foreign("http://nn:9864", "nn:9870"));
  CHECK(foreign("http://nn", "nn:9870"));
  CHECK(foreign("https://nn", "nn:80"));
  CHECK(foreign("http://nn:9870.evil", "nn:9870"));
  CHECK(foreign("null", "nn:9870"));
  CHECK(foreign("", "nn:9870"));
  Fields without_host;
  without_host.add("Origin", "http://nn:9870");
  CHECK(is_foreign(without_host));
}

}  // namespace
}  // namespace minidfs::http::access
