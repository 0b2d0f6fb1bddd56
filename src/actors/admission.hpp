// The gate of the control plane. A ControlListener owns the listening socket and one thread that
// leads each new connection through the handshake of docs/formats.md, "Control plane"; only sockets
// that pass leave it. CAF's parser, which does not survive hostile bytes, never sees any other.
// dial_control is the connecting side. Nothing here knows CAF.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/admission_format.hpp"
#include "actors/connection_registry.hpp"
#include "base/file.hpp"
#include "base/result.hpp"
#include "net/connection_shares.hpp"
#include "net/listen.hpp"

namespace minidfs::actors {

struct AdmissionOptions {
  // A name or an address, of which every address is listened on; empty is every interface.
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one, see ControlListener::port().
  ClusterId cluster{};     // Refuses those who name another; none admits all.
  // Refuses those who cannot prove that they know this secret; null admits all.
  auth::CredentialsPtr credentials{};
  ProcessId process{};  // Of this process; see control_process_id().
  InterfaceVersions versions = own_versions();
  std::chrono::milliseconds handshake_timeout{5'000};
  // Strangers are connections that are not accepted yet, members all others, datanodes peers.
  net::ConnectionShares::Limits shares{.spare_after = std::chrono::milliseconds(1'000)};
  // Of an admitted connection that carries nothing in either direction. Far above the time between
  // two heartbeats; a client connects anew when it has something to ask again.
  std::chrono::milliseconds idle_timeout{600'000};
};

struct AdmissionStats {
  std::uint64_t accepted = 0;  // Sockets handed on.
  std::uint64_t refused = 0;   // Got a reply with a reason.
  std::uint64_t dropped = 0;   // Closed without one: no hello, too slow, or pushed out.
  std::uint64_t cut = 0;       // Admitted and then closed, because they stood idle.
  std::size_t pending = 0;
  std::size_t admitted = 0;  // Open now.
};

struct AdmittedConnection {
  UniqueFd fd;                    // Non-blocking.
  Hello hello;                    // A version of the interface is in common.
  std::string peer;               // "address:port", for logs.
  ConnectionRegistry::Slot slot;  // Declared after fd, because it must end before the socket.
};

// Where namenodes that are members of the log enter: their connections are those of another part of
// this process, which does not share its own with clients. All is called on the listener's thread
// and must not block.
struct MemberDoor {
  ProcessId process{};  // Of that part, told to members in the place of AdmissionOptions::process.
  // Whether the member may come in, with which a version is in common; the error is what it is
  // refused with.
  std::function<Status(const Hello&)> judge;
  // It has confirmed, and is now to be the only one that comes as this member. An error: it is not,
  // and is closed.
  std::function<Status(const Hello&)> claim;
  // Given what has passed, when older connections of that process have ended.
  std::function<void(AdmittedConnection)> admit;
};

class ControlListener {
 public:
  // Called on the listener's thread; must not block.
  using Admit = std::function<void(AdmittedConnection)>;

  // Binds and listens, so that a port in use is known at once. Connections wait in the kernel until
  // start(). kInUse when the address is taken. `held`: is listened on instead, if there is any.
  static Result<std::unique_ptr<ControlListener>> open(AdmissionOptions options,
                                                       net::Listening held = {});

  // Stops the thread and closes the port. Admitted connections go on until their CAF system ends.
  ~ControlListener();

  // Without a door members of the log are refused. REQUIRES: not started yet.
  void start(Admit admit, std::optional<MemberDoor> members = {});

  std::uint16_t port() const;
  const AdmissionOptions& options() const;
  AdmissionStats stats() const;  // Any thread.
  // Tells whether a process has an admitted connection under this role, members of the log not
  // counted. Any thread; may outlive the listener.
  std::function<bool(ProcessId)> admitted_as(auth::Role role) const;

  // All that are admitted.
  const std::shared_ptr<ConnectionRegistry>& registry() const;

  // Ends every admitted connection, e.g. before the process goes.
  void cut_all();

 private:
  class Impl;
  explicit ControlListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct DialOptions {
  auth::Role role = auth::Role::kClient;
  ClusterId cluster{};  // None: any cluster will do.
  ProcessId process{};
  std::chrono::milliseconds timeout{5'000};  // For connecting and the handshake together.
  // Proven to the other side, which has to prove it as well; null proves and asks nothing.
  auth::CredentialsPtr credentials{};
  consensus::MemberId member = 0;        // As in Hello.
  consensus::MemberId wanted = 0;        // Likewise.
  const std::atomic<bool>* cancelled{};  // True ends the connecting, with kCancelled.
  InterfaceVersions versions = own_versions();
};

// An admitted connection as the connecting side has it; the server waits for the confirmation.
struct DialedConnection {
  UniqueFd fd;
  ClusterId cluster{};           // The server's.
  ProcessId process{};           // The server's.
  InterfaceVersion version = 0;  // That both speak.
  InterfaceVersion newest = 0;   // That the server speaks.
};

// Blocks the calling thread until the deadline at the latest (and for the look-up of a name).
// Errors name host, port and reason: kUnavailable, kTimedOut, kWrongCluster, kUnsupported,
// kProtocol, kPermissionDenied over the secret, or what the server gave as its reason.
Result<DialedConnection> dial_control(const std::string& host, std::uint16_t port,
                                      const DialOptions& options);

Status confirm_control(const DialedConnection& connection, Confirmation confirmation);

}  // namespace minidfs::actors
