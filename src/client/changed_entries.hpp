// Changes of many entries in few requests, each independently of the others.
#pragma once

#include <vector>

#include "client/client_context.hpp"
#include "client/failures.hpp"
#include "metadata/changes.hpp"

namespace minidfs::client {

// Each that fails is noted; an error is one that all of them would meet.
Status set_attributes(ClientContext& context, const std::vector<metadata::EntryAttributes>& entries,
                      Failures& failures);
Status set_owner(ClientContext& context, const std::vector<metadata::EntryOwner>& entries,
                 Failures& failures);

}  // namespace minidfs::client
