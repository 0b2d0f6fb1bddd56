// How both ends of a data connection begin: docs/formats.md, "Data plane", Order, and "Proofs".
// What each frame of it leads to, for the data server, for clients and for the nodes of a pipeline
// alike. Values of one connection, without sockets; frames go to the end of a string of the caller.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "auth/credentials.hpp"
#include "auth/proof.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class ServerHandshake {
 public:
  // `own`: null when everybody is let in. `cluster`: none refuses all, but tells why.
  ServerHandshake(ClusterId cluster, NodeId node, auth::CredentialsPtr own,
                  InterfaceVersions versions = own_versions())
      : cluster_(cluster), node_(node), own_(std::move(own)), versions_(versions) {}

  enum class Next : std::uint8_t {
    kListen,  // The peer owes another frame.
    kEnter,   // It may enter if there is room, and is then told so by welcome().
  };
  // Takes the peer's next frame. An error is what it is refused with.
  Result<Next> on_frame(const Frame& frame, std::string& out);

  void welcome(std::string& out);

  // As what the peer comes. REQUIRES: on_frame() was ok, or has refused its proof.
  auth::Role role() const { return role_; }

 private:
  Result<Next> on_hello(const Frame& frame, std::string& out);
  Result<Next> on_proof(const Frame& frame);
  Status check(InterfaceVersions peer, ClusterId wanted) const;

  const ClusterId cluster_;
  const NodeId node_;
  const auth::CredentialsPtr own_;
  const InterfaceVersions versions_;
  InterfaceVersions peer_versions_{};
  auth::Role role_ = auth::Role::kClient;
  std::optional<auth::Transcript> transcript_;
};

class ClientHandshake {
 public:
  // `own`: null to prove nothing, and ask for nothing.
  ClientHandshake(ClusterId cluster, auth::Role role, auth::CredentialsPtr own,
                  InterfaceVersions versions = own_versions())
      : cluster_(cluster), role_(role), own_(std::move(own)), versions_(versions) {}

  // The first frame.
  Status begin(std::string& out);

  // Whether other frames may follow what was given so far.
  bool may_send() const { return may_send_; }
  bool welcomed() const { return version_ != 0; }
  // That both speak; 0 until welcomed(). Frames that it does not know must not be sent.
  InterfaceVersion version() const { return version_; }

  // Takes the server's next frame, which is no Failure. An error: this side leaves, after it has
  // sent what was given.
  Status on_frame(const Frame& frame, std::string& out);

 private:
  Status on_challenge(const Frame& frame, std::string& out);
  Status on_welcome(const Frame& frame);

  const ClusterId cluster_;
  const auth::Role role_;
  const auth::CredentialsPtr own_;
  const InterfaceVersions versions_;
  std::optional<auth::Transcript> transcript_;
  bool may_send_ = false;
  InterfaceVersion version_ = 0;
};

}  // namespace minidfs::transfer
