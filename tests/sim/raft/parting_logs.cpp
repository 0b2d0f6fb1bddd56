#include "sim/raft/parting_logs.hpp"

namespace minidfs::sim::raft {

void PartingLogs::begin() {
  auto* leader = cluster_.leader();
  if (under_way_ || leader == nullptr) return;
  under_way_ = true;
  strand(*leader, [this](Member& first) {
    next_leader([this, &first](Member& second) {
      strand(second, [this, &first](Member& dead) { bring_back(first, dead); });
    });
  });
}

// Nothing that it sends arrives, then it dies.
void PartingLogs::strand(Member& leader, const Then& then) {
  auto& world = cluster_.world;
  for (const auto& other : cluster_.members) cluster_.cut(leader.id(), other->id());
  ask_(leader);
  world.after(world.between(milliseconds{50}, milliseconds{300}), [this, &leader, then] {
    for (const auto& other : cluster_.members) cluster_.mend(leader.id(), other->id());
    if (cluster_.healed) return;
    leader.crash();
    down_.insert(leader.id());
    then(leader);
  });
}

// Where others could be elected without the first one, one of them is not there.
void PartingLogs::bring_back(Member& first, Member& second) {
  auto* other = bystander(first, second);
  if (other != nullptr) {
    other->crash();
    down_.insert(other->id());
  }
  if (!first.process().up()) first.start();
  next_leader([this, &second](Member& leader) {
    cluster_.world.after(cluster_.world.between(milliseconds{5}, milliseconds{40}),
                         [this, &leader, &second] {
                           if (cluster_.healed) return;
                           leader.crash();
                           down_.insert(leader.id());
                           if (!second.process().up()) second.start();
                           next_leader([this](Member&) { end(); });
                         });
  });
}

void PartingLogs::next_leader(const Then& then, int patience_ms) {
  if (cluster_.healed) return;
  auto* leader = cluster_.leader();
  if (leader != nullptr) return then(*leader);
  if (patience_ms == 0) return end();
  cluster_.world.after(milliseconds{1},
                       [this, then, patience_ms] { next_leader(then, patience_ms - 1); });
}

Member* PartingLogs::bystander(const Member& first, const Member& second) {
  const auto& members = first.disk().state().members.members;
  if (members.voters().size() < 5) return nullptr;
  for (auto& member : cluster_.members) {
    if (member->id() == first.id() || member->id() == second.id()) continue;
    if (member->process().up() && members.is_voter(member->id())) return member.get();
  }
  return nullptr;
}

void PartingLogs::end() {
  under_way_ = false;
  for (const auto id : down_) cluster_.start_later(*cluster_.find(id));
  down_.clear();
}

}  // namespace minidfs::sim::raft
