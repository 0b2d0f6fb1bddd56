// Modes and times of what was written, set to those of its local sources. For directories, whose
// times change with what is put in them; files are committed with theirs.
#pragma once

#include <vector>

#include "client/client_context.hpp"
#include "client/failures.hpp"

namespace minidfs::client {

// Each that fails is noted; an error is one that all of them would meet.
Status preserve_attributes(ClientContext& context, const std::vector<LocalFile>& files,
                           Failures& failures);

}  // namespace minidfs::client
