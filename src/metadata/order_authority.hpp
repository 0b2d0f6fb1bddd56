// Whose orders a datanode obeys: of all namenodes that it is registered with the one that leads, by
// the newest leadership. Shared by the node's memberships, one for each namenode
// (metadata/membership.hpp). Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "metadata/block_types.hpp"
#include "metadata/epoch.hpp"

namespace minidfs::metadata {

class OrderAuthority {
 public:
  // Between two writes of a changed change number; leaderships are kept at once.
  static constexpr std::chrono::milliseconds kKeepInterval{10'000};

  // `known` is what the disk says.
  explicit OrderAuthority(const KnownEpoch& known) : known_(known), kept_(known) {}

  // The newest that a namenode which is obeyed has told.
  const KnownEpoch& known() const { return known_; }
  bool obeys(const Epoch& leader) const { return leader == known_.epoch; }

  // A namenode that leads, and is not behind what this node knows, has taken it in. It is obeyed
  // from now on and all others are not, unless a later leadership is known.
  void take(const KnownEpoch& told) {
    if (known_.epoch.follows(told.epoch)) return;
    if (told.epoch.life != known_.epoch.life) known_.change = 0;
    known_.epoch = told.epoch;
    known_.change = std::max(known_.change, told.change);
  }

  // One that is obeyed has applied this change. Returns what is to be kept on disk, if it is time.
  std::optional<KnownEpoch> note_change(std::uint64_t change, TimePoint now) {
    known_.change = std::max(known_.change, change);
    if (now - kept_at_ < kKeepInterval) return std::nullopt;
    return take_unkept(now);
  }
  // What is known and not on disk yet; it is there from now on.
  std::optional<KnownEpoch> take_unkept(TimePoint now) {
    if (known_ == kept_) return std::nullopt;
    kept_ = known_;
    kept_at_ = now;
    return kept_;
  }

  // Whether a namenode that is registered with says that it leads.
  bool is_led() const { return led_; }
  void set_led(bool led) { led_ = led; }

  // --- Fences: an order carries the number of the last one, and those of earlier numbers are void.

  // The known epoch goes to the disk with it.
  std::uint64_t begin_fence(TimePoint now) {
    kept_ = known_;
    kept_at_ = now;
    return ++fence_;
  }
  std::uint64_t fence() const { return fence_; }

 private:
  KnownEpoch known_;
  KnownEpoch kept_;  // What the disk was last told.
  TimePoint kept_at_{};
  std::uint64_t fence_ = 0;
  bool led_ = false;
};

}  // namespace minidfs::metadata
