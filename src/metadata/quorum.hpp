// What one namenode knows of who leads them: its answer to whoever asks, and a part of every
// refusal because it does not lead itself. The newest term counts, whoever tells of it. Not what
// Raft decides by (consensus), which never hears of these.
#pragma once

#include <cstdint>
#include <vector>

#include "metadata/types.hpp"

namespace minidfs::metadata {

// A namenode among others: chosen at random once for its directory; 0 is none.
using QuorumId = std::uint64_t;

struct QuorumMember {
  QuorumId id = 0;
  Endpoint address;  // As it announced it last: a hint of where to find it.

  friend bool operator==(const QuorumMember&, const QuorumMember&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, QuorumMember& x) {
  return f(x.id, x.address);
}

struct QuorumView {
  QuorumId self = 0;       // Who says so; 0: nobody who takes part.
  std::uint64_t term = 0;  // The newest that it has heard of.
  // Of that term; 0: none that it knows. Itself only once it serves as one, with all that was
  // acknowledged before it.
  QuorumId leader = 0;
  std::vector<QuorumMember> members;  // All that may lead or follow, itself among them.

  bool leads() const { return self != 0 && leader == self; }
  friend bool operator==(const QuorumView&, const QuorumView&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, QuorumView& x) {
  return f(x.self, x.term, x.leader, x.members);
}

}  // namespace minidfs::metadata
