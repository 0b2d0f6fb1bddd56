// What one client has lately noticed of the datanodes: who failed it and who was slow. Shared by
// all its readers and writers, so that each of them need not find out again. Nothing here is
// certain: readers take such nodes last, writers do without them where there are enough others.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace minidfs::client {

// Finds nodes that hold up the blocks they take part in. A block's pace belongs to its whole
// pipeline, so a node is judged by its quickest one: that of a slow node is always slow, while the
// others take part in quick ones as well. Pure: time comes in as an argument.
class PaceBook {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Blocks below this size tell more of fixed costs than of the nodes.
  static constexpr std::uint64_t kBytesMin = 1ULL << 20;
  static constexpr std::size_t kSamples = 3;                    // Of each node; fewer say nothing.
  static constexpr std::chrono::milliseconds kHeldUpMin{1000};  // Of its quickest block.
  static constexpr double kFactor = 4;                          // Times the pace of the quickest.
  static constexpr std::chrono::seconds kSampleLife{60};

  // A block of `bytes` kept its pipeline busy for `duration`. Returns the nodes that are slow by
  // all that is known now.
  std::vector<NodeId> note(std::span<const NodeId> pipeline, std::uint64_t bytes,
                           std::chrono::nanoseconds duration, TimePoint now);

 private:
  struct Sample {
    TimePoint at;
    double seconds_per_mib;
    std::chrono::nanoseconds duration;
  };

  std::map<NodeId, std::deque<Sample>> samples_;  // The newest last.
};

// Thread-safe.
class NodeHealth {
 public:
  // How long a node is avoided. A failed one is soon known to the namenode as well.
  static constexpr std::chrono::seconds kFailedFor{15};
  static constexpr std::chrono::seconds kSlowFor{60};

  void note_failed(NodeId node);
  void note_slow(NodeId node);
  void note_block(std::span<const NodeId> pipeline, std::uint64_t bytes,
                  std::chrono::nanoseconds duration);
  // Gives the failed ones another chance.
  void forgive();

  bool has_failed(NodeId node) const;
  bool is_suspect(NodeId node) const;  // Failed or slow.
  std::vector<NodeId> failed() const;
  std::vector<NodeId> slow() const;

 private:
  using Until = std::map<NodeId, std::chrono::steady_clock::time_point>;
  static std::vector<NodeId> present(const Until& nodes);
  static bool holds(const Until& nodes, NodeId node);

  mutable std::mutex mutex_;
  Until failed_;
  Until slow_;
  PaceBook pace_;
};

}  // namespace minidfs::client
