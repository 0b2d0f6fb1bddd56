#include "actors/admission_format.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "base/checksum.hpp"
#include "unit/actors/admission_peers.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using namespace minidfs::actors::test;

TEST_CASE("a hello is decoded as it was encoded") {
  const auto frame = encode_hello({auth::Role::kDatanode, kCluster, kClient});
  REQUIRE(may_be_hello(frame));
  const auto hello = decode_hello(frame);
  REQUIRE(hello.ok());
  CHECK(hello->role == auth::Role::kDatanode);
  CHECK(hello->cluster == kCluster);
  CHECK(hello->process == kClient);
  CHECK(hello->versions == own_versions());
}

TEST_CASE("the versions that a hello and a reply name are decoded as they were encoded") {
  Hello hello{auth::Role::kClient, kCluster, kClient};
  hello.versions = {0x1234, 0x0102};
  CHECK(decode_hello(encode_hello(hello))->versions == hello.versions);
  Reply reply{true, Errc::kInternal, "", kCluster, kServer};
  CHECK(decode_reply(encode_reply(reply))->versions == InterfaceVersions{});
  reply.versions = {0x1234, 0x0102};
  CHECK(decode_reply(encode_reply(reply))->versions == reply.versions);
}

TEST_CASE("what a hello and a reply say of proofs, and a proof, are decoded as they were encoded") {
  const auto nonce = auth::fresh_nonce();
  const auto hello = decode_hello(encode_hello(
      {auth::Role::kClient, {}, kClient, auth::Method::kSecret, auth::KeyId{3, 4}, nonce}));
  REQUIRE(hello.ok());
  CHECK(hello->method == auth::Method::kSecret);
  CHECK(hello->key == auth::KeyId{3, 4});
  CHECK(hello->nonce.bytes == nonce.bytes);
  Reply challenge;
  challenge.asks_proof = true;
  challenge.nonce = nonce;
  challenge.proof = {auth::random_bytes()};
  const auto reply = decode_reply(encode_reply(challenge));
  REQUIRE(reply.ok());
  CHECK(reply->asks_proof);
  CHECK_FALSE(reply->accepted);
  CHECK(reply->nonce.bytes == nonce.bytes);
  CHECK(reply->proof.bytes == challenge.proof.bytes);
  const auto given = decode_proof(encode_proof({kCluster, challenge.proof}));
  REQUIRE(given.ok());
  CHECK(given->cluster == kCluster);
  CHECK(given->proof.bytes == challenge.proof.bytes);
}

TEST_CASE("a namenode's hello names its member and the wanted one, and nobody else's may") {
  Hello hello{auth::Role::kNamenode, kCluster, kClient};
  hello.member = 0x1122334455667788;
  hello.wanted = 99;
  const auto decoded = decode_hello(encode_hello(hello));
  REQUIRE(decoded.ok());
  CHECK(decoded->member == hello.member);
  CHECK(decoded->wanted == 99);
  CHECK(decoded->comes_as_member());
  const auto joiner = decode_hello(encode_hello({auth::Role::kNamenode, kCluster, kClient}));
  REQUIRE(joiner.ok());
  CHECK_FALSE(joiner->comes_as_member());
  for (const auto role : {auth::Role::kClient, auth::Role::kDatanode}) {
    Hello pretender{role, kCluster, kClient};
    pretender.wanted = 99;
    CHECK(decode_hello(encode_hello(pretender)).error().code == Errc::kProtocol);
    pretender.wanted = 0;
    pretender.member = 5;
    CHECK(decode_hello(encode_hello(pretender)).error().code == Errc::kProtocol);
  }
}

TEST_CASE("a reply is decoded as it was encoded, with its text cut to the limit") {
  const auto frame =
      encode_reply({false, Errc::kWrongCluster, std::string(300, 'x'), kCluster, kServer});
  const auto reply = decode_reply(frame);
  REQUIRE(reply.ok());
  CHECK_FALSE(reply->accepted);
  CHECK(reply->code == Errc::kWrongCluster);
  CHECK(reply->text == std::string(kReplyTextBytesMax, 'x'));
  CHECK(reply->cluster == kCluster);
  CHECK(reply->process == kServer);
}

TEST_CASE("any flipped bit of a hello or a reply is noticed") {
  const auto hello = encode_hello({auth::Role::kClient, kCluster, kClient});
  for (std::size_t bit = 0; bit < hello.size() * 8; ++bit) {
    auto frame = hello;
    frame[bit / 8] ^= std::byte{1} << (bit % 8);
    REQUIRE_FALSE(decode_hello(frame).ok());
  }
  const auto reply = encode_reply({true, Errc::kInternal, "", kCluster, kServer});
  for (std::size_t bit = 0; bit < reply.size() * 8; ++bit) {
    auto frame = reply;
    frame[bit / 8] ^= std::byte{1} << (bit % 8);
    REQUIRE_FALSE(decode_reply(frame).ok());
  }
}

TEST_CASE("a hello of another version is told from garbage") {
  auto frame = encode_hello({auth::Role::kClient, kCluster, kClient});
  frame[8] = std::byte{9};
  const auto hello = decode_hello(frame);
  REQUIRE_FALSE(hello.ok());
  CHECK(hello.error().code == Errc::kUnsupported);
  CHECK(hello.error().message.find("version 9") != std::string::npos);
  CHECK(hello.error().message.find("here version 2") != std::string::npos);
}

TEST_CASE("a reply with a right checksum but a forged text size is refused") {
  auto frame = encode_reply({false, Errc::kUnavailable, "full", kCluster, kServer});
  frame[13] = std::byte{0xFF};
  const auto sum = checksum(std::span<const std::byte>(frame).first(kReplyBytes - 8));
  std::memcpy(frame.data() + kReplyBytes - 8, &sum, 8);
  REQUIRE_FALSE(decode_reply(frame).ok());
}

TEST_CASE("random bytes are never a hello, a reply or a confirmation") {
  std::mt19937_64 random(20260101);
  std::array<std::byte, kReplyBytes> bytes;
  for (int i = 0; i < 10'000; ++i) {
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    REQUIRE_FALSE(decode_hello(std::span(bytes).first<kHelloBytes>()).ok());
    REQUIRE_FALSE(decode_reply(bytes).ok());
    REQUIRE_FALSE(decode_proof(std::span(bytes).first<kProofBytes>()).ok());
    REQUIRE_FALSE(decode_confirmation(std::span(bytes).first<kConfirmationBytes>()).ok());
  }
}
