// How a client, or a datanode that copies, speaks to datanodes: whom it means and how patient it
// is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "auth/credentials.hpp"
#include "base/ids.hpp"

namespace minidfs::transfer {

struct ConnectionOptions {
  ClusterId cluster;
  auth::Role role = auth::Role::kClient;
  auth::CredentialsPtr credentials{};  // Proven in both directions; null: nothing is.
  std::chrono::milliseconds connect_timeout{2000};
  std::chrono::milliseconds handshake_timeout{0};  // 0: the progress time-out.
  // A peer that neither takes nor gives anything for so long (not even a sign of life) is given up.
  std::chrono::milliseconds progress_timeout{5000};
  // Pipelines only: a node whose disk has work and has made no progress for so long is given up.
  std::chrono::milliseconds disk_timeout{10'000};
  // Pipelines only: its blocks are copies that nobody waits for. The nodes keep them out of their
  // page caches, where they would take the place of what clients use.
  bool background = false;
  // Pipelines only: how many of its nodes stand before the one that is connected to.
  std::uint8_t nodes_ahead = 0;
  // Blocking calls only: when this is set, those that wait end with kCancelled within a tenth of a
  // second. May be null; outlives the connection.
  const std::atomic<bool>* cancelled = nullptr;
};

}  // namespace minidfs::transfer
