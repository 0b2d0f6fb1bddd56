#include "metadata/later_state.hpp"

#include "metadata/namespace_block_ids.hpp"

namespace minidfs::metadata {

bool knows_later_state(const ToldState& told, const LifeFacts& facts, bool strange) {
  const auto& known = told.known;
  if (known.epoch.life.is_none()) return strange;
  switch (facts.standing) {
    case LifeFacts::Standing::kUnknown:
      return true;
    case LifeFacts::Standing::kGivenUp:
      return false;
    case LifeFacts::Standing::kOwn:
    case LifeFacts::Standing::kEarlier:
      break;
  }
  if (known.epoch.leadership > facts.leadership || known.change > facts.change) return true;
  if (facts.standing == LifeFacts::Standing::kEarlier) return strange;
  // The present leadership's number is known only to those whom it was told, unless another
  // leadership had it too.
  return known.epoch.leadership == facts.leadership && !told.met;
}

void LaterState::note(const KnownEpoch& known, std::span<const BlockMark> marks) {
  if (!any_ || known.change > newest_.change) newest_ = known;
  any_ = true;
  if (!known.epoch.life.is_none() && lives_.size() < kGivenUpLivesMax) {
    lives_.insert(known.epoch.life);
  }
  for (const BlockMark mark : marks) {
    if (marks_.size() < kGivenUpMarksMax) marks_.insert(mark);
  }
}

std::string LaterState::text(const LifeId& life, std::uint64_t change, std::uint64_t blocks) const {
  const bool same = newest_.epoch.life == life;
  return "the datanodes know a later state of this cluster, up to change " +
         std::to_string(newest_.change) +
         (same ? " where this namespace has " + std::to_string(change)
               : std::string(" of another life of the namespace")) +
         ", and " + std::to_string(blocks) +
         " blocks that this namespace does not know; changes are refused until the newer namespace "
         "is put back, or this one is accepted by `minidfs safemode leave "
         "--accept-older-namespace`";
}

}  // namespace minidfs::metadata
