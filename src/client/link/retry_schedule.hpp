// When a failed request is asked again. Pure: time and randomness come in as arguments.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.hpp"

namespace minidfs::client {

// Delays that double from a first to a longest one, each shortened at random by up to half, so that
// many clients that lost the same namenode do not come back in step.
class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{50};
  static constexpr std::chrono::milliseconds kLongest{1000};

  // `random` is any 64 random bits.
  std::chrono::milliseconds next(std::uint64_t random);
  void reset() { delay_ = kFirst; }

 private:
  std::chrono::milliseconds delay_ = kFirst;
};

enum class RetryClass : std::uint8_t {
  kNever,      // The answer is final.
  kSamePlace,  // The namenode is right, the moment was wrong.
  kElsewhere,  // Another namenode, or a new connection, is needed.
};

// What an error that the namenode answered with means for the same request.
RetryClass retry_class(Errc code);

// For error texts: "10 s", "500 ms".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace minidfs::client
