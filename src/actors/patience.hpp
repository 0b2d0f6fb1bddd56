// How long the one who asks waits for the answer, and how old that may be. Goes in front of every
// request of a client, so that a request whose asker has given up, or has asked again elsewhere, is
// not carried out.
#pragma once

#include <caf/meta/load_callback.hpp>
#include <caf/meta/save_callback.hpp>
#include <chrono>
#include <cstdint>

namespace minidfs::actors {

// A moment of the steady clock in each process, milliseconds left on the wire: the clocks of two
// machines need not agree. What a message waits for on its way is not counted.
struct Patience {
  using TimePoint = std::chrono::steady_clock::time_point;

  TimePoint until = TimePoint::max();
  TimePoint arrived{};  // In this process; none where the message did not come from another one.
  std::uint32_t left_ms =
      kEndless;  // As it was sent; what a message of this process does not need.
  // A read may lack what was answered to others in the last so many milliseconds, and then any
  // namenode may answer it; 0: it lacks nothing.
  std::uint32_t stale_ms = 0;

  static constexpr std::uint32_t kEndless = ~std::uint32_t{0};

  static std::uint32_t left_at(TimePoint until, TimePoint now) {
    if (until == TimePoint::max()) return kEndless;
    if (until <= now) return 0;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now).count();
    return left < kEndless ? static_cast<std::uint32_t>(left) : kEndless;
  }
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, Patience& x) {
  using std::chrono::steady_clock;
  const auto save = [&]() -> caf::error {
    x.left_ms = Patience::left_at(x.until, steady_clock::now());
    return caf::none;
  };
  const auto load = [&]() -> caf::error {
    x.arrived = steady_clock::now();
    x.until = x.left_ms == Patience::kEndless ? Patience::TimePoint::max()
                                              : x.arrived + std::chrono::milliseconds(x.left_ms);
    return caf::none;
  };
  return f(caf::meta::save_callback(save), x.left_ms, x.stale_ms, caf::meta::load_callback(load));
}

}  // namespace minidfs::actors
