// How one entry of the block map is changed. Internal to the map.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "metadata/block_map.hpp"

namespace minidfs::metadata {

// Where the node's replica is, or where it would have to be inserted.
inline std::size_t position_of(const ReplicaList& replicas, NodeIndex node) {
  const auto* at = std::lower_bound(replicas.begin(), replicas.end(), node,
                                    [](const Replica& r, NodeIndex n) { return r.node < n; });
  return static_cast<std::size_t>(at - replicas.begin());
}

inline bool holds(const ReplicaList& replicas, std::size_t position, NodeIndex node) {
  return position < replicas.size() && replicas[position].node == node;
}

// Changes one entry: what it contributed to the counters is taken out first, and what it
// contributes after the change is put in when the editor goes.
class BlockMap::Editor {
 public:
  Editor(BlockMap& map, Entries::iterator at)
      : map_(map), at_(at), was_owned_(at->second.owned != 0) {
    replicas = map_.load(at_->first, at_->second);
    map_.account(at_->first, at_->second, replicas, map_.tally_of(at_->first, replicas), ~0ULL);
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;

  ~Editor() {
    const BlockId id = at_->first;
    Entry& edited = at_->second;
    map_.store(id, edited, replicas);
    const auto tally = map_.tally_of(id, replicas);
    map_.account(id, edited, replicas, tally, 1);
    map_.set_need(id, edited, map_.judge(id, edited, replicas, tally));
    if (edited.owned != 0) {
      if (!was_owned_) map_.unowned_.erase(id);
    } else if (replicas.empty()) {
      map_.unowned_.erase(id);
      map_.next_reported_.reset();
      map_.entries_.erase(at_);
    } else if (was_owned_ || created) {
      map_.unowned_.insert(id);
      map_.new_unowned_.push_back(id);
    }
  }

  Entry& entry() { return at_->second; }

  ReplicaList replicas;
  bool created = false;

 private:
  BlockMap& map_;
  Entries::iterator at_;
  bool was_owned_;
};

// Changes the replica that a node has of a block; false where it has none, and nothing may be
// called then. Nothing after erase() either.
class BlockMap::ReplicaEditor {
 public:
  ReplicaEditor(BlockMap& map, NodeIndex node, BlockId block)
      : map_(map), node_(node), block_(block) {
    const auto at = map.entries_.find(block);
    if (at == map.entries_.end()) return;
    editor_.emplace(map, at);
    position_ = position_of(editor_->replicas, node);
    if (!holds(editor_->replicas, position_, node)) editor_.reset();
  }

  explicit operator bool() const { return editor_.has_value(); }
  Replica* operator->() { return &editor_->replicas[position_]; }
  const Entry& entry() { return editor_->entry(); }
  Form form() { return map_.form_of(block_, editor_->entry(), node_); }
  void set_form(const Form& form) { map_.set_form(block_, editor_->entry(), node_, form); }
  void erase() { map_.erase_replica(block_, editor_->entry(), editor_->replicas, position_); }

 private:
  BlockMap& map_;
  NodeIndex node_;
  BlockId block_;
  std::optional<Editor> editor_;
  std::size_t position_ = 0;
};

}  // namespace minidfs::metadata
