// The inner half of the block map: how entries are packed, judged and counted, and the read-only
// questions.
#include <algorithm>

#include "base/error.hpp"
#include "metadata/block_map.hpp"

namespace minidfs::metadata {
namespace {

ReplicaState state_at(std::uint64_t states, std::size_t i) {
  return static_cast<ReplicaState>((states >> (4 * i)) & 15U);
}

}  // namespace

BlockMap::PerNode& BlockMap::per_node(NodeIndex node) {
  MDFS_ASSERT(!node.is_none());
  if (node.value >= nodes_.size()) nodes_.resize(std::size_t{node.value} + 1);
  return nodes_[node.value];
}

const BlockMap::PerNode* BlockMap::known(NodeIndex node) const {
  return node.value < nodes_.size() ? &nodes_[node.value] : nullptr;
}

ReplicaList BlockMap::load(BlockId block, const Entry& entry) const {
  ReplicaList replicas;
  const std::size_t count = entry.inline_count;
  for (std::size_t i = 0; i < count; ++i) {
    replicas.push_back({NodeIndex{entry.nodes[i]}, state_at(entry.states, i)});
  }
  if (entry.overflows != 0) {
    const ReplicaList& more = overflow_.find(block)->second;
    replicas.insert(replicas.end(), more.begin(), more.end());
  }
  return replicas;
}

void BlockMap::store(BlockId block, Entry& entry, const ReplicaList& replicas) {
  const std::size_t count = std::min(replicas.size(), kInline);
  std::uint64_t states = 0;
  for (std::size_t i = 0; i < count; ++i) {
    entry.nodes[i] = replicas[i].node.value;
    states |= static_cast<std::uint64_t>(replicas[i].state) << (4 * i);
  }
  entry.states = states & 0xFFFU;
  entry.inline_count = count & 3U;
  if (replicas.size() > kInline) {
    overflow_.insert_or_assign(block, ReplicaList(replicas.begin() + kInline, replicas.end()));
    entry.overflows = 1;
  } else if (entry.overflows != 0) {
    overflow_.erase(block);
    entry.overflows = 0;
  }
}

BlockMap::Form BlockMap::form_of(BlockId block, const Entry& entry, NodeIndex node) const {
  if (entry.differs != 0) {
    if (const auto at = forms_.find({block, node}); at != forms_.end()) return at->second;
  }
  return {entry.generation, entry.length};
}

void BlockMap::set_form(BlockId block, Entry& entry, NodeIndex node, const Form& form) {
  if (form.generation == entry.generation && form.length == entry.length) {
    if (entry.differs == 0 || forms_.erase({block, node}) == 0) return;
    refresh_differs(block, entry);
  } else {
    forms_.insert_or_assign({block, node}, form);
    entry.differs = 1;
  }
}

void BlockMap::refresh_differs(BlockId block, Entry& entry) {
  const auto at = forms_.lower_bound({block, NodeIndex{0}});
  entry.differs = at != forms_.end() && at->first.first == block ? 1 : 0;
}

void BlockMap::erase_replica(BlockId block, Entry& entry, ReplicaList& replicas,
                             std::size_t position) {
  const NodeIndex node = replicas[position].node;
  replicas.erase(replicas.begin() + static_cast<std::ptrdiff_t>(position));
  --per_node(node).replicas;
  if (entry.differs != 0 && forms_.erase({block, node}) > 0) refresh_differs(block, entry);
}

ReplicaTally BlockMap::tally_of(BlockId block, const ReplicaList& replicas) const {
  ReplicaTally tally;
  for (const Replica& replica : replicas) {
    switch (replica.state) {
      case ReplicaState::kGood:
        switch (counted_mode(replica.node, block)) {
          case NodeMode::kCounted:
            ++tally.live;
            break;
          case NodeMode::kDraining:
            ++tally.draining;
            break;
          case NodeMode::kAway:
            ++tally.away;
            break;
          case NodeMode::kGone:
            break;
        }
        break;
      case ReplicaState::kStale:
        ++tally.stale;
        break;
      case ReplicaState::kAhead:
        ++tally.ahead;
        break;
      case ReplicaState::kCorrupt:
        ++tally.corrupt;
        break;
      case ReplicaState::kDeleting:
        ++tally.deleting;
        break;
      case ReplicaState::kUnreachable:
        ++tally.unreachable;
        break;
    }
  }
  return tally;
}

bool BlockMap::on_one_rack(BlockId block, const ReplicaList& replicas) const {
  const PerNode* first = nullptr;
  for (const Replica& replica : replicas) {
    if (replica.state != ReplicaState::kGood) continue;
    if (counted_mode(replica.node, block) != NodeMode::kCounted) continue;
    const PerNode* node = known(replica.node);
    if (first == nullptr) first = node;
    if (node->rack != first->rack) return false;
  }
  return true;
}

Need BlockMap::judge(BlockId block, const Entry& entry, const ReplicaList& replicas,
                     const ReplicaTally& tally) const {
  if (entry.owned == 0) return Need::kNone;
  if (tally.readable() == 0) return Need::kMissing;
  const std::uint64_t have = tally.live + tally.away;
  if (have < entry.wanted) {
    if (tally.readable() == 1) return Need::kOneLeft;
    const std::uint64_t lacking = entry.wanted - have;
    if (lacking >= 3) return Need::kFarBelow;
    return lacking == 2 ? Need::kTwoShort : Need::kOneShort;
  }
  if (several_racks_ && tally.live >= 2 && on_one_rack(block, replicas)) return Need::kMisplaced;
  if (tally.live > entry.wanted) return Need::kSurplus;
  return tally.corrupt + tally.stale > 0 ? Need::kDirty : Need::kNone;
}

// `sign` is 1 or its complement ~0 (minus one): unsigned arithmetic wraps to the right sum.
void BlockMap::account(BlockId block, const Entry& entry, const ReplicaList& replicas,
                       const ReplicaTally& tally, std::uint64_t sign) {
  if (entry.owned == 0) return;
  counts_.known_owned += sign;
  if (tally.readable() == 0) {
    counts_.missing_known += sign;
  } else {
    counts_.with_live_replica += sign;
    if (tally.live + tally.away < entry.wanted) {
      counts_.under_replicated += sign;
      count_draining(block, replicas, sign);
    }
  }
  if (tally.live > entry.wanted) counts_.over_replicated += sign;
  if (tally.corrupt > 0) counts_.corrupt += sign;
}

// Of a block that is short of copies.
void BlockMap::count_draining(BlockId block, const ReplicaList& replicas, std::uint64_t sign) {
  for (const Replica& replica : replicas) {
    if (replica.state != ReplicaState::kGood) continue;
    if (counted_mode(replica.node, block) != NodeMode::kDraining) continue;
    per_node(replica.node).draining_blocks += sign;
  }
}

void BlockMap::set_need(BlockId block, Entry& entry, Need need) {
  const auto old = static_cast<Need>(entry.need);
  if (old == need) return;
  if (old != Need::kNone) needing_[static_cast<std::size_t>(old)].erase(block);
  if (need != Need::kNone) needing_[static_cast<std::size_t>(need)].insert(block);
  entry.need = static_cast<std::uint64_t>(need) & 15U;
}

// --- Asking ---

BlockView BlockMap::view(BlockId block, const Entry& entry) const {
  BlockView view;
  view.block = {block, entry.generation, entry.length};
  view.wanted = static_cast<std::uint8_t>(entry.wanted);
  view.owned = entry.owned != 0;
  view.freed = entry.freed != 0;
  view.need = static_cast<Need>(entry.need);
  view.replicas = load(block, entry);
  return view;
}

std::optional<BlockView> BlockMap::find(BlockId block) const {
  const auto at = entries_.find(block);
  if (at == entries_.end()) return std::nullopt;
  return view(at->first, at->second);
}

std::optional<BlockView> BlockMap::next(BlockId from) const {
  const auto at = entries_.lower_bound(from);
  if (at == entries_.end()) return std::nullopt;
  return view(at->first, at->second);
}

std::vector<BlockId> BlockMap::strangers(std::span<const Block> replicas) const {
  std::vector<BlockId> found;
  auto at = entries_.end();  // Or the first entry that is not before the last replica.
  BlockId last{~0ULL};
  for (const Block& replica : replicas) {
    const bool follows = last < replica.id;
    if (follows && at != entries_.end() && at->first < replica.id) ++at;
    if (!follows || (at != entries_.end() && at->first < replica.id)) {
      at = entries_.lower_bound(replica.id);
    }
    last = replica.id;
    const bool here = at != entries_.end() && at->first == replica.id;
    if (!here || (at->second.owned == 0 && at->second.freed == 0)) found.push_back(replica.id);
  }
  return found;
}

bool BlockMap::is_owned(BlockId block) const {
  const auto at = entries_.find(block);
  return at != entries_.end() && at->second.owned != 0;
}

ReplicaTally BlockMap::tally(const BlockView& view) const {
  return tally_of(view.block.id, view.replicas);
}

bool BlockMap::is_reported(const Block& block) const {
  const auto at = entries_.find(block.id);
  if (at == entries_.end() || at->second.freed != 0) return false;
  const ReplicaList replicas = load(block.id, at->second);
  return std::any_of(replicas.begin(), replicas.end(), [&](const Replica& replica) {
    const NodeMode mode = node_mode(replica.node);
    if (mode != NodeMode::kCounted && mode != NodeMode::kDraining) return false;
    // Of a block that no file owns yet the first report decides what the others are compared with.
    if (replica.state == ReplicaState::kDeleting) return false;
    if (replica.state == ReplicaState::kUnreachable) return false;
    const Form form = form_of(block.id, at->second, replica.node);
    const bool alike = at->second.generation == form.generation && at->second.length == form.length;
    if (replica.state == ReplicaState::kCorrupt && alike) return false;  // Found bad by a reader.
    return form.generation == block.generation && form.length == block.length;
  });
}

bool BlockMap::is_deleting(NodeIndex node, BlockId block) const {
  const auto at = entries_.find(block);
  if (at == entries_.end()) return false;
  const ReplicaList replicas = load(block, at->second);
  return std::any_of(replicas.begin(), replicas.end(), [node](const Replica& replica) {
    return replica.node == node && replica.state == ReplicaState::kDeleting;
  });
}

bool BlockMap::deletes_good(NodeIndex node, BlockId block) const {
  if (!is_deleting(node, block)) return false;
  const Entry& entry = entries_.find(block)->second;
  const Form form = form_of(block, entry, node);
  const bool whole = form.length == entry.length || form.length == kOutOfReach;
  return whole && form.generation == entry.generation;
}

ReplicaList BlockMap::readable_replicas(BlockId block) const {
  ReplicaList readable;
  const auto at = entries_.find(block);
  if (at == entries_.end() || at->second.owned == 0) return readable;
  for (const Replica& replica : load(block, at->second)) {
    const NodeMode mode = node_mode(replica.node);
    if (replica.state != ReplicaState::kGood) continue;
    if (mode == NodeMode::kCounted || mode == NodeMode::kDraining) readable.push_back(replica);
  }
  return readable;
}

ReplicaList BlockMap::corrupt_replicas(BlockId block) const {
  ReplicaList corrupt;
  const auto at = entries_.find(block);
  if (at == entries_.end() || at->second.owned == 0) return corrupt;
  for (const Replica& replica : load(block, at->second)) {
    const NodeMode mode = node_mode(replica.node);
    if (replica.state != ReplicaState::kCorrupt) continue;
    if (form_of(block, at->second, replica.node).generation != at->second.generation) continue;
    if (mode == NodeMode::kCounted || mode == NodeMode::kDraining) {
      corrupt.push_back({replica.node, ReplicaState::kGood});
    }
  }
  return corrupt;
}

BlockMapCounts BlockMap::counts(std::uint64_t total) const {
  BlockMapCounts counts = counts_;
  counts.total = total;
  counts.missing = total > counts.with_live_replica ? total - counts.with_live_replica : 0;
  counts.unowned = unowned_.size();
  return counts;
}

const absl::btree_set<BlockId>& BlockMap::needing(Need need) const {
  MDFS_ASSERT(need != Need::kNone);
  return needing_[static_cast<std::size_t>(need)];
}

std::vector<BlockId> BlockMap::take_new_unowned(std::size_t most) {
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, new_unowned_.size()));
  std::vector<BlockId> taken(new_unowned_.begin(), new_unowned_.begin() + count);
  new_unowned_.erase(new_unowned_.begin(), new_unowned_.begin() + count);
  return taken;
}

std::uint64_t BlockMap::replica_generation(NodeIndex node, BlockId block) const {
  const auto at = entries_.find(block);
  if (at == entries_.end()) return 0;
  for (const Replica& replica : load(block, at->second)) {
    if (replica.node == node) return form_of(block, at->second, node).generation;
  }
  return 0;
}

std::uint64_t BlockMap::replica_count(NodeIndex node) const {
  const PerNode* state = known(node);
  return state == nullptr ? 0 : state->replicas;
}

std::uint64_t BlockMap::draining_blocks(NodeIndex node) const {
  const PerNode* state = known(node);
  return state == nullptr ? 0 : state->draining_blocks;
}

std::vector<BlockId> BlockMap::blocks_of(NodeIndex node, BlockId first, BlockId last) const {
  std::vector<BlockId> blocks;
  if (replica_count(node) == 0) return blocks;
  for (auto at = entries_.lower_bound(first); at != entries_.end() && at->first <= last; ++at) {
    const Entry& entry = at->second;
    const auto* end = entry.nodes.begin() + entry.inline_count;
    bool there = std::find(entry.nodes.begin(), end, node.value) != end;
    if (!there && entry.overflows != 0) {
      const ReplicaList& more = overflow_.find(at->first)->second;
      there =
          std::any_of(more.begin(), more.end(), [&](const Replica& r) { return r.node == node; });
    }
    if (there) blocks.push_back(at->first);
  }
  return blocks;
}

}  // namespace minidfs::metadata
