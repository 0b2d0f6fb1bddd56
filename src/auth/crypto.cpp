// libcrypto calls its plain SHA-256 deprecated, because it wants all to go through its providers.
// They would cost each verb a part of its start (docs/decisions/admission-by-a-secret.md).
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>
#include <string>

#include "base/error.hpp"
#include "base/random_id.hpp"

namespace minidfs::auth {
namespace {

using Block = std::array<std::byte, SHA256_CBLOCK>;

Bytes32 hash(std::span<const std::byte> first, std::span<const std::byte> second) {
  SHA256_CTX context;
  Bytes32 digest;
  const bool done = SHA256_Init(&context) == 1 &&
                    SHA256_Update(&context, first.data(), first.size()) == 1 &&
                    SHA256_Update(&context, second.data(), second.size()) == 1 &&
                    SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context) == 1;
  MDFS_ASSERT(done);
  OPENSSL_cleanse(&context, sizeof context);
  return digest;
}

// The key, filled up with zeros to a block, with `pad` in each byte.
Block padded(const Key& key, std::byte pad) {
  Block block;
  block.fill(pad);
  for (std::size_t i = 0; i < key.bytes().size(); ++i) block[i] ^= key.bytes()[i];
  return block;
}

}  // namespace

Key::~Key() { wipe(bytes_); }

Bytes32 authentication_code(const Key& key, std::span<const std::byte> bytes) {
  static_assert(sizeof(Bytes32) <= sizeof(Block), "longer keys would have to be hashed first");
  auto inner = padded(key, std::byte{0x36});
  auto outer = padded(key, std::byte{0x5c});
  const auto code = hash(outer, hash(inner, bytes));
  wipe(inner);
  wipe(outer);
  return code;
}

// One block of output is all that is needed, so there is one step of "expand".
Key derive_key(const Key& secret, std::string_view purpose) {
  const Key extracted(authentication_code(Key(Bytes32{}), secret.bytes()));
  std::string info(purpose);
  info += '\1';
  return Key(authentication_code(extracted, std::as_bytes(std::span(info))));
}

bool same(const Bytes32& a, const Bytes32& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Bytes32 random_bytes() {
  const std::array<Random128, 2> random{random_128(), random_128()};
  Bytes32 bytes;
  static_assert(sizeof random == sizeof bytes);
  std::memcpy(bytes.data(), random.data(), bytes.size());
  return bytes;
}

void wipe(std::span<std::byte> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace minidfs::auth
