// The lines of a log about connections that were refused. Strangers cause them, and peers that do
// not know better and try again for ever: so there is one a minute of a peer and a reason, which
// tells how many were kept back, and few in all (LogLimit).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log_limit.hpp"

namespace minidfs {

// Any thread.
class RefusalLog {
 public:
  using Clock = LogLimit::Clock;

  // The line to write now, if any. `peer`: "address:port"; `what`: the rest, such as "as a client
  // is refused: ..."; `who`: what tells this peer from others that it may share its machine with,
  // if that is known.
  std::optional<std::string> line(const std::string& peer, const std::string& what,
                                  const std::string& who = {},
                                  Clock::time_point now = Clock::now()) {
    const std::lock_guard lock(mutex_);
    Kind& kind = kind_of(peer.substr(0, peer.rfind(':')) + ' ' + who + ' ' + what, now);
    if (now < kind.due || !limit_.allow(now)) {
      ++kind.kept_back;
      return std::nullopt;
    }
    std::string line = "the connection of " + peer + ' ' + what;
    if (kind.kept_back > 0)
      line += " (" + std::to_string(kind.kept_back) + " more since last told)";
    kind.kept_back = 0;
    kind.due = now + kBetween;
    return line;
  }

 private:
  static constexpr std::chrono::minutes kBetween{1};
  static constexpr std::size_t kKindsMax = 64;

  struct Kind {
    std::string text;
    Clock::time_point met;  // Last.
    Clock::time_point due;
    std::uint64_t kept_back = 0;
  };

  // A new one takes the place of the one that was met the longest ago.
  Kind& kind_of(std::string text, Clock::time_point now) {
    auto at = std::find_if(kinds_.begin(), kinds_.end(),
                           [&](const Kind& kind) { return kind.text == text; });
    if (at == kinds_.end() && kinds_.size() < kKindsMax) {
      at = kinds_.insert(at, Kind{std::move(text), now, now});
    } else if (at == kinds_.end()) {
      at = std::min_element(kinds_.begin(), kinds_.end(),
                            [](const Kind& a, const Kind& b) { return a.met < b.met; });
      *at = Kind{std::move(text), now, now};
    }
    at->met = now;
    return *at;
  }

  std::mutex mutex_;
  LogLimit limit_;
  std::vector<Kind> kinds_;
};

}  // namespace minidfs
