// That a member is connected to another one, and by which process: what members tell each other, so
// that two processes under one id are noticed although each has other members around it. Pure.
#pragma once

#include <cstdint>

#include "actors/admission_format.hpp"
#include "consensus/types.hpp"

namespace minidfs::actors {

struct PeerSight {
  consensus::MemberId member = 0;
  ProcessId process;
  std::uint64_t held_ms = 0;  // So long the connection stands.
  // A process under the same id that the receiver has told of, and is to cut; none: there is none.
  ProcessId refused;

  friend bool operator==(const PeerSight&, const PeerSight&) = default;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, PeerSight& x) {
  return f(x.member, x.process, x.held_ms, x.refused);
}

}  // namespace minidfs::actors
