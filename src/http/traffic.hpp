// What an HTTP server does, in numbers that only grow: whoever looks at them now and then sees by
// the differences how much it was.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace minidfs::http {

// At one moment. Requests stand under the power of two of the microseconds that they took, from
// header to end: [2^i, 2^(i+1)).
struct TrafficCounts {
  static constexpr std::size_t kPowers = 32;

  std::uint64_t received_bytes = 0;  // Of bodies.
  std::uint64_t sent_bytes = 0;
  std::array<std::uint64_t, kPowers> requests{};
};

// Thread-safe.
class Traffic {
 public:
  void received(std::uint64_t bytes) { received_.fetch_add(bytes, std::memory_order_relaxed); }
  void sent(std::uint64_t bytes) { sent_.fetch_add(bytes, std::memory_order_relaxed); }
  void served(std::chrono::steady_clock::duration took) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    const auto least = us < 1 ? std::uint64_t{1} : static_cast<std::uint64_t>(us);
    const auto power = static_cast<std::size_t>(std::bit_width(least)) - 1;
    auto& count = requests_[power < TrafficCounts::kPowers ? power : TrafficCounts::kPowers - 1];
    count.fetch_add(1, std::memory_order_relaxed);
  }

  TrafficCounts counts() const {
    TrafficCounts counts;
    counts.received_bytes = received_.load(std::memory_order_relaxed);
    counts.sent_bytes = sent_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < TrafficCounts::kPowers; ++i) {
      counts.requests[i] = requests_[i].load(std::memory_order_relaxed);
    }
    return counts;
  }

 private:
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> sent_{0};
  std::array<std::atomic<std::uint64_t>, TrafficCounts::kPowers> requests_{};
};

}  // namespace minidfs::http
