// The proofs of the control plane: both sides against one another, without sockets, and what a
// listener with a secret tells those who have none.
#include "actors/admission_proof.hpp"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>

#include "actors/tcp.hpp"
#include "unit/actors/admission_peers.hpp"

using namespace minidfs;
using namespace minidfs::actors;
using namespace minidfs::actors::test;

namespace {

auth::CredentialsPtr secret_of(unsigned char first) {
  return std::make_shared<const auth::Credentials>(
      auth::Key(auth::Bytes32{std::byte{first}, std::byte{7}}));
}

auth::CredentialsPtr client_key_of(const auth::CredentialsPtr& secret) {
  return std::make_shared<const auth::Credentials>(secret->make_client_key());
}

const auto kSecret = secret_of(1);
const auto kOther = secret_of(2);

// What each side has at the end of a handshake.
struct Outcome {
  Result<ClusterId> listener = Error{Errc::kInternal, "did not get so far"};
  Result<Reply> dialer = Error{Errc::kInternal, "did not get so far"};
};

Reply accepted_reply() {
  Reply reply;
  reply.accepted = true;
  reply.cluster = kCluster;
  reply.process = kServer;
  return reply;
}

// A whole handshake; `change` may do to the bytes of either side's frames what the network would
// not.
template <class Change>
Outcome handshake(const auth::CredentialsPtr& own, const auth::CredentialsPtr& peers,
                  auth::Role role, Change change) {
  Outcome outcome;
  ListenerProof listener(own);
  DialerProof dialer(peers);
  auto hello = dialer.begin({role, kCluster, kClient});
  if (!hello.ok()) {
    outcome.dialer = hello.error();
    return outcome;
  }
  change("hello", std::span<std::byte>(*hello));
  const auto heard = decode_hello(*hello);
  if (!heard.ok()) return outcome;
  auto challenge = listener.on_hello(*hello, *heard);
  if (!challenge.ok()) {
    outcome.listener = challenge.error();
    return outcome;
  }
  if (challenge->has_value()) {
    change("challenge", std::span<std::byte>(**challenge));
    const auto next = dialer.on_reply(**challenge);
    if (!next.ok()) {
      outcome.dialer = next.error();
      return outcome;
    }
    REQUIRE(next->answer.has_value());
    auto proof = *next->answer;
    change("proof", std::span<std::byte>(proof));
    outcome.listener = listener.on_proof(proof);
    if (!next->belief.ok()) outcome.dialer = next->belief.error();
    if (!outcome.listener.ok() || !next->belief.ok()) return outcome;
  } else {
    outcome.listener = heard->cluster;
  }
  auto last = listener.sealed(accepted_reply());
  change("reply", std::span<std::byte>(last));
  const auto next = dialer.on_reply(last);
  outcome.dialer = next.ok() ? Result<Reply>(next->reply) : Result<Reply>(next.error());
  return outcome;
}

Outcome handshake(const auth::CredentialsPtr& own, const auth::CredentialsPtr& peers,
                  auth::Role role = auth::Role::kClient) {
  return handshake(own, peers, role, [](std::string_view, std::span<std::byte>) {});
}

// Admits nobody anywhere.
void ignore(AdmittedConnection) {}

}  // namespace

TEST_CASE("who knows the secret is admitted in any role, and with a client's key as a client") {
  for (const auto role : {auth::Role::kClient, auth::Role::kDatanode, auth::Role::kNamenode}) {
    const auto outcome = handshake(kSecret, kSecret, role);
    REQUIRE(outcome.listener.ok());
    CHECK(*outcome.listener == kCluster);
    REQUIRE(outcome.dialer.ok());
    CHECK(outcome.dialer->cluster == kCluster);
    CHECK(outcome.dialer->process == kServer);
  }
  const auto outcome = handshake(kSecret, client_key_of(kSecret));
  CHECK(outcome.listener.ok());
  CHECK(outcome.dialer.ok());
  CHECK(handshake(nullptr, nullptr).dialer.ok());
}

TEST_CASE("another secret, a key of another one, or none, is noticed by both sides") {
  for (const auto& peer : {kOther, client_key_of(kOther)}) {
    const auto outcome = handshake(kSecret, peer);
    REQUIRE_FALSE(outcome.listener.ok());
    CHECK(outcome.listener.error().code == Errc::kPermissionDenied);
    REQUIRE_FALSE(outcome.dialer.ok());
    CHECK(outcome.dialer.error().code == Errc::kPermissionDenied);
  }
  CHECK(handshake(kSecret, nullptr).listener.error().code == Errc::kPermissionDenied);
  CHECK(handshake(nullptr, kSecret).listener.error().code == Errc::kPermissionDenied);
}

TEST_CASE("a client's key is none of a datanode, whatever its holder writes into the hello") {
  const auto key = client_key_of(kSecret);
  CHECK(handshake(kSecret, key, auth::Role::kDatanode).dialer.error().code ==
        Errc::kPermissionDenied);
  // A holder who takes the key for a datanode's all the same.
  const auto own = *key->own(auth::Role::kClient);
  for (const auto id : {own.id, auth::KeyId{}}) {
    ListenerProof listener(kSecret);
    Hello hello{auth::Role::kDatanode, {}, kClient, auth::Method::kSecret, id, auth::fresh_nonce()};
    const auto frame = encode_hello(hello);
    const auto challenge = listener.on_hello(frame, hello);
    if (!challenge.ok()) {
      CHECK(challenge.error().code == Errc::kPermissionDenied);
      continue;
    }
    auth::Transcript transcript(own.key);
    transcript.add(frame);
    transcript.add(proven_part(**challenge));
    ProofGiven given;
    transcript.add(proven_part(encode_proof(given)));
    given.proof = transcript.proof_of(auth::Transcript::Side::kClient);
    CHECK(listener.on_proof(encode_proof(given)).error().code == Errc::kPermissionDenied);
  }
}

TEST_CASE("no bit of what is proven can be changed on the way") {
  const std::string frame = GENERATE("hello", "challenge", "proof", "reply");
  const std::size_t bits = (frame == "hello"   ? kHelloBytes
                            : frame == "proof" ? kProofBytes
                                               : kReplyBytes) *
                           8;
  for (std::size_t bit = 0; bit < bits; bit += 7) {
    const auto outcome = handshake(kSecret, kSecret, auth::Role::kDatanode,
                                   [&](std::string_view name, std::span<std::byte> bytes) {
                                     if (name == frame) bytes[bit / 8] ^= std::byte{1} << (bit % 8);
                                   });
    CAPTURE(frame, bit);
    REQUIRE_FALSE((outcome.listener.ok() && outcome.dialer.ok()));
  }
}

TEST_CASE("a proof that was recorded fits no other challenge") {
  ProofFrame recorded{};
  HelloFrame hello_of_then{};
  handshake(kSecret, kSecret, auth::Role::kClient,
            [&](std::string_view name, std::span<std::byte> bytes) {
              if (name == "hello") std::copy(bytes.begin(), bytes.end(), hello_of_then.begin());
              if (name == "proof") std::copy(bytes.begin(), bytes.end(), recorded.begin());
            });
  ListenerProof listener(kSecret);
  const auto challenge = listener.on_hello(hello_of_then, *decode_hello(hello_of_then));
  REQUIRE(challenge.ok());
  CHECK(listener.on_proof(recorded).error().code == Errc::kPermissionDenied);
}

TEST_CASE("a listener that only claims to have accepted is not believed by one with a secret") {
  DialerProof dialer(kSecret);
  REQUIRE(dialer.begin({auth::Role::kClient, {}, kClient}).ok());
  CHECK(dialer.on_reply(encode_reply(accepted_reply())).error().code == Errc::kPermissionDenied);
  // Nor one that asks for proofs and gives none, or asks one who has none to give.
  Reply challenge;
  challenge.asks_proof = true;
  CHECK_FALSE(dialer.on_reply(encode_reply(challenge))->belief.ok());
  CHECK_FALSE(dialer.on_reply(encode_reply(challenge)).ok());
  DialerProof without(nullptr);
  REQUIRE(without.begin({auth::Role::kClient, {}, kClient}).ok());
  CHECK(without.on_reply(encode_reply(challenge)).error().code == Errc::kProtocol);
}

TEST_CASE("a listener with a secret lets in who knows it and tells others nothing") {
  AdmissionOptions options;
  options.credentials = kSecret;
  const auto listener = open_listener(options);
  listener->start(ignore);
  const auto dial = [&](const auth::CredentialsPtr& credentials, ClusterId cluster) {
    return dial_control("127.0.0.1", listener->port(),
                        {.cluster = cluster, .process = kClient, .credentials = credentials});
  };
  CHECK(dial(kSecret, kCluster)->cluster == kCluster);
  CHECK(dial(client_key_of(kSecret), {})->process == kServer);
  CHECK(dial(kSecret, {7, 8}).error().code == Errc::kWrongCluster);
  CHECK(dial(kOther, {}).error().code == Errc::kPermissionDenied);
  const auto without = dial(nullptr, {});
  REQUIRE_FALSE(without.ok());
  CHECK(without.error().code == Errc::kPermissionDenied);
  CHECK_THAT(without.error().message, Catch::Contains("secret is asked for"));

  // By hand: neither with no proof nor with a wrong one is the cluster or the process told.
  for (const auto method : {auth::Method::kNone, auth::Method::kSecret}) {
    const auto fd = connect_raw(listener->port());
    send_bytes(fd, encode_hello({auth::Role::kClient, {7, 8}, kClient, method, {}, {}}));
    auto reply = receive_reply(fd);
    if (method == auth::Method::kSecret) {
      REQUIRE(reply.ok());
      CHECK(reply->asks_proof);
      CHECK(reply->cluster.is_none());
      CHECK(reply->process.is_none());
      send_bytes(fd, encode_proof({}));
      reply = receive_reply(fd);
    }
    REQUIRE(reply.ok());
    CHECK(reply->code == Errc::kPermissionDenied);
    CHECK(reply->cluster.is_none());
    CHECK(reply->process.is_none());
    CHECK(reply->text.find(to_string(kCluster)) == std::string::npos);
    CHECK(closed_by_peer(fd));
  }
}

TEST_CASE("a peer that stops in the middle of its proof is closed at the same deadline") {
  AdmissionOptions options;
  options.credentials = kSecret;
  options.handshake_timeout = std::chrono::milliseconds(300);
  const auto listener = open_listener(options);
  listener->start(ignore);
  const auto fd = connect_raw(listener->port());
  send_bytes(fd, encode_hello({auth::Role::kClient, {}, kClient, auth::Method::kSecret, {}, {}}));
  REQUIRE(receive_reply(fd)->asks_proof);
  const auto proof = encode_proof({});
  send_bytes(fd, std::span(proof).first(kProofBytes - 1));
  CHECK(closed_by_peer(fd));
  CHECK(listener->stats().dropped == 1);
  CHECK(listener->stats().pending == 0);
}
