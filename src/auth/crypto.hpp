// The border to libcrypto: codes under a key, keys from a key, and comparing. Nothing else of
// minidfs knows of it. Any thread; none of it fails.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace minidfs::auth {

using Bytes32 = std::array<std::byte, 32>;

// A secret in memory, overwritten at its end.
class Key {
 public:
  Key() = default;
  explicit Key(const Bytes32& bytes) : bytes_(bytes) {}
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();

  const Bytes32& bytes() const { return bytes_; }

 private:
  Bytes32 bytes_{};
};

// HMAC-SHA-256 (RFC 2104).
Bytes32 authentication_code(const Key& key, std::span<const std::byte> bytes);

// HKDF-SHA-256 (RFC 5869) without salt. Keys for different purposes tell nothing of one another.
Key derive_key(const Key& secret, std::string_view purpose);

// Takes the same time wherever they differ.
bool same(const Bytes32& a, const Bytes32& b);

// Of the kernel's random numbers.
Bytes32 random_bytes();

// Overwrites what held a secret.
void wipe(std::span<std::byte> bytes);

}  // namespace minidfs::auth
