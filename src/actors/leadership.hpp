// What a leadership draws and goes on from.
#pragma once

#include "metadata/block_identity.hpp"
#include "metadata/namespace_times.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::actors {

// The clock of a proposer, which goes on from what is applied. A database that cannot be read stops
// it, which makes nothing wrong: other proposers' clocks hold.
metadata::ClusterClock start_cluster_clock(storage::NamespaceReader& reader,
                                           metadata::TimePoint now);

// A random mark; never 0.
metadata::BlockMark random_mark();

}  // namespace minidfs::actors
