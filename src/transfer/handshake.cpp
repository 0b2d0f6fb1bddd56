#include "transfer/handshake.hpp"

#include <string_view>

#include "auth/refusals.hpp"

namespace minidfs::transfer {
namespace {

using Side = auth::Transcript::Side;

constexpr std::size_t kProofBytes = sizeof(auth::Proof);

// The proof stands at the end of each frame that has one.
void add_unproven(auth::Transcript& transcript, std::string_view control) {
  transcript.add(std::as_bytes(std::span(control.substr(0, control.size() - kProofBytes))));
}

// Puts this side's proof of all that was said into `message`, this message included.
template <class Message>
Message proven(auth::Transcript& transcript, Side side, Message message) {
  add_unproven(transcript, encode(message));
  message.proof = transcript.proof_of(side);
  return message;
}

Error unexpected(const Frame& frame) {
  return {Errc::kProtocol,
          "unexpected " + std::string(to_string(frame.type)) + " frame in the handshake"};
}

}  // namespace

// --- The server's side -----------------------------------------------------------------------

Result<ServerHandshake::Next> ServerHandshake::on_frame(const Frame& frame, std::string& out) {
  if (transcript_) return on_proof(frame);
  return on_hello(frame, out);
}

Result<ServerHandshake::Next> ServerHandshake::on_hello(const Frame& frame, std::string& out) {
  if (frame.type != FrameType::kHello) {
    return Error{Errc::kProtocol, "the first frame is no Hello"};
  }
  MDFS_TRY(const auto hello, parse_hello(frame.control));
  role_ = hello.role;
  peer_versions_ = hello.versions;
  MDFS_CHECK(auth::check_method(hello.method, own_));
  if (!own_) {
    MDFS_CHECK(check(hello.versions, hello.cluster));
    return Next::kEnter;
  }
  MDFS_TRY(auto key, own_->of_peer(hello.role, hello.key));
  transcript_.emplace(std::move(key));
  transcript_->add(std::as_bytes(std::span(frame.control)));
  append_frame(out, FrameType::kChallenge,
               proven(*transcript_, Side::kServer, Challenge{auth::fresh_nonce(), {}}));
  return Next::kListen;
}

Result<ServerHandshake::Next> ServerHandshake::on_proof(const Frame& frame) {
  if (frame.type != FrameType::kProof) return unexpected(frame);
  MDFS_TRY(const auto given, parse_proof(frame.control));
  add_unproven(*transcript_, frame.control);
  if (!transcript_->is_proven_by(Side::kClient, given.proof)) return auth::wrong_proof();
  MDFS_CHECK(check(peer_versions_, given.cluster));
  return Next::kEnter;
}

// Not before the peer has proven itself.
Status ServerHandshake::check(InterfaceVersions peer, ClusterId wanted) const {
  MDFS_CHECK(common_version(versions_, peer));
  if (cluster_.is_none()) {
    return Error{Errc::kUnavailable, "this node belongs to no cluster yet"};
  }
  if (wanted != cluster_) {
    return Error{Errc::kWrongCluster, "this node belongs to cluster " + to_string(cluster_) +
                                          ", not to " + to_string(wanted)};
  }
  return {};
}

void ServerHandshake::welcome(std::string& out) {
  Welcome welcome{.versions = versions_, .node = node_};
  if (transcript_) welcome = proven(*transcript_, Side::kServer, welcome);
  append_frame(out, FrameType::kWelcome, welcome);
}

// --- The client's side -----------------------------------------------------------------------

Status ClientHandshake::begin(std::string& out) {
  Hello hello{.versions = versions_, .role = role_};
  if (own_) {
    MDFS_TRY(auto own, own_->own(role_));
    hello.method = auth::Method::kSecret;
    hello.key = own.id;
    hello.nonce = auth::fresh_nonce();
    const std::string control = encode(hello);
    transcript_.emplace(std::move(own.key));
    transcript_->add(std::as_bytes(std::span(control)));
  } else {
    hello.cluster = cluster_;
    may_send_ = true;
  }
  append_frame(out, FrameType::kHello, hello);
  return {};
}

Status ClientHandshake::on_frame(const Frame& frame, std::string& out) {
  const bool challenged = transcript_ && may_send_;
  if (frame.type == FrameType::kChallenge && transcript_ && !challenged) {
    return on_challenge(frame, out);
  }
  if (frame.type == FrameType::kWelcome && !welcomed()) return on_welcome(frame);
  return unexpected(frame);
}

Status ClientHandshake::on_challenge(const Frame& frame, std::string& out) {
  MDFS_TRY(const auto challenge, parse_challenge(frame.control));
  add_unproven(*transcript_, frame.control);
  if (!transcript_->is_proven_by(Side::kServer, challenge.proof)) {
    append_frame(out, FrameType::kProof, ProofGiven{});
    return auth::wrong_proof();
  }
  append_frame(out, FrameType::kProof,
               proven(*transcript_, Side::kClient, ProofGiven{cluster_, {}}));
  may_send_ = true;
  return {};
}

Status ClientHandshake::on_welcome(const Frame& frame) {
  MDFS_TRY(const auto welcome, parse_welcome(frame.control));
  if (transcript_) {
    add_unproven(*transcript_, frame.control);
    if (!may_send_ || !transcript_->is_proven_by(Side::kServer, welcome.proof)) {
      return auth::nothing_proven();
    }
  }
  MDFS_TRY(version_, common_version(welcome.versions, versions_));
  return {};
}

}  // namespace minidfs::transfer
