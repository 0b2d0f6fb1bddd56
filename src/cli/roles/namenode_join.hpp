// How a namenode comes by its directory: one that has been used goes on; an empty one becomes that
// of a new cluster, or, with --join, of a member of a cluster that there is.
#pragma once

#include <caf/actor_system.hpp>
#include <optional>
#include <string>

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "net/listen.hpp"
#include "storage/namespace/namenode_directory.hpp"

namespace minidfs::cli {

struct NamenodePlace {
  storage::NamenodeDirectory directory;
  // The port that the cluster was told, since then; empty when it was told of none.
  net::Listening held{};
};

// Blocks while it joins. Errors name the directory, or who was asked.
Result<NamenodePlace> namenode_place(const Config& config, const std::string& data_dir,
                                     const auth::CredentialsPtr& credentials,
                                     caf::actor_system& system);

// The directory of a member that cannot go on, as `why` (kCorrupt) says: its log or its database is
// damaged, or was rolled back. When it knows others of its cluster it asks them to be taken in
// under another id, in its own place; only when that is done what it had is given up, and this
// returns the port that they were told: it begins anew. None when it was alone: nothing was
// changed.
Result<std::optional<net::Listening>> join_anew(const Config& config, const std::string& data_dir,
                                                const auth::CredentialsPtr& credentials,
                                                caf::actor_system& system, const Error& why);

}  // namespace minidfs::cli
