#include "actors/block_manager.hpp"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "base/logging.hpp"
#include "base/random_id.hpp"

namespace minidfs::actors {
namespace {

using metadata::BlockRange;
using metadata::NodeIndex;

// Bounds of one allocation, far above what a client of ours asks for.
constexpr std::uint32_t kPipelinesMax = 64;
constexpr std::uint32_t kBlocksPerPipelineMax = 4096;
constexpr std::size_t kExcludedMax = 4096;
constexpr std::uint64_t kGrantedGeneration = 1;
// Of one entry of the log, and of what follows when it is applied.
constexpr std::size_t kRetiredRangesMax = 4096;
constexpr std::uint64_t kRetiredIdsMax = 8192;
constexpr std::size_t kDroppedAtOnceMax = 64;  // Staged files with one tick.

Status check_request(const AllocateBlocks& request) {
  if (request.pipelines > kPipelinesMax || request.blocks_per_pipeline > kBlocksPerPipelineMax ||
      request.blocks_per_pipeline == 0 || request.replication == 0) {
    return Error{Errc::kInvalidArgument,
                 "allocation of " + std::to_string(request.pipelines) + " pipelines of " +
                     std::to_string(request.blocks_per_pipeline) + " blocks with replication " +
                     std::to_string(request.replication)};
  }
  if (request.excluded.size() > kExcludedMax) {
    return Error{Errc::kTooLarge, "allocation with " + std::to_string(request.excluded.size()) +
                                      " excluded datanodes"};
  }
  if (request.block_size > metadata::BlockMap::kLengthMax) {
    return Error{Errc::kInvalidArgument,
                 "blocks of " + std::to_string(request.block_size) + " bytes"};
  }
  return {};
}

// What a commit says of one block, against what was granted.
Status check_written(const metadata::CommittedFile& file, const metadata::Block& block,
                     const WrittenBlock* written) {
  if (written == nullptr || written->block != block.id) {
    return Error{Errc::kInvalidArgument, file.path + ": the commit does not say where block " +
                                             to_string(block.id) + " was written"};
  }
  if (written->nodes.empty()) {
    return Error{Errc::kInvalidArgument,
                 file.path + ": block " + to_string(block.id) + " has no replica"};
  }
  if (block.generation != kGrantedGeneration || block.length > file.block_size ||
      block.length > metadata::BlockMap::kLengthMax) {
    return Error{Errc::kInvalidArgument,
                 file.path + ": block " + to_string(block.id) + " of generation " +
                     std::to_string(block.generation) + " and " + std::to_string(block.length) +
                     " bytes, granted was generation " + std::to_string(kGrantedGeneration) +
                     " and at most " + std::to_string(file.block_size) + " bytes"};
  }
  return {};
}

Error given_up(const std::string& path, BlockId block) {
  return {Errc::kExpired,
          path + ": block " + to_string(block) + " was given up because its writer was silent"};
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
      grants_(options_.reports),
      safe_mode_(options_.safe_mode),
      repair_work_(options_.repair_work),
      last_report_(random_() >> 32) {
  balance_number_ = random_() >> 32;
  office_.epoch = options_.epoch;
}

Result<std::vector<NodeIndex>> BlockManager::targets_for(const AllocateBlocks& request,
                                                         TimePoint now) {
  metadata::PlacementRequest placement;
  placement.writer_host = request.writer_host;
  if (const auto* own = node_named(request.writer_host)) {
    placement.writer_host = own->host;
    placement.writer_node = own->index;
  }
  placement.block_bytes = request.block_size * request.blocks_per_pipeline;
  placement.wanted = request.replication;
  for (const auto& id : request.excluded) {
    if (const auto* node = registry_.find(id)) placement.excluded.push_back(node->index);
  }
  auto targets = metadata::choose_targets(registry_, placement, options_.placement, random_);
  if (targets.size() < request.replication && now - started_ < options_.settle &&
      request.excluded.empty()) {
    return Error{Errc::kNoDatanode, "only " + std::to_string(registry_.counts().live) + " of " +
                                        std::to_string(request.replication) +
                                        " datanodes have registered yet"};
  }
  if (targets.empty()) {
    auto error = metadata::no_target(registry_, placement, options_.placement);
    if (error.code == Errc::kNoSpace) error.message += bad_disks_text();
    return error;
  }
  for (const auto target : targets) registry_.placed(target, placement.block_bytes);
  return targets;
}

Result<WriteGrant> BlockManager::allocate(const AllocateBlocks& request, TimePoint now) {
  MDFS_CHECK(check_request(request));
  WriteGrant grant;
  grant.session = request.session;
  grant.renew_within_ms = static_cast<std::uint32_t>(options_.sessions.grace.count() / 3);
  std::vector<BlockRange> granted;
  for (std::uint32_t i = 0; i < request.pipelines; ++i) {
    MDFS_TRY(const auto targets, targets_for(request, now));
    MDFS_TRY(const auto ranges, ids_.allocate(request.blocks_per_pipeline));
    mark_is_unused_ = false;
    PipelineGrant pipeline;
    pipeline.blocks = ids_of(ranges);
    pipeline.generation = kGrantedGeneration;
    for (const auto target : targets) pipeline.targets.push_back(location(target));
    grant.pipelines.push_back(std::move(pipeline));
    granted.insert(granted.end(), ranges.begin(), ranges.end());
  }
  // Only now: a session of a writer that gets nothing would be known to nobody. A session of a
  // namenode's earlier process is taken over.
  const bool opens = grant.session == 0;
  if (opens) {
    MDFS_TRY(const auto opened, sessions_.open(request.client, now));
    grant.session = opened.value;
  }
  const metadata::SessionId session{grant.session};
  const auto held = sessions_.renew(session, request.client, granted, now);
  if (held.ok()) return grant;
  if (opens) static_cast<void>(sessions_.end(session, request.client));
  return held.error();
}

Status BlockManager::renew(const RenewSession& request, TimePoint now) {
  return sessions_.renew(metadata::SessionId{request.session}, request.client, request.blocks, now);
}

// Whatever the writer names: all that its session holds is given up, and nothing else.
Status BlockManager::end_session(const EndSession& request) {
  const metadata::SessionId session{request.session};
  MDFS_TRY(const auto held, sessions_.end(session, request.client));
  for (const auto& range : held) dying_.add(range);
  staged_.ended(session);
  return {};
}

void BlockManager::adopt_staged(metadata::SessionId session, ClientId client, TimePoint now) {
  staged_.staged(session, sessions_.renew(session, client, {}, now).ok());
}

std::vector<metadata::SessionId> BlockManager::take_fallen() {
  return staged_.take_fallen(kDroppedAtOnceMax);
}

void BlockManager::note_stagings(std::span<const metadata::StagingEffect> effects) {
  for (const auto& effect : effects) {
    const metadata::SessionId session{effect.session};
    if (effect.staged) {
      staged_.staged(session, sessions_.is_open(session));
    } else {
      staged_.gone(session);
    }
  }
}

std::vector<BlockRange> BlockManager::take_retirement() {
  if (!retiring_.empty() || is_behind()) return {};
  auto ranges = dying_.take(kRetiredRangesMax, kRetiredIdsMax);
  for (const auto& range : ranges) retiring_.add(range);
  return ranges;
}

// Only now, when no commit of them can be accepted any more, the replicas may go. A commit that
// came before was accepted: who owns the blocks the namespace itself is asked.
void BlockManager::retirement_done(bool applied) {
  if (!applied) {
    for (const auto& range : std::exchange(retiring_, {}).ranges()) dying_.add(range);
    return;
  }
  auto known = known_in(retiring_.ranges());
  with_owners(known,
              [this, known, office = office_number_](std::span<const metadata::OwnedBlock> owned) {
                if (office != office_number_ || !in_office_) return;
                free_unowned(known, owned);
                retiring_ = {};
              });
}

std::vector<BlockId> BlockManager::known_in(std::span<const BlockRange> ranges) const {
  std::vector<BlockId> known;
  for (const auto& range : ranges) {
    const BlockId last{metadata::end_of(range) - 1};
    for (auto view = map_.next(range.first); view && view->block.id <= last;
         view = map_.next(BlockId{view->block.id.value + 1})) {
      known.push_back(view->block.id);
    }
  }
  return known;
}

// Both in order of id. Orders the replicas of those removed that no file owns.
void BlockManager::free_unowned(std::span<const BlockId> blocks,
                                std::span<const metadata::OwnedBlock> owned) {
  auto owner = owned.begin();
  for (const BlockId id : blocks) {
    while (owner != owned.end() && owner->block.id < id) ++owner;
    if (owner != owned.end() && owner->block.id == id) {
      map_.commit_block(*owner, {});
    } else {
      send_deletes(map_.free_block(id));
    }
  }
}

void BlockManager::ids_reserved(metadata::BlockRange range) {
  ids_.add_range(range);
  mark_ = metadata::mark_of(range.first);
  mark_is_unused_ = true;
  marks_.insert(mark_);
  if (office_.history) office_.history->add_mark(mark_);
}

Result<BlockManager::CommitStep> BlockManager::commit_proposed(const CommitWrite& request,
                                                               TimePoint asked_at, TimePoint now) {
  std::size_t next = 0;
  const std::string* unproven = nullptr;
  BlockId unproven_block;
  std::vector<BlockId> reported;
  for (const auto& file : request.change.files) {
    for (const auto& block : file.blocks) {
      const bool said = next < request.written.size();
      MDFS_CHECK(check_written(file, block, said ? &request.written[next] : nullptr));
      ++next;
      const auto known = map_.find(block.id);
      // Perhaps it was given up: then the rules refuse it, unless this was done and answered
      // before.
      if (known.has_value() && known->freed) continue;
      // What was granted elsewhere may have been given up there, whoever has renewed it here: only
      // a report shows that it exists.
      if (marks_.contains(metadata::mark_of(block.id)) &&
          sessions_.holder(block.id) == metadata::SessionId{request.session}) {
        continue;
      }
      if (known.has_value() && (known->owned || map_.is_reported(block))) {
        reported.push_back(block.id);
        continue;
      }
      if (sessions_.is_dead(block.id)) return refusal_of(file.path, block.id);
      unproven = &file.path;
      unproven_block = block.id;
    }
  }
  if (unproven != nullptr) {
    if (now - asked_at < options_.report_patience) return CommitStep::kWait;
    if (registry_.all_live_reported()) return refusal_of(*unproven, unproven_block);
    return Error{Errc::kUnavailable, *unproven + ": no datanode has reported block " +
                                         to_string(unproven_block) + " yet"};
  }
  // In order of asking: what an earlier try of the same request has found out stays.
  for (const auto id : reported) {
    if (const auto [at, added] = committing_.try_emplace(id); added) at->second.reported = true;
  }
  for (const auto& block : request.written) committing_.try_emplace(block.block);
  return CommitStep::kPropose;
}

// What was asked before is in the log, and may be done yet: that answer counts.
Error BlockManager::refusal_of(const std::string& path, BlockId block) const {
  if (!committing_.contains(block)) return given_up(path, block);
  return Error{Errc::kBusy, path + ": it was asked before, and that is not decided yet"};
}

void BlockManager::commit_done(const CommitWrite& request,
                               std::span<const metadata::Outcome> outcomes) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < request.change.files.size(); ++i) {
    for (const auto& block : request.change.files[i].blocks) {
      const auto& written = request.written[next++];
      const auto found = committing_.find(block.id);
      if (found == committing_.end()) continue;
      // What a request that was answered before says of replicas is old by now.
      const bool fresh = found->second.added && !found->second.reported;
      if (i < outcomes.size() && outcomes[i].ok() && fresh) {
        acknowledge(block, written.nodes, found->second.lost);
      }
      committing_.erase(found);
    }
  }
}

void BlockManager::acknowledge(const metadata::Block& block, std::span<const NodeId> acknowledged,
                               std::span<const NodeIndex> lost) {
  absl::InlinedVector<NodeIndex, 4> nodes;
  for (const auto& id : acknowledged) {
    const auto* node = registry_.find(id);
    if (node == nullptr || node->state == metadata::NodeState::kDead) continue;
    if (std::find(lost.begin(), lost.end(), node->index) == lost.end()) {
      nodes.push_back(node->index);
    }
  }
  map_.acknowledge(block, nodes);
}

// A node that tells of a loss while a commit is in the log is not believed to have the block
// because the writer once heard so.
void BlockManager::note_losses(NodeIndex node, const metadata::IncrementalReport& changes) {
  if (committing_.empty()) return;
  const auto note = [&](const metadata::Block& replica) {
    const auto found = committing_.find(replica.id);
    if (found != committing_.end()) found->second.lost.push_back(node);
  };
  std::for_each(changes.corrupt.begin(), changes.corrupt.end(), note);
  std::for_each(changes.removed.begin(), changes.removed.end(), note);
  std::for_each(changes.unreachable.begin(), changes.unreachable.end(), note);
}

void BlockManager::note_lost_node(NodeIndex node) {
  for (auto& [block, commit] : committing_) commit.lost.push_back(node);
}

void BlockManager::apply_effects(std::span<const metadata::BlockEffect> effects) {
  for (const auto& effect : effects) {
    questions_.touched(effect.block.id);
    switch (effect.kind) {
      case metadata::BlockEffect::Kind::kAdded:
        map_.commit_block({effect.block, effect.replication}, {});
        sessions_.release(effect.block.id);
        if (const auto commit = committing_.find(effect.block.id); commit != committing_.end()) {
          commit->second.added = true;
        }
        break;
      case metadata::BlockEffect::Kind::kFreed:
        map_.free_block(effect.block.id);  // Ordered removed once it is retired.
        dying_.add({effect.block.id, 1});
        break;
      case metadata::BlockEffect::Kind::kRetargeted:
        map_.set_wanted(effect.block.id, effect.replication);
        break;
    }
  }
}

void BlockManager::locate(std::vector<metadata::LocatedBlock>& blocks,
                          const std::string& reader_host, bool corrupt_ones) {
  metadata::ReaderPosition reader{.host = reader_host, .rack = {}};
  if (const auto* own = node_named(reader_host)) {
    reader = {.host = own->host, .rack = own->rack, .node = own->index};
  }
  for (auto& block : blocks) {
    auto replicas = map_.readable_replicas(block.block.id);
    if (replicas.empty() && corrupt_ones) replicas = map_.corrupt_replicas(block.block.id);
    for (const auto node : metadata::order_for_reading(registry_, replicas, reader, random_)) {
      block.locations.push_back(location(node));
    }
  }
}

// Who is part of a datanode gives that one's id in the place of a machine.
const metadata::Node* BlockManager::node_named(const std::string& host) const {
  const auto id = parse_id<NodeId>(host, "datanode");
  return id.ok() ? registry_.find(*id) : nullptr;
}

metadata::ReplicaLocation BlockManager::location(NodeIndex node) const {
  const auto& known = registry_.get(node);
  return {known.id, known.data, known.rack};
}

}  // namespace minidfs::actors
