// Finds other pipelines for a block whose own one has lost nodes, in the middle of the block or at
// its end. See docs/decisions/young-blocks-begin-again.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "client/write/write_session.hpp"

namespace minidfs::client {

// A block with copies missing is written again when no more than this was sent of it. Larger ones
// would hold their writer up for too long: the namenode has them copied after the commit.
inline constexpr std::uint64_t kRewriteBytesMax = 256ULL << 20;
// How often a block is written again only because it has fewer copies than its pipeline had nodes.
inline constexpr int kRewritesMax = 3;

// For one block, and for one thread at a time.
class BlockRewrites {
 public:
  explicit BlockRewrites(WriteSession& session) : session_(session) {}

  // A pipeline that the block shall be written to again because it has more nodes than the `copies`
  // that are left of it. None when the namenode knows no such pipeline, knew none when it was last
  // asked for so many copies, or the block was written again often enough.
  std::optional<BlockGrant> better_pipeline(std::size_t copies, const BlockDemand& demand);

 private:
  WriteSession& session_;
  int rewrites_ = 0;
  std::size_t fruitless_from_ = SIZE_MAX;  // No pipeline had more nodes than this.
};

}  // namespace minidfs::client
