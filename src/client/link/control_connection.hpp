// Opens control connections to namenodes on behalf of the link.
#pragma once

#include <atomic>
#include <caf/actor_system.hpp>
#include <chrono>
#include <memory>

#include "actors/interfaces.hpp"
#include "auth/credentials.hpp"
#include "base/ids.hpp"
#include "base/interface_version.hpp"
#include "base/result.hpp"
#include "client/local_namenode.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct Connected {
  actors::NamenodeActor namenode;
  ClusterId cluster;
  InterfaceVersion version = 0;  // That this process and the namenode's speak.
};

struct DialOrder {
  metadata::Endpoint address;
  ClusterId cluster;  // None: any will do.
  std::chrono::milliseconds timeout{};
  bool replace = false;                // A connection that is still there is ended first.
  auth::CredentialsPtr credentials{};  // Null: the cluster has no secret.
  std::shared_ptr<const LocalNamenodes> local{};  // As in LinkOptions.
  // Set when nobody waits for the outcome any more. Not null.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

// Connects, but to a namenode of this process. Blocks for at most the time-out. The error's message
// is only the reason, without the address: "connection refused".
Result<Connected> connect_namenode(caf::actor_system& system, const DialOrder& order);

}  // namespace minidfs::client
