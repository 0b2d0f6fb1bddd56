#include "auth/crypto.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

namespace minidfs::auth {
namespace {

std::string digits(const Bytes32& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    text += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return text;
}

Bytes32 code_of(const Key& key, const std::string& text) {
  return authentication_code(key, std::as_bytes(std::span(text)));
}

TEST_CASE("codes are those of RFC 4231") {
  // A shorter key of the RFC is the same as one filled with zeros.
  Bytes32 key{};
  std::memset(key.data(), 0x0b, 20);
  CHECK(digits(code_of(Key(key), "Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  Bytes32 jefe{};
  std::memcpy(jefe.data(), "Jefe", 4);
  CHECK(digits(code_of(Key(jefe), "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

// The expected digits are those of another implementation.
TEST_CASE("keys are derived as RFC 5869 says, without salt and with one block") {
  Bytes32 bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const std::string purpose("a purpose\0with a zero", 21);
  CHECK(digits(derive_key(Key(bytes), purpose).bytes()) ==
        "402b8ee79d0408c5faf5bd400ad2314ca2a93390e305f05c200382b8f356531b");
  CHECK(derive_key(Key(bytes), purpose).bytes() != derive_key(Key(bytes), purpose + "x").bytes());
}

TEST_CASE("bytes are compared whole") {
  const auto one = random_bytes();
  CHECK(same(one, one));
  for (std::size_t i = 0; i < one.size(); ++i) {
    auto other = one;
    other[i] ^= std::byte{1};
    CHECK_FALSE(same(one, other));
  }
  CHECK(random_bytes() != one);
}

}  // namespace
}  // namespace minidfs::auth
