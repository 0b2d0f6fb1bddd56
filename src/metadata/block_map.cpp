#include <algorithm>

#include "base/error.hpp"
#include "metadata/block_map_editor.hpp"

namespace minidfs::metadata {
namespace {

ReplicaState classify(const Block& block, std::uint64_t generation, std::uint64_t length) {
  if (generation < block.generation) return ReplicaState::kStale;
  if (generation > block.generation) return ReplicaState::kAhead;
  return length == block.length ? ReplicaState::kGood : ReplicaState::kCorrupt;
}

}  // namespace

// --- What the namespace says ---

bool BlockMap::commit_block(const OwnedBlock& owned, std::span<const NodeIndex> acknowledged) {
  MDFS_ASSERT(owned.block.generation <= kGenerationMax && owned.block.length <= kLengthMax);
  const auto [at, created] = entries_.try_emplace(owned.block.id);
  if (created) next_reported_.reset();
  const Entry& known_entry = at->second;
  if (!created && (known_entry.freed != 0 ||
                   (known_entry.owned != 0 && known_entry.generation > owned.block.generation))) {
    return false;
  }
  Editor editor(*this, at);
  editor.created = created;
  own(owned.block.id, editor.entry(), editor.replicas, owned);
  for (const NodeIndex node : acknowledged) {
    if (node_mode(node) == NodeMode::kGone) continue;
    const Reported ack{owned.block.id, owned.block.generation, owned.block.length, false};
    put(ack.block, editor.entry(), editor.replicas, node, ack, Origin::kAcknowledged);
    note_change(node, ack.block);
  }
  return true;
}

bool BlockMap::acknowledge(const Block& block, std::span<const NodeIndex> nodes) {
  const auto at = entries_.find(block.id);
  if (at == entries_.end() || at->second.owned == 0) return false;
  if (at->second.generation != block.generation || at->second.length != block.length) return false;
  Editor editor(*this, at);
  for (const NodeIndex node : nodes) {
    if (node_mode(node) == NodeMode::kGone) continue;
    const Reported ack{block.id, block.generation, block.length, false};
    put(block.id, editor.entry(), editor.replicas, node, ack, Origin::kAcknowledged);
    note_change(node, block.id);
  }
  return true;
}

std::vector<ReplicaDelete> BlockMap::free_block(BlockId block) {
  const auto at = entries_.find(block);
  if (at == entries_.end()) return {};
  Editor editor(*this, at);
  editor.entry().owned = 0;
  editor.entry().freed = 1;
  std::vector<ReplicaDelete> deletes;
  deletes.reserve(editor.replicas.size());
  for (Replica& replica : editor.replicas) {
    replica.state = ReplicaState::kDeleting;
    const Form form = form_of(block, editor.entry(), replica.node);
    deletes.push_back({block, form.generation, replica.node});
  }
  return deletes;
}

void BlockMap::set_wanted(BlockId block, std::uint8_t wanted) {
  const auto at = entries_.find(block);
  if (at == entries_.end() || at->second.owned == 0) return;
  Editor editor(*this, at);
  editor.entry().wanted = std::max<std::uint8_t>(wanted, 1);
}

void BlockMap::own(BlockId block, Entry& entry, ReplicaList& replicas, const OwnedBlock& owned) {
  absl::InlinedVector<Form, 4> forms;
  absl::InlinedVector<bool, 4> found_bad;  // By a reader, not merely of an unexpected length.
  for (const Replica& replica : replicas) {
    const Form form = form_of(block, entry, replica.node);
    forms.push_back(form);
    const bool odd_length = form.generation == entry.generation && form.length != entry.length;
    found_bad.push_back(replica.state == ReplicaState::kCorrupt && !odd_length);
  }
  entry.owned = 1;
  entry.generation = owned.block.generation & kGenerationMax;
  entry.length = owned.block.length & kLengthMax;
  entry.wanted = std::max<std::uint8_t>(owned.wanted, 1);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    set_form(block, entry, replicas[i].node, forms[i]);
    if (replicas[i].state == ReplicaState::kDeleting) continue;
    if (replicas[i].state == ReplicaState::kUnreachable) continue;
    const auto state = classify(owned.block, forms[i].generation, forms[i].length);
    replicas[i].state =
        found_bad[i] && state == ReplicaState::kGood ? ReplicaState::kCorrupt : state;
  }
  refresh_differs(block, entry);
}

// --- What the nodes say ---

std::optional<ReplicaState> BlockMap::add_reported(NodeIndex node, const Reported& reported,
                                                   const OwnedBlock* owned) {
  const auto entered = add(node, reported, owned, Origin::kIncremental);
  if (!entered) return std::nullopt;
  note_change(node, reported.block);
  return entered->state;
}

std::optional<BlockMap::Entered> BlockMap::add_from_report(NodeIndex node, const Reported& reported,
                                                           const OwnedBlock* owned) {
  return add(node, reported, owned, Origin::kFullReport);
}

// As try_emplace() of the entries.
std::pair<BlockMap::Entries::iterator, bool> BlockMap::enter(BlockId block) {
  const std::size_t before = entries_.size();
  const auto at = next_reported_ ? entries_.try_emplace(*next_reported_, block)
                                 : entries_.try_emplace(block).first;
  next_reported_ = std::next(at);
  return {at, entries_.size() > before};
}

std::optional<BlockMap::Entered> BlockMap::add(NodeIndex node, const Reported& reported,
                                               const OwnedBlock* owned, Origin origin) {
  if (node_mode(node) == NodeMode::kGone) return std::nullopt;
  if (reported.generation > kGenerationMax || reported.length > kLengthMax) return std::nullopt;
  const auto [at, created] = enter(reported.block);
  Editor editor(*this, at);
  editor.created = created;
  Entry& entry = editor.entry();
  if (owned != nullptr && entry.owned == 0 && entry.freed == 0) {
    own(reported.block, entry, editor.replicas, *owned);
  } else if (created) {
    entry.generation = reported.generation & kGenerationMax;
    entry.length = reported.length & kLengthMax;
  }
  put(reported.block, entry, editor.replicas, node, reported, origin);
  return Entered{editor.replicas[position_of(editor.replicas, node)].state, entry.owned != 0};
}

// Enters what is said of a replica of `node`, which is not gone.
void BlockMap::put(BlockId block, Entry& entry, ReplicaList& replicas, NodeIndex node,
                   const Reported& reported, Origin origin) {
  const std::size_t position = position_of(replicas, node);
  const Block expected{block, entry.generation, entry.length};
  const auto state = classify(expected, reported.generation, reported.length);
  if (!holds(replicas, position, node)) {
    replicas.insert(replicas.begin() + static_cast<std::ptrdiff_t>(position), {node, state});
    ++per_node(node).replicas;
    set_form(block, entry, node, {reported.generation, reported.length});
    return;
  }
  Replica& replica = replicas[position];
  const Form form = form_of(block, entry, node);
  // A change that was overtaken by a newer one; only a full report may set a replica back.
  if (reported.generation < form.generation && origin != Origin::kFullReport) return;
  const bool newer = reported.generation > form.generation;
  if (replica.state == ReplicaState::kUnreachable && !newer && origin == Origin::kAcknowledged) {
    return;
  }
  if (replica.state == ReplicaState::kDeleting && !newer) {
    const bool back = form.length == kOutOfReach && origin != Origin::kAcknowledged;
    const bool whole = form.length == kSpoilt && reported.fresh;
    if (back || whole) set_form(block, entry, node, {reported.generation, reported.length});
    return;
  }
  const bool same = reported.generation == form.generation &&
                    (reported.length == form.length || form.length == kSpoilt);
  if (replica.state == ReplicaState::kCorrupt && same && !reported.fresh) return;
  replica.state = state;
  set_form(block, entry, node, {reported.generation, reported.length});
}

bool BlockMap::remove_replica(NodeIndex node, BlockId block, std::uint64_t generation) {
  note_change(node, block);
  ReplicaEditor replica(*this, node, block);
  if (!replica || replica.form().generation > generation) return false;
  replica.erase();
  return true;
}

void BlockMap::drop_from_report(NodeIndex node, BlockId block) {
  if (ReplicaEditor replica(*this, node, block); replica) replica.erase();
}

bool BlockMap::mark_corrupt(NodeIndex node, BlockId block, std::uint64_t generation) {
  ReplicaEditor replica(*this, node, block);
  if (!replica || replica.form().generation != generation) return false;
  if (replica->state == ReplicaState::kDeleting) replica.set_form({generation, kSpoilt});
  // A replica that is ahead or stale keeps that state: it is not served either way.
  if (replica->state != ReplicaState::kGood) return false;
  replica->state = ReplicaState::kCorrupt;
  return true;
}

void BlockMap::add_corrupt(NodeIndex node, BlockId block, std::uint64_t generation,
                           const OwnedBlock* owned) {
  if (ReplicaEditor known(*this, node, block); known && known.form().generation >= generation) {
    return;
  }
  if (!add_reported(node, {block, generation, 0, false}, owned)) return;
  ReplicaEditor replica(*this, node, block);
  if (replica.form().generation != generation) return;
  replica.set_form({generation, kSpoilt});
  if (replica->state == ReplicaState::kGood) replica->state = ReplicaState::kCorrupt;
}

bool BlockMap::mark_unreachable(NodeIndex node, BlockId block, std::uint64_t generation) {
  note_change(node, block);
  ReplicaEditor replica(*this, node, block);
  if (!replica) return false;
  const Form form = replica.form();
  if (form.generation > generation) return false;
  if (replica->state != ReplicaState::kDeleting) {
    replica->state = ReplicaState::kUnreachable;
  } else if (form.length != kSpoilt) {
    replica.set_form({form.generation, kOutOfReach});
  }
  return true;
}

std::optional<ReplicaDelete> BlockMap::mark_deleting(NodeIndex node, BlockId block) {
  ReplicaEditor replica(*this, node, block);
  if (!replica) return std::nullopt;
  const auto generation = replica.form().generation;
  if (replica->state == ReplicaState::kCorrupt) {
    replica.set_form({generation, kSpoilt});
  } else if (replica->state == ReplicaState::kUnreachable) {
    replica.set_form({generation, kOutOfReach});
  }
  replica->state = ReplicaState::kDeleting;
  return ReplicaDelete{block, generation, node};
}

bool BlockMap::cancel_deleting(NodeIndex node, BlockId block) {
  ReplicaEditor replica(*this, node, block);
  if (!replica || replica.entry().owned == 0) return false;
  if (replica->state != ReplicaState::kDeleting) return false;
  Form form = replica.form();
  const Block expected{block, replica.entry().generation, replica.entry().length};
  const bool spoilt = form.length == kSpoilt;
  const bool away = form.length == kOutOfReach;
  if (spoilt || away) form.length = expected.length;
  replica.set_form(form);
  replica->state = classify(expected, form.generation, form.length);
  if (spoilt && replica->state == ReplicaState::kGood) replica->state = ReplicaState::kCorrupt;
  if (away) replica->state = ReplicaState::kUnreachable;
  return true;
}

// --- Full reports ---

void BlockMap::begin_report(NodeIndex node) {
  PerNode& state = per_node(node);
  state.reporting = true;
  state.changed.clear();
}

void BlockMap::end_report(NodeIndex node) {
  PerNode& state = per_node(node);
  state.reporting = false;
  state.changed.clear();
}

bool BlockMap::changed_since_report_began(NodeIndex node, BlockId block) const {
  const PerNode* state = known(node);
  return state != nullptr && state->changed.contains(block);
}

void BlockMap::note_change(NodeIndex node, BlockId block) {
  if (known(node) == nullptr) return;
  PerNode& state = per_node(node);
  if (state.reporting) state.changed.insert(block);
}

}  // namespace minidfs::metadata
