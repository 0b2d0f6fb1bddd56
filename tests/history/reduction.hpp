// The part of a violated history that shows the violation, for people to read.
#pragma once

#include "history/history.hpp"

namespace minidfs::history {

// Nothing in it is forged: it ends with the first return that cannot be explained, calls that have
// no return by then are unknown, and reads and changes that were refused are left out as long as it
// is still violated. REQUIRES: judge(history) is kViolated.
DirectoryHistory smallest_violation(const DirectoryHistory& history);

}  // namespace minidfs::history
