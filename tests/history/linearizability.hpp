// Whether a history could have happened in one order: each operation at one moment between its call
// and its return, with the answer that a directory gives to operations that come one by one.
//
// The search is that of J. Wing and C. Gong ("Testing and verifying concurrent objects", 1993) with
// the list of open operations and the memory of configurations of G. Lowe ("Testing for
// linearizability", 2017): a set of operations that are done, with the state that they led to, is
// looked at once, in whatever order they were done. And what changes nothing is done as soon as its
// answer is right, and nothing else is tried in its place: any order that works with it later works
// with it now.
#pragma once

#include <cstdint>

#include "history/history.hpp"

namespace minidfs::history {

enum class Verdict : std::uint8_t { kLinearizable, kViolated, kUndecided };

// A configuration takes some 200 bytes. Histories of 300 operations of 8 clients need some
// thousand.
inline constexpr std::uint64_t kConfigurationsMax = 1'000'000;

// kUndecided when more than `configurations_max` would have to be looked at.
Verdict judge(const DirectoryHistory& history,
              std::uint64_t configurations_max = kConfigurationsMax);

}  // namespace minidfs::history
