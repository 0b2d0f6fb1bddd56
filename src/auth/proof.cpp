#include "auth/proof.hpp"

namespace minidfs::auth {

Nonce fresh_nonce() { return {random_bytes()}; }

void Transcript::add(std::span<const std::byte> bytes) {
  said_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// The side comes first, so that no side's proof passes for the other's.
Proof Transcript::proof_of(Side side) const {
  std::string text = side == Side::kServer ? "server" : "client";
  text += '\0';
  text += said_;
  return {authentication_code(key_, std::as_bytes(std::span(text)))};
}

bool Transcript::is_proven_by(Side side, const Proof& proof) const {
  return same(proof_of(side).bytes, proof.bytes);
}

}  // namespace minidfs::auth
