// What a leader knows of another member.
//
//            accepted              too old for the log
//  kProbing ──────────> kStreaming ──────────────────> kSeeding
//     ^  ^   refused         │                            │
//     │  └───────────────────┘                            │
//     └───────────────────────────────────────────────────┘ seeded, or that failed
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "consensus/raft/inflights.hpp"

namespace minidfs::consensus {

struct FollowerProgress {
  enum class State : std::uint8_t {
    kProbing,    // One Append at a time, until it is known where the logs part.
    kStreaming,  // As much as Inflights allow.
    kSeeding,    // Signs of life only.
  };

  State state = State::kProbing;
  Index matched = 0;    // As the leader's log, and durable there. Only grows in a term.
  Index next = 1;       // To be sent; above matched.
  bool probed = false;  // A probe waits for its answer.
  Inflights inflights;
  std::uint64_t round = 0;  // The newest that it has answered.
  std::uint64_t asked = 0;  // The newest that a sign of life told it.
  std::chrono::steady_clock::time_point asked_at{};
  std::chrono::steady_clock::duration answers_in{};  // What the last answer to one took.
  Index applied = 0;
  std::optional<DiskCondition> disk;  // As it said last.
  std::chrono::steady_clock::time_point heard_at{};

  // Every sign of life, of which there was one.
  bool answered_all() const { return round > 0 && round >= asked; }
  void probe(Index from) {
    state = State::kProbing;
    next = from;
    probed = false;
    inflights.clear();
  }
  void stream() {
    state = State::kStreaming;
    next = matched + 1;
    inflights.clear();
  }
};

}  // namespace minidfs::consensus
