// The thread that holds this member's connection to another one: dials when that is due, and says
// now and then that this one lives. Ends when the connections do.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actors/peers/peer_connections.hpp"
#include "auth/credentials.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"

namespace minidfs::actors {

struct PeerDialOptions {
  ClusterId cluster;
  auth::CredentialsPtr credentials{};
  InterfaceVersions versions = own_versions();
  std::chrono::milliseconds timeout{2'000};  // Of one try.
  // Refused for so long as another process under this member's id, it will not be let in.
  std::chrono::milliseconds twin_for{5'000};
  std::function<void(const Error&)> on_twin{};
};

class PeerDialler {
 public:
  // All outlive it. `face`: as whom this side speaks.
  PeerDialler(consensus::MemberId member, const PeerDialOptions& options, caf::actor_system& system,
              caf::strong_actor_ptr face, std::shared_ptr<PeerConnections> connections);
  // Cancels what is under way. REQUIRES: the connections have ended.
  ~PeerDialler();

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void remind(const std::vector<PeerSight>& sights);
  void dial(const std::string& address);
  // False when there was nothing to be made any more.
  Result<bool> connect(const std::string& address);
  void note(const Error& error, const std::string& address);

  const consensus::MemberId member_;
  const PeerDialOptions& options_;
  caf::actor_system& system_;
  const caf::strong_actor_ptr face_;
  const std::shared_ptr<PeerConnections> connections_;
  std::atomic<bool> cancelled_{false};

  // Its thread only.
  ProcessId process_;  // That answered last.
  std::string noted_;  // What was logged last, of tries that failed.
  std::optional<Clock::time_point> twin_since_;
  bool twin_told_ = false;

  std::thread thread_;
};

}  // namespace minidfs::actors
