// What must hold after every step of every member, found without the core's help: figure 3.2 of
// Ongaro's dissertation, and that what is committed is on the disks of a majority.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "consensus/raft/raft_core.hpp"
#include "sim/raft/payload.hpp"
#include "sim/whole/world.hpp"

namespace minidfs::sim::raft {

class Cluster;
class Member;

class Checker {
 public:
  explicit Checker(Cluster& cluster) : cluster_(cluster) {}

  // What members do.
  void appended(Position before, Index index, const SimEntry& entry);
  void changes_members(const Member& leader);  // Before the entry is in its log.
  void voted(MemberId voter, Term term, MemberId candidate);
  void leads(const Member& member, Term term);
  void handed_over(MemberId to, Term term) { successors_[term + 1] = to; }
  void announced(const Member& member, Index index);
  // All that it had from `from` on; before it is gone.
  void cut(const Member& member, Index from);
  // With a state up to there; before its log is gone.
  void seeded(const Member& member, Index index);
  void applied(const Member& member, const SimState& state);
  // What a message of a term that is over did: `before` is what was there before.
  struct Standing {
    consensus::Role role = consensus::Role::kFollower;
    Term term = 0;
    MemberId leader = 0;
    Index committed = 0;
    Position last;

    friend bool operator==(const Standing&, const Standing&) = default;
  };
  static Standing standing(const Member& member);
  void heard_of_before(const Member& member, const Standing& before);
  // What a Tick did: `term` is that of before.
  void time_passed(const Member& member, Term term);
  // After each step.
  void look_at(const Member& member);

  Index committed() const { return committed_.size(); }

 private:
  struct Committed {
    Position position;
    Term by = 0;  // The term of the leader who found it to be.
    std::optional<Chain> chain;
  };

  void learn_commit(const Member& member);
  void check_on_majority(const Member& leader, Position position);
  void check_members(const Member& member);
  void check_complete(const Member& leader);
  void note_rare(const Member& member);
  void violated(const std::string& what);

  Cluster& cluster_;
  std::map<Position, Chain> chains_{{Position{}, 0}};  // Of every entry that ever was.
  std::map<std::pair<Term, MemberId>, MemberId> votes_;
  std::map<Term, MemberId> leaders_;
  std::map<Term, MemberId> successors_;
  std::vector<Committed> committed_;  // From entry 1 on.
  std::map<MemberId, std::pair<consensus::Role, Term>> roles_;
  std::set<Position> widespread_;  // Were of a former term at a majority, and not committed.
};

}  // namespace minidfs::sim::raft
