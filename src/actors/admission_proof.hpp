// What both sides of a control connection say to prove that they know the cluster's secret, and
// whether they believe one another: docs/formats.md, "Control plane" and "Proofs". Values of one
// connection, without sockets. Errors are what a peer is refused with, or left for.
#pragma once

#include <optional>
#include <span>

#include "actors/admission_format.hpp"
#include "auth/credentials.hpp"
#include "auth/proof.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

class ListenerProof {
 public:
  // `own`: null when everybody is let in.
  explicit ListenerProof(auth::CredentialsPtr own) : own_(std::move(own)) {}

  // The frame to answer with when a proof is asked for; none when none is needed.
  Result<std::optional<ReplyFrame>> on_hello(std::span<const std::byte> frame, const Hello& hello);

  // The cluster that the peer means, which has proven itself by this frame. REQUIRES: on_hello()
  // has asked for it.
  Result<ClusterId> on_proof(std::span<const std::byte> frame);

  // The reply that decides, with this side's proof if the peer has named a key.
  ReplyFrame sealed(Reply reply);

  // The cluster and the process are told only to those who need not prove anything, or have.
  bool may_know() const { return !own_ || proven_; }

 private:
  const auth::CredentialsPtr own_;
  std::optional<auth::Transcript> transcript_;
  bool proven_ = false;
};

class DialerProof {
 public:
  // `own`: null to prove nothing, and ask for nothing.
  explicit DialerProof(auth::CredentialsPtr own) : own_(std::move(own)) {}

  // The frame of `hello`, which tells its cluster only if nothing is to be proven.
  Result<HelloFrame> begin(Hello hello);

  struct Next {
    Reply reply;                       // Accepted or refused, unless there is a frame to send.
    std::optional<ProofFrame> answer;  // What was asked for.
    Status belief;                     // Not ok: the answer goes out, and this side leaves.
  };
  Result<Next> on_reply(std::span<const std::byte> frame);

 private:
  Next on_challenge(const ReplyFrame& frame, Reply reply);

  const auth::CredentialsPtr own_;
  ClusterId wanted_;
  std::optional<auth::Transcript> transcript_;
  bool answered_ = false;
};

}  // namespace minidfs::actors
