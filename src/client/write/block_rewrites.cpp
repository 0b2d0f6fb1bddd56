#include "client/write/block_rewrites.hpp"

#include <utility>

namespace minidfs::client {

std::optional<BlockGrant> BlockRewrites::better_pipeline(std::size_t copies,
                                                         const BlockDemand& demand) {
  if (rewrites_ >= kRewritesMax || copies >= fruitless_from_) return {};
  auto grants = session_.allocate(demand);
  // A namenode that is away for the moment may know one later.
  if (!grants.ok() && grants.error().code != Errc::kNoDatanode) return {};
  if (!grants.ok() || grants->empty() || grants->front().targets.size() <= copies) {
    fruitless_from_ = copies;
    return {};
  }
  ++rewrites_;
  auto& pipeline = grants->front();
  return BlockGrant{pipeline.blocks.front(), pipeline.generation, std::move(pipeline.targets)};
}

}  // namespace minidfs::client
