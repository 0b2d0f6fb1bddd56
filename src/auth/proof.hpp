// What both sides of a handshake prove: that they know a key, and have heard and said the same.
// docs/formats.md, "Proofs". Pure values but for the random nonce.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "auth/crypto.hpp"

namespace minidfs::auth {

// Chosen anew by each side of each handshake, so that no proof fits another one.
struct Nonce {
  Bytes32 bytes{};
};
Nonce fresh_nonce();

// All zero: none is given.
struct Proof {
  Bytes32 bytes{};
  bool is_none() const { return bytes == Bytes32{}; }
};

// For the codec of base: the bytes as they are.
template <class Inspector>
typename Inspector::result_type inspect_bytes(Inspector& f, Bytes32& bytes) {
  return [&]<std::size_t... kAt>(std::index_sequence<kAt...>) { return f(bytes[kAt]...); }
  (std::make_index_sequence<std::tuple_size_v<Bytes32>>{});
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Nonce& x) {
  return inspect_bytes(f, x.bytes);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Proof& x) {
  return inspect_bytes(f, x.bytes);
}

// What was said in a handshake so far, and the key that it is to be proven by.
class Transcript {
 public:
  enum class Side : unsigned char { kServer, kClient };

  explicit Transcript(Key key) : key_(std::move(key)) {}

  // Bytes that were sent or received, in this order. What is added as one piece or as several is
  // the same, so the pieces have to be of known sizes.
  void add(std::span<const std::byte> bytes);

  Proof proof_of(Side side) const;
  bool is_proven_by(Side side, const Proof& proof) const;

 private:
  Key key_;
  std::string said_;
};

}  // namespace minidfs::auth
