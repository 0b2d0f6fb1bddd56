// The change of the namespace that a commit asks for.
#pragma once

#include "actors/client_messages.hpp"
#include "base/result.hpp"
#include "metadata/changes.hpp"

namespace minidfs::actors {

// kInvalidArgument when its files, times and staged blocks do not fit together. Pure.
Result<metadata::Change> change_of(const CommitWrite& commit);

}  // namespace minidfs::actors
