#include "auth/md5.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace minidfs::auth {
namespace {

std::string hex(const Md5::Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : digest) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

void add(Md5& sum, const std::string& text) { sum.add(std::as_bytes(std::span(text))); }

TEST_CASE("MD5 of known texts is what RFC 1321 says, one after the other") {
  Md5 sum;
  CHECK(hex(sum.take()) == "d41d8cd98f00b204e9800998ecf8427e");
  add(sum, "message digest");
  CHECK(hex(sum.take()) == "f96b697d7cb7938d525a2f31aaf161d0");
  add(sum, "message");
  add(sum, "");
  add(sum, " digest");
  CHECK(hex(sum.take()) == "f96b697d7cb7938d525a2f31aaf161d0");
}

}  // namespace
}  // namespace minidfs::auth
