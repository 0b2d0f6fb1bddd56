// Opens control connections to namenodes on behalf of the link.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/interfaces.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "client/link/namenode_link.hpp"
#include "metadata/types.hpp"

namespace minidfs::client {

struct Connected {
  actors::NamenodeActor namenode;
  ClusterId cluster;
};

// Blocks for at most options.connect_timeout. With `replace` a connection that is still there is
// ended first. The error's message is only the reason, without the address: "connection refused".
Result<Connected> connect_namenode(caf::actor_system& system, const metadata::Endpoint& address,
                                   const LinkOptions& options, bool replace);

}  // namespace minidfs::client
