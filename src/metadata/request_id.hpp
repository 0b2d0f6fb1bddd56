// Under which a client asks for a change of the namespace.
#pragma once

#include <cstdint>

#include "base/ids.hpp"

namespace minidfs::metadata {

// Names a client's request, so that one that is asked twice is done once (the answer of the first
// time is kept in the replicated state). A none `client` asks for no such protection.
struct RequestId {
  ClientId client;
  std::uint64_t sequence = 0;            // 1, 2, 3, … for each client.
  std::uint64_t acknowledged_below = 0;  // The client has the answers of all smaller sequences.
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, RequestId& x) {
  return f(x.client, x.sequence, x.acknowledged_below);
}

}  // namespace minidfs::metadata
