// Questions to the namespace that are on their way: which of some blocks a file owns. The answer is
// read from the database, on another thread, and may be older than an applied change whose effects
// have reached the block map meanwhile; then it has to be asked again. A plain value; owned by the
// namenode's block manager.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ids.hpp"

namespace minidfs::metadata {

class OwnerQuestions {
 public:
  // `blocks` in order of id. Returns the question's number.
  std::uint64_t begin(std::vector<BlockId> blocks);
  // An effect of an applied change said something of the block.
  void touched(BlockId block);
  // The question is over. True when nothing was said of its blocks since it began.
  // REQUIRES: begun and not ended.
  bool end(std::uint64_t number);

  std::size_t open() const { return open_.size(); }

 private:
  struct Question {
    std::vector<BlockId> blocks;
    bool touched = false;
  };
  absl::btree_map<std::uint64_t, Question> open_;
  std::uint64_t last_ = 0;
};

}  // namespace minidfs::metadata
