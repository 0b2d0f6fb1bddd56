#include "sim/raft/checker.hpp"

#include <algorithm>

#include "consensus/raft/vote_tally.hpp"
#include "sim/raft/cluster.hpp"

namespace minidfs::sim::raft {

using consensus::Role;

namespace {

// Election time-out, heartbeat and a clock that is slow.
constexpr milliseconds kSilentLeaderMax{700};

}  // namespace

void Checker::violated(const std::string& what) { cluster_.world.violated(what); }

// Log matching (3.5): the same position means the same entries up to there.
void Checker::appended(Position before, Index index, const SimEntry& entry) {
  const auto found = chains_.find(before);
  if (found == chains_.end() || index != before.index + 1) {
    return violated("entry " + std::to_string(index) + " was appended to nothing");
  }
  const auto chain = chained(found->second, entry);
  const auto [known, added] = chains_.try_emplace({entry.info.term, index}, chain);
  if (!added && known->second != chain) {
    violated("two logs differ at entry " + std::to_string(index) + " of term " +
             std::to_string(entry.info.term));
  }
}

// One at a time (4.1).
void Checker::changes_members(const Member& leader) {
  const auto& log = leader.log();
  for (auto index = std::max(committed(), log.before.index) + 1; index <= log.last(); ++index) {
    if (log.at(index).info.kind == EntryKind::kMembers) {
      violated("members change again, and entry " + std::to_string(index) + " is not committed");
    }
  }
}

Checker::Standing Checker::standing(const Member& member) {
  const auto& core = member.core();
  return {core.role(), core.term(), core.leader(), core.committed(), core.log().last()};
}

void Checker::heard_of_before(const Member& member, const Standing& before) {
  if (standing(member) == before) return;
  violated("a message of a term before " + std::to_string(before.term) +
           " changed something at member " + std::to_string(member.id()));
}

void Checker::voted(MemberId voter, Term term, MemberId candidate) {
  const auto [known, added] = votes_.try_emplace({term, voter}, candidate);
  if (!added && known->second != candidate) {
    violated("member " + std::to_string(voter) + " voted twice in term " + std::to_string(term));
  }
}

void Checker::leads(const Member& member, Term term) {
  const auto [known, added] = leaders_.try_emplace(term, member.id());
  if (!added) violated("term " + std::to_string(term) + " had two leaders, or one twice");
  const auto successor = successors_.find(term);
  if (successor != successors_.end() && successor->second == member.id()) {
    cluster_.world.note("leadership that was handed over");
  }
  check_complete(member);
}

// Leader completeness (3.6.3): what was committed in an earlier term is in the leader's log.
void Checker::check_complete(const Member& leader) {
  const auto term = leader.core().term();
  for (auto each = committed_.rbegin(); each != committed_.rend(); ++each) {
    if (each->by >= term) continue;
    if (!leader.log().holds(each->position)) {
      violated("the leader of term " + std::to_string(term) + " lacks entry " +
               std::to_string(each->position.index) + ", committed in term " +
               std::to_string(each->by));
    }
    return;
  }
}

void Checker::announced(const Member& member, Index index) {
  learn_commit(member);  // It may be this step that committed it.
  if (index > committed()) violated("an entry was announced that is not committed");
  if (member.disk().log().last() < index) {
    violated("entry " + std::to_string(index) + " was announced before it was durable at member " +
             std::to_string(member.id()));
  }
}

void Checker::cut(const Member& member, Index from) {
  auto& world = cluster_.world;
  world.note("a log whose end was cut off");
  const auto& log = member.log();
  for (auto index = from; index <= log.last(); ++index) {
    if (log.at(index).info.kind == EntryKind::kMembers) {
      world.note("a change of members that was cut off");
    }
    if (widespread_.contains(log.position(index))) {
      world.note("entries of a former term at a majority, and replaced");
    }
  }
}

// It may be one of the majority that has them.
void Checker::seeded(const Member& member, Index index) {
  const auto next = index + 1;
  if (next > committed()) return;
  if (member.log().holds(committed_[static_cast<std::size_t>(next - 1)].position)) {
    violated("member " + std::to_string(member.id()) + " was seeded with less than it has");
  }
}

// Nobody disturbs the others because it hears nothing (9.6), nor leads on (6.2).
void Checker::time_passed(const Member& member, Term term) {
  const auto& core = member.core();
  const bool decides_alone = core.members().quorum() == 1 && core.members().is_voter(member.id());
  if (decides_alone) return;
  if (core.term() > term) {
    violated("member " + std::to_string(member.id()) + " began the election of term " +
             std::to_string(core.term()) + " without asking whether it might win");
  }
  const auto silent_since = std::max(member.heard_at(), member.process().works_since());
  if (member.leads() && cluster_.world.now() - silent_since > kSilentLeaderMax) {
    violated("member " + std::to_string(member.id()) + " leads on, and hears nobody");
  }
}

// State machine safety (3.6.3).
void Checker::applied(const Member& member, const SimState& state) {
  const auto index = state.position.index;
  if (index > committed()) return violated("an entry was applied that is not committed");
  auto& known = committed_[static_cast<std::size_t>(index - 1)];
  if (known.position != state.position || (known.chain && *known.chain != state.chain)) {
    return violated("member " + std::to_string(member.id()) + " has another state at entry " +
                    std::to_string(index));
  }
  known.chain = state.chain;
}

void Checker::look_at(const Member& member) {
  learn_commit(member);
  check_members(member);
  note_rare(member);
}

void Checker::learn_commit(const Member& member) {
  const auto& core = member.core();
  const auto index = core.committed();
  if (index <= member.log().before.index) return;
  const auto position = member.log().position(index);
  if (index <= committed()) {
    if (committed_[static_cast<std::size_t>(index - 1)].position != position) {
      violated("member " + std::to_string(member.id()) + " holds another entry " +
               std::to_string(index) + " for committed");
    }
    return;
  }
  // One that is removed steps down in the same step.
  if (core.role() != Role::kLeader && roles_[member.id()].first != Role::kLeader) {
    return violated("entry " + std::to_string(index) + " is committed, as a follower says first");
  }
  for (auto next = committed() + 1; next <= index; ++next) {
    committed_.push_back({member.log().position(next), core.term(), std::nullopt});
  }
  check_on_majority(member, position);
  for (const auto& other : cluster_.members) {
    if (other->process().up() && other->core().role() == Role::kLeader) check_complete(*other);
  }
}

// Those of the last entry that names some, committed or not (4.1).
void Checker::check_members(const Member& member) {
  if (member.core().members() == member.members_by_log()) return;
  violated("member " + std::to_string(member.id()) + " goes by other members than its log");
}

void Checker::check_on_majority(const Member& leader, Position position) {
  const auto& members = leader.core().members();
  const auto voters = members.voters();
  const auto have = std::count_if(voters.begin(), voters.end(), [&](MemberId id) {
    const auto* member = cluster_.find(id);
    return member != nullptr && member->disk().log().holds(position);
  });
  if (static_cast<std::size_t>(have) >= members.quorum()) return;
  violated("entry " + std::to_string(position.index) + " is committed, and durable at " +
           std::to_string(have) + " of " + std::to_string(voters.size()) + " voters");
}

void Checker::note_rare(const Member& member) {
  auto& world = cluster_.world;
  const auto& core = member.core();
  const auto now = std::pair{core.role(), core.term()};
  const auto before = std::exchange(roles_[member.id()], now);
  if (before.first == Role::kLeader && now.first == Role::kFollower &&
      before.second == now.second) {
    world.note(core.members().is_voter(member.id()) ? "a leader that lost its majority"
                                                    : "a leader that was removed");
  }
  if (core.role() != Role::kLeader) return;
  for (const auto& other : cluster_.members) {
    if (other.get() != &member && other->leads() && member.process().works()) {
      world.note("two leaders at once");
    }
  }
  if (core.committed() > core.stored()) world.note("a commit ahead of the leader's disk");
  // Figure 3.7: whoever counts these commits what may be replaced yet.
  const auto reached = consensus::reached_by_majority(core.members(), [&](MemberId id) {
    if (id == member.id()) return core.stored();
    const auto found = core.progress().find(id);
    return found == core.progress().end() ? 0 : found->second.matched;
  });
  if (reached > core.committed() && core.log().term_at(reached) < core.term()) {
    world.note("entries of a former term at a majority, and not committed");
    widespread_.insert(member.log().position(reached));
  }
}

}  // namespace minidfs::sim::raft
