// What a node of a pipeline knows of the next node, to which it passes on what it receives: whether
// that one can still be used, how long it may be silent, and what becomes of all targets behind
// when it is given up. A value of PipelineReceiver: no clock, socket or thread in it.
//
//               connected            no more blocks will come
//  kConnecting ───────────> kOpen ────────────────────────────> kEnding
//       └─────────────────────┴──── failed, closed, silent ────────┴────> given up, for good
//
// A pipeline has one such link in its life: what is told of one that was given up changes nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transfer/wire.hpp"

namespace minidfs::transfer {

class PipelineForwarder {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    std::chrono::milliseconds connect_timeout{2000};  // Looking up and greeting included.
    std::chrono::milliseconds progress_timeout{5000};
    // The next node may have to wait for memory before it takes anything.
    std::chrono::milliseconds memory_timeout{30'000};
    std::chrono::milliseconds disk_timeout{10'000};
    std::chrono::milliseconds tick_interval{0};  // Nobody is blamed for what a tick is late.
  };

  // REQUIRES: at least one target, the first of which is the next node.
  PipelineForwarder(const Limits& limits, std::vector<metadata::Endpoint> targets, TimePoint now);

  bool usable() const { return !reason_.has_value(); }
  std::size_t target_count() const { return targets_.size(); }
  const std::string& name() const { return name_; }
  // What each target gets. REQUIRES: !usable().
  std::vector<WireStatus> statuses() const;

  void connected(TimePoint now);

  // --- Passing on ---
  void sending_begins(TimePoint now);
  void taken(TimePoint now) { taken_ = now; }  // By the next node: some bytes.
  void sending_ends() { sending_ = false; }
  void no_more_blocks() { state_ = State::kEnding; }

  // --- What it says ---
  void heard(TimePoint now) { heard_ = now; }
  // A sign of life; an error when its disk makes none.
  Status alive(std::chrono::milliseconds disk_stalled, TimePoint now);

  // This process stood still: waits begin anew.
  void excuse(TimePoint now) { heard_ = taken_ = now; }
  // `frames_due`: it has something to answer, and gives signs of life until then. An error when it
  // has been silent, or took nothing, for too long.
  Status tick(TimePoint now, bool frames_due);

  // The first reason counts.
  void give_up(Error reason);

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kEnding };

  Limits limits_;
  std::vector<metadata::Endpoint> targets_;
  std::string name_;  // host:port of the first one.
  State state_ = State::kConnecting;
  std::optional<Error> reason_;
  bool sending_ = false;
  TimePoint heard_;
  TimePoint taken_;
};

}  // namespace minidfs::transfer
