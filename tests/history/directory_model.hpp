// What a directory does when operations come one after another: the specification that histories
// are held to. HDFS's rules, as src/metadata/namespace_rules.hpp has them, for files that lie side
// by side.
#pragma once

#include <vector>

#include "history/history.hpp"

namespace minidfs::history {

// The value of each name of the history.
using DirectoryState = std::vector<Value>;

// Carries the operation out. Whether its answer is what it answers in this state; one whose answer
// is unknown may always be carried out.
bool carry_out(const Operation& operation, DirectoryState& state);

}  // namespace minidfs::history
