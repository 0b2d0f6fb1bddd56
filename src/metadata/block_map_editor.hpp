// How one entry of the block map is changed. Internal to the map.
#pragma once

#include "metadata/block_map.hpp"

namespace minidfs::metadata {

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

}  // namespace minidfs::metadata
