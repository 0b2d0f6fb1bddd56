// The part of the block actor that has to do with who leads: it takes over what a leadership needs,
// and tells those who wait when it has ended.
#include <algorithm>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {

void BlockActorState::begin_office(OfficeBegun& begun) {
  auto& before = begun.before;
  office_term_ = begun.term;
  facts_ = before.facts;
  cluster_clock_ = {facts_.cluster_ms, now()};
  // Before any datanode registers: one that knows as much must not find this namespace behind.
  manager_->note_applied(facts_.applied);
  const auto epoch = before.history.now();
  manager_->begin_office({epoch, begun.mark, std::move(before.history)}, now());
  manager_->forget_admins(now());
  for (const auto& decision : before.node_admins) note_admin(decision);
  // What is staged outlives the leadership whose sessions it belongs to. Their writers have the
  // grace to come back.
  for (const auto& file : before.staged) {
    manager_->adopt_staged(metadata::SessionId{file.session}, file.client, now());
  }
  note_life(epoch.life);
  if (purge_left_) purge();
  announce_safe_mode();
}

void BlockActorState::end_office() {
  office_term_ = 0;
  manager_->end_office();
  if (replaced_) take_replacement();
  const auto view = quorum();
  for (auto& allocation : std::exchange(waiting_, {})) allocation.promise.deliver(not_leader(view));
  for (auto& commit : std::exchange(unproven_, {})) commit.promise.deliver(not_leader(view));
  for (auto& promise : std::exchange(accepting_, {})) promise.deliver(not_leader(view));
  announce_safe_mode();
}

// How many blocks the other namespace has is to be read; until then it is not none.
void BlockActorState::take_replacement() {
  replaced_ = manager_->in_office();
  if (replaced_) return;
  log_info("namenode", "the namespace is another one: all datanodes are to report anew");
  manager_->namespace_replaced();
  facts_.blocks = std::max<std::uint64_t>(facts_.blocks, 1);
  facts_asked_at_.reset();
  ask_facts();
}

}  // namespace minidfs::actors
