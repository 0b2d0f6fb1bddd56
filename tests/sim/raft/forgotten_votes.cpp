#include "sim/raft/forgotten_votes.hpp"

namespace minidfs::sim::raft {
namespace {

constexpr int kPatienceMs = 2000;

}  // namespace

// Of three the leader is needed for an election, so it hands over.
void ForgottenVotes::begin() {
  auto* leader = cluster_.leader();
  if (leader == nullptr) return;
  const auto voters = leader->core().members().voters();
  const auto deaf = voters[cluster_.world.below(voters.size())];
  const auto next = voters[cluster_.world.below(voters.size())];
  if (deaf == leader->id() || next == leader->id() || next == deaf) return;
  cut_off(deaf, true);
  for (const auto& member : cluster_.members) member->dies_of_vote = member->id() != deaf;
  const auto term = leader->core().term();
  if (voters.size() > 3) {
    leader->crash();
    cluster_.start_later(*leader);
  } else {
    leader->transfer(next);
  }
  crash_elected(deaf, term, kPatienceMs);
}

void ForgottenVotes::cut_off(MemberId deaf, bool cut) {
  for (const auto& other : cluster_.members) {
    cut ? cluster_.cut(other->id(), deaf) : cluster_.mend(other->id(), deaf);
  }
}

void ForgottenVotes::crash_elected(MemberId deaf, Term after, int patience_ms) {
  auto* leader = cluster_.leader();
  const bool elected = leader != nullptr && leader->core().term() > after;
  if (elected && !cluster_.healed) {
    leader->crash();
    cluster_.start_later(*leader);
  }
  if (elected || patience_ms == 0 || cluster_.healed) {
    for (const auto& member : cluster_.members) member->dies_of_vote = false;
    return cut_off(deaf, false);
  }
  cluster_.world.after(milliseconds{1}, [this, deaf, after, patience_ms] {
    crash_elected(deaf, after, patience_ms - 1);
  });
}

}  // namespace minidfs::sim::raft
