// Finds replicas to delete among the blocks nobody owns. Pure: time comes as an argument. Owned by
// the namenode's block actor.
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "metadata/block_map.hpp"
#include "metadata/block_types.hpp"
#include "metadata/write_sessions.hpp"

namespace minidfs::metadata {

class OrphanCollector {
 public:
  struct Options {
    std::chrono::milliseconds grace{300'000};        // Since taken in or last protected.
    std::chrono::milliseconds repeat_after{30'000};  // An unconfirmed deletion is asked for again.
    // A round takes in so many blocks that became unowned, and looks at so many that are due.
    std::size_t blocks_max = 4'096;
  };
  OrphanCollector() : OrphanCollector(Options{}) {}
  explicit OrphanCollector(Options options) : options_(options) {}

  struct Situation {
    bool safe_mode = true;
    bool all_live_reported = false;
  };
  // The blocks whose replicas may be deleted as far as the map and the sessions know, in order of
  // id. Nothing in safe mode or before all live nodes have reported. However many became unowned or
  // are due, a round takes a bounded time: the next ones do the rest.
  std::vector<BlockId> due(BlockMap& map, const WriteSessions& sessions, const Situation& situation,
                           TimePoint now);
  // Whatever was taken in has the whole grace before it.
  void begin_again(TimePoint now);
  std::size_t tracked() const { return due_of_.size(); }

 private:
  void schedule(BlockId block, TimePoint due);
  void forget(BlockId block);

  Options options_;
  absl::btree_map<BlockId, TimePoint> due_of_;            // When the block is looked at next.
  absl::btree_set<std::pair<TimePoint, BlockId>> queue_;  // The same, by time.
};

}  // namespace minidfs::metadata
