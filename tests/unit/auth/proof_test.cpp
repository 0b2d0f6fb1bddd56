#include "auth/proof.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace minidfs::auth {
namespace {

using Side = Transcript::Side;

Transcript with(const Key& key, const std::string& text) {
  Transcript transcript(key);
  transcript.add(std::as_bytes(std::span(text)));
  return transcript;
}

TEST_CASE("a proof is of one key, one side and all that was said, in any pieces") {
  const Key key(random_bytes());
  const auto proof = with(key, "hello, challenge").proof_of(Side::kClient);
  auto pieces = with(key, "hello, ");
  pieces.add(std::as_bytes(std::span("challenge", 9)));
  CHECK(pieces.is_proven_by(Side::kClient, proof));
  CHECK_FALSE(pieces.is_proven_by(Side::kServer, proof));
  CHECK_FALSE(with(key, "hello, challengf").is_proven_by(Side::kClient, proof));
  CHECK_FALSE(with(key, "hello, challenge ").is_proven_by(Side::kClient, proof));
  CHECK_FALSE(with(Key(random_bytes()), "hello, challenge").is_proven_by(Side::kClient, proof));
  CHECK_FALSE(pieces.is_proven_by(Side::kClient, Proof{}));
  CHECK(Proof{}.is_none());
  CHECK_FALSE(proof.is_none());
}

TEST_CASE("no nonce comes twice") { CHECK(fresh_nonce().bytes != fresh_nonce().bytes); }

}  // namespace
}  // namespace minidfs::auth
