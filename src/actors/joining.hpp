// How a namenode with an empty directory becomes a member of a cluster: asks those that it was told
// of, and whom they name, until the one that leads has it in the log.
#pragma once

#include <caf/actor_system.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "actors/interfaces.hpp"
#include "auth/credentials.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "consensus/types.hpp"
#include "metadata/types.hpp"

namespace minidfs::actors {

struct JoinOptions {
  std::vector<metadata::Endpoint> members;  // At least one, of any.
  std::string address;                      // Where others will reach this one, HOST:PORT.
  auth::CredentialsPtr credentials{};
  // While nobody can be asked, or nobody leads. Who is told to wait waits as long as it takes.
  std::chrono::milliseconds patience{10'000};
  std::chrono::milliseconds connect_timeout{2'000};
};

struct JoinedCluster {
  ClusterId cluster;
  consensus::MemberId member = 0;
  consensus::Index since = 0;
};

// Blocks. Errors name whom was asked, and why it will not be: one that another try could not end is
// returned at once.
Result<JoinedCluster> join_cluster(caf::actor_system& system, const JoinOptions& options);

}  // namespace minidfs::actors
