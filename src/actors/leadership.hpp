// How a process takes over the leadership of its namespace: the log is told, before anything is
// granted or ordered, which number the leadership has and which mark its blocks get.
#pragma once

#include <chrono>

#include "base/result.hpp"
#include "consensus/log.hpp"
#include "metadata/block_identity.hpp"
#include "metadata/epoch.hpp"
#include "metadata/namespace_times.hpp"
#include "storage/namespace/namespace_reader.hpp"

namespace minidfs::actors {

struct Leadership {
  metadata::Epoch epoch;
  metadata::BlockMark mark = 0;
};

// The clock of a proposer, which goes on from what is applied. A database that cannot be read stops
// it, which makes nothing wrong: other proposers' clocks hold.
metadata::ClusterClock start_cluster_clock(storage::NamespaceReader& reader,
                                           metadata::TimePoint now);

// A random mark; never 0.
metadata::BlockMark random_mark();

// Logs the leadership that follows the last one, with a mark that was not used before; a namespace
// without a life begins one. Waits for the log, for at most `patience` (kTimedOut). A full disk is
// no hindrance. Not for the log's thread.
Result<Leadership> begin_leadership(consensus::Log& log, storage::NamespaceReader& reader,
                                    std::chrono::milliseconds patience);

}  // namespace minidfs::actors
