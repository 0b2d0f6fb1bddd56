#include "actors/block_manager.hpp"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

using metadata::BlockRange;
using metadata::NodeIndex;

// Bounds of one allocation, far above what a client of ours asks for.
constexpr std::uint32_t kPipelinesMax = 64;
constexpr std::uint32_t kBlocksPerPipelineMax = 4096;

Status check_request(const AllocateBlocks& request) {
  if (request.pipelines > kPipelinesMax || request.blocks_per_pipeline > kBlocksPerPipelineMax ||
      request.blocks_per_pipeline == 0 || request.replication == 0) {
    return Error{Errc::kInvalidArgument,
                 "allocation of " + std::to_string(request.pipelines) + " pipelines of " +
                     std::to_string(request.blocks_per_pipeline) + " blocks with replication " +
                     std::to_string(request.replication)};
  }
  return {};
}

std::vector<BlockId> ids_of(std::span<const BlockRange> ranges) {
  std::vector<BlockId> ids;
  for (const auto& range : ranges) {
    for (std::uint64_t i = 0; i < range.count; ++i) ids.push_back(BlockId{range.first.value + i});
  }
  return ids;
}

}  // namespace

BlockManager::BlockManager(BlockManagerOptions options, OwnerLookup owners, TimePoint now)
    : options_(std::move(options)),
      owners_(std::move(owners)),
      started_(now),
      random_(options_.seed),
      registry_(options_.nodes),
      sessions_(metadata::SessionId{(random_() >> 1) + 1}, options_.sessions),
      orphans_(options_.orphans),
      safe_mode_(options_.safe_mode),
      repair_work_(options_.repair_work),
      last_report_(random_() >> 32) {}

Result<std::vector<NodeIndex>> BlockManager::targets_for(const AllocateBlocks& request,
                                                         TimePoint now) {
  metadata::PlacementRequest placement;
  placement.writer_host = request.writer_host;
  placement.block_bytes = request.block_size * request.blocks_per_pipeline;
  placement.wanted = request.replication;
  for (const auto& id : request.excluded) {
    if (const auto* node = registry_.find(id)) placement.excluded.push_back(node->index);
  }
  auto targets = metadata::choose_targets(registry_, placement, options_.placement, random_);
  const auto counts = registry_.counts();
  if (targets.size() < request.replication && now - started_ < options_.settle &&
      request.excluded.empty()) {
    return Error{Errc::kNoDatanode, "only " + std::to_string(counts.live) + " of " +
                                        std::to_string(request.replication) +
                                        " datanodes have registered yet"};
  }
  if (targets.empty() && counts.live + counts.stale > request.excluded.size()) {
    return Error{Errc::kNoSpace, "none of the " + std::to_string(counts.live + counts.stale) +
                                     " live datanodes has " +
                                     std::to_string(placement.block_bytes) + " bytes free"};
  }
  if (targets.empty()) {
    return Error{Errc::kNoDatanode,
                 "no datanode can take the block: " + std::to_string(counts.live) + " live, " +
                     std::to_string(counts.dead) + " dead, " +
                     std::to_string(request.excluded.size()) + " excluded by the writer"};
  }
  for (const auto target : targets) registry_.placed(target, placement.block_bytes);
  return targets;
}

Result<WriteGrant> BlockManager::allocate(const AllocateBlocks& request, TimePoint now) {
  MDFS_CHECK(check_request(request));
  WriteGrant grant;
  grant.session = request.session;
  grant.renew_within_ms = static_cast<std::uint32_t>(options_.sessions.grace.count() / 3);
  if (grant.session == 0) {
    MDFS_TRY(const auto session, sessions_.open(request.client, now));
    grant.session = session.value;
  }
  for (std::uint32_t i = 0; i < request.pipelines; ++i) {
    MDFS_TRY(const auto targets, targets_for(request, now));
    MDFS_TRY(const auto ranges, ids_.allocate(request.blocks_per_pipeline));
    const metadata::SessionId session{grant.session};
    if (!sessions_.is_open(session)) {
      MDFS_CHECK(sessions_.renew(session, request.client, ranges, now));
    } else {
      MDFS_CHECK(sessions_.allocated(session, ranges, now));
    }
    PipelineGrant pipeline;
    pipeline.blocks = ids_of(ranges);
    pipeline.generation = 1;
    for (const auto target : targets) pipeline.targets.push_back(location(target));
    grant.pipelines.push_back(std::move(pipeline));
  }
  return grant;
}

Status BlockManager::renew(const RenewSession& request, TimePoint now) {
  return sessions_.renew(metadata::SessionId{request.session}, request.client, request.blocks, now);
}

Status BlockManager::end_session(const EndSession& request, TimePoint now) {
  std::vector<BlockId> abandoned;
  for (const auto& range : request.abandoned) {
    if (range.count > kPipelinesMax * kBlocksPerPipelineMax) {
      return Error{Errc::kInvalidArgument,
                   "a range of " + std::to_string(range.count) + " abandoned blocks"};
    }
    for (const auto& id : ids_of({&range, 1})) {
      // Only what this writer was given, and not while its own commit is still on the way.
      if (sessions_.last_renewal(id).has_value() && !committing_.contains(id)) {
        abandoned.push_back(id);
      }
    }
  }
  sessions_.close(metadata::SessionId{request.session});
  std::sort(abandoned.begin(), abandoned.end());
  MDFS_TRY(const auto owned, owners_(abandoned));
  for (const auto& block : owned) std::erase(abandoned, block.block.id);
  for (const auto& id : abandoned) {
    if (map_.is_owned(id)) continue;
    abandoned_[id] = now + options_.orphans.grace;
    send_deletes(map_.free_block(id));
  }
  return {};
}

Status BlockManager::commit_proposed(const CommitWrite& request) {
  std::size_t next = 0;
  for (const auto& file : request.change.files) {
    for (const auto& block : file.blocks) {
      if (next >= request.written.size() || request.written[next].block != block.id) {
        return Error{Errc::kInvalidArgument, file.path + ": the commit does not say where block " +
                                                 to_string(block.id) + " was written"};
      }
      if (request.written[next].nodes.empty()) {
        return Error{Errc::kInvalidArgument,
                     file.path + ": block " + to_string(block.id) + " has no replica"};
      }
      const auto known = map_.find(block.id);
      if (known.has_value() && known->freed) {
        return Error{Errc::kExpired, file.path + ": block " + to_string(block.id) +
                                         " was collected because its writer was silent"};
      }
      ++next;
    }
  }
  for (const auto& block : request.written) committing_.insert(block.block);
  return {};
}

void BlockManager::commit_done(const CommitWrite& request,
                               std::span<const metadata::Outcome> outcomes) {
  for (const auto& block : request.written) committing_.erase(block.block);
  std::size_t next = 0;
  for (std::size_t i = 0; i < request.change.files.size(); ++i) {
    const auto& file = request.change.files[i];
    const bool applied = i < outcomes.size() && outcomes[i].ok();
    for (const auto& block : file.blocks) {
      const auto& written = request.written[next++];
      if (!applied) continue;
      absl::InlinedVector<NodeIndex, 4> nodes;
      for (const auto& id : written.nodes) {
        const auto* node = registry_.find(id);
        if (node != nullptr && node->state != metadata::NodeState::kDead) {
          nodes.push_back(node->index);
        }
      }
      map_.commit_block({block, file.replication}, nodes);
    }
  }
}

void BlockManager::blocks_freed(std::span<const RemoveOrder> blocks) {
  for (const auto& block : blocks) send_deletes(map_.free_block(block.block));
}

void BlockManager::locate(std::vector<metadata::LocatedBlock>& blocks,
                          const std::string& reader_host) {
  for (auto& block : blocks) {
    const auto replicas = map_.readable_replicas(block.block.id);
    for (const auto node : metadata::order_for_reading(
             registry_, replicas, {.host = reader_host, .rack = {}}, random_)) {
      block.locations.push_back(location(node));
    }
  }
}

metadata::ReplicaLocation BlockManager::location(NodeIndex node) const {
  const auto& known = registry_.get(node);
  return {known.id, known.data, known.rack};
}

}  // namespace minidfs::actors
