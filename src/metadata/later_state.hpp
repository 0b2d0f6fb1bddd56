// Do the datanodes know a later state of the cluster than its namespace? They do when the
// namenode's directory was put back, copied back or rolled back. Then changes are refused until an
// operator says which of the two counts. Pure; owned by the namenode's block manager.
//
// A datanode keeps whose orders it obeyed last and the newest change that it was told of
// (KnownEpoch); a change is told only when the log has it for good, so a namenode that was merely
// killed is never behind. A namenode is told with each registration; what it holds of the life that
// a datanode tells of, it looks up in its own history (LifeFacts).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "metadata/block_identity.hpp"
#include "metadata/epoch.hpp"

namespace minidfs::metadata {

// What a namespace holds of one life, for a datanode that obeyed one leadership of it last.
struct LifeFacts {
  enum class Standing : std::uint8_t {
    kUnknown,  // Not a life of this namespace, as far as it knows.
    kOwn,      // The one that it lives.
    kEarlier,  // Went over into its own when it was started from a backup.
    kGivenUp,  // An operator said that what happened in it and is not in this namespace is gone.
  };
  Standing standing = Standing::kUnknown;
  std::uint64_t leadership = 0;  // The last one of this life.
  // The last change of this life before a leadership after the datanode's began; where there is
  // none, the last of this life that the namespace holds.
  std::uint64_t change = 0;
};

// What a datanode tells when it registers.
struct ToldState {
  KnownEpoch known;
  bool met = false;  // This leadership has registered the datanode before.
};

// Whether what the datanode knows is not a part of this namespace. `strange`: it holds replicas
// with a mark that the namespace neither used nor gave up. That alone proves nothing of a datanode
// whose life and changes are known here: any client can write a replica.
bool knows_later_state(const ToldState& told, const LifeFacts& facts, bool strange);

// All that datanodes were found to know and the namespace does not, since the leadership began or
// the last one was given up.
class LaterState {
 public:
  void note(const KnownEpoch& known, std::span<const BlockMark> marks);

  bool any() const { return any_; }
  // What is to be given up by an operator's word, ascending.
  std::vector<LifeId> lives() const { return {lives_.begin(), lives_.end()}; }
  std::vector<BlockMark> marks() const { return {marks_.begin(), marks_.end()}; }

  // One sentence for operators and users. `change` is the namespace's newest, `blocks` how many of
  // the reported ones it does not know.
  std::string text(const LifeId& life, std::uint64_t change, std::uint64_t blocks) const;

 private:
  bool any_ = false;
  KnownEpoch newest_;
  absl::btree_set<LifeId> lives_;
  absl::btree_set<BlockMark> marks_;
};

}  // namespace minidfs::metadata
