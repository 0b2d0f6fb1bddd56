#include "metadata/namespace_history.hpp"

#include <algorithm>

namespace minidfs::metadata {

void NamespaceHistory::begin_leadership(const Epoch& epoch, BlockMark mark, std::uint64_t change) {
  if (!epoch.life.is_none() && epoch.life != now_.life) {
    if (!now_.life.is_none()) {
      past_.try_emplace(now_.life,
                        LifeFacts{LifeFacts::Standing::kEarlier, now_.leadership, change - 1});
    }
    now_.life = epoch.life;
  }
  now_.leadership = epoch.leadership;
  add_beginning(now_, change);
  add_mark(mark);
}

void NamespaceHistory::give_up(std::span<const LifeId> lives, std::span<const BlockMark> marks) {
  for (const LifeId& life : lives) {
    if (life != now_.life) past_.try_emplace(life);
  }
  for (auto& [life, facts] : past_) facts.standing = LifeFacts::Standing::kGivenUp;
  marks_.insert(marks.begin(), marks.end());
}

LifeFacts NamespaceHistory::facts(const Epoch& epoch, std::uint64_t newest) const {
  LifeFacts facts{LifeFacts::Standing::kOwn, now_.leadership, newest};
  if (epoch.life != now_.life) {
    const auto past = past_.find(epoch.life);
    if (past == past_.end()) return {};
    facts = past->second;
  }
  // Since the first one that is recorded all are: another number is that of a leadership which went
  // on from a copy of this namespace, or of which this is one.
  const auto first = began_.lower_bound({epoch.life, 0});
  const bool is_recorded = first != began_.end() && first->first.first == epoch.life &&
                           first->first.second <= epoch.leadership;
  const bool is_judged = facts.standing != LifeFacts::Standing::kGivenUp;
  if (is_judged && is_recorded && !began_.contains({epoch.life, epoch.leadership})) return {};
  const auto next = began_.upper_bound({epoch.life, epoch.leadership});
  if (next != began_.end() && next->first.first == epoch.life) {
    facts.change = std::min(facts.change, next->second - 1);
  }
  return facts;
}

std::vector<BlockMark> NamespaceHistory::strange(std::span<const BlockMark> marks) const {
  std::vector<BlockMark> strange;
  for (const BlockMark mark : marks) {
    const bool counted = mark == 0 || first_of(mark).value < id_bound_;
    if (!counted && !marks_.contains(mark)) strange.push_back(mark);
  }
  return strange;
}

}  // namespace minidfs::metadata
