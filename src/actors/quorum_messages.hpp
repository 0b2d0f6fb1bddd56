// What anybody may ask any namenode about who leads; see messages.hpp.
#pragma once

#include "metadata/quorum.hpp"

namespace minidfs::actors {

// Answered with a QuorumView by every namenode that runs, whatever else waits for it.
struct WhoLeads {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, WhoLeads&) {
  return f();
}

}  // namespace minidfs::actors
