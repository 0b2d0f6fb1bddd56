#include "actors/admission_proof.hpp"

#include <algorithm>
#include <utility>

#include "auth/refusals.hpp"

namespace minidfs::actors {
namespace {

using Side = auth::Transcript::Side;

// The reply with the proof of all that was said, itself included.
ReplyFrame seal(auth::Transcript& transcript, Reply reply) {
  reply.proof = {};
  transcript.add(proven_part(encode_reply(reply)));
  reply.proof = transcript.proof_of(Side::kServer);
  return encode_reply(reply);
}

}  // namespace

// --- The listening side ----------------------------------------------------------------------

Result<std::optional<ReplyFrame>> ListenerProof::on_hello(std::span<const std::byte> frame,
                                                          const Hello& hello) {
  MDFS_CHECK(auth::check_method(hello.method, own_));
  if (!own_) return std::optional<ReplyFrame>();
  MDFS_TRY(auto key, own_->of_peer(hello.role, hello.key));
  transcript_.emplace(std::move(key));
  transcript_->add(frame);
  Reply challenge;
  challenge.asks_proof = true;
  challenge.nonce = auth::fresh_nonce();
  return std::optional(seal(*transcript_, std::move(challenge)));
}

Result<ClusterId> ListenerProof::on_proof(std::span<const std::byte> bytes) {
  MDFS_ASSERT(transcript_ && !proven_);
  MDFS_TRY(const auto given, decode_proof(bytes));
  ProofFrame frame;
  std::copy(bytes.begin(), bytes.end(), frame.begin());
  transcript_->add(proven_part(frame));
  if (!transcript_->is_proven_by(Side::kClient, given.proof)) return auth::wrong_proof();
  proven_ = true;
  return given.cluster;
}

ReplyFrame ListenerProof::sealed(Reply reply) {
  return transcript_ ? seal(*transcript_, std::move(reply)) : encode_reply(reply);
}

// --- The connecting side ---------------------------------------------------------------------

Result<HelloFrame> DialerProof::begin(Hello hello) {
  if (!own_) return encode_hello(hello);
  MDFS_TRY(auto own, own_->own(hello.role));
  wanted_ = std::exchange(hello.cluster, {});
  hello.method = auth::Method::kSecret;
  hello.key = own.id;
  hello.nonce = auth::fresh_nonce();
  const auto frame = encode_hello(hello);
  transcript_.emplace(std::move(own.key));
  transcript_->add(frame);
  return frame;
}

Result<DialerProof::Next> DialerProof::on_reply(std::span<const std::byte> bytes) {
  MDFS_TRY(auto reply, decode_reply(bytes));
  ReplyFrame frame;
  std::copy(bytes.begin(), bytes.end(), frame.begin());
  if (reply.asks_proof) {
    if (!transcript_ || answered_) {
      return Error{Errc::kProtocol, "a proof is asked for that was not offered"};
    }
    return on_challenge(frame, std::move(reply));
  }
  // A refusal need not be proven: nothing follows from it but that one is refused.
  if (transcript_ && reply.accepted) {
    transcript_->add(proven_part(frame));
    const bool proven = answered_ && transcript_->is_proven_by(Side::kServer, reply.proof);
    if (!proven) return auth::nothing_proven();
  }
  return Next{std::move(reply), std::nullopt, {}};
}

DialerProof::Next DialerProof::on_challenge(const ReplyFrame& frame, Reply reply) {
  answered_ = true;
  transcript_->add(proven_part(frame));
  if (!transcript_->is_proven_by(Side::kServer, reply.proof)) {
    return {std::move(reply), encode_proof({}), auth::wrong_proof()};
  }
  ProofGiven given{wanted_, {}};
  transcript_->add(proven_part(encode_proof(given)));
  given.proof = transcript_->proof_of(Side::kClient);
  return {std::move(reply), encode_proof(given), {}};
}

}  // namespace minidfs::actors
