// The transport of a member that has no peers: it opens no port and reaches nobody.
#pragma once

#include "consensus/libraft.hpp"

namespace minidfs::consensus {

void init_solo_transport(raft_uv_transport& transport);

// libraft from 0.17 on wants a version in the transport; 0.15 has no such field.
template <class Transport>
void set_transport_version(Transport& transport) {
  if constexpr (requires { transport.version; }) transport.version = 1;
}

}  // namespace minidfs::consensus
