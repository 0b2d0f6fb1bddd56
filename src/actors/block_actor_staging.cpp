// The part of BlockActorState that has to do with staged files.
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "actors/commit_change.hpp"
#include "metadata/namespace_staging.hpp"

namespace minidfs::actors {

caf::result<metadata::ChangeReply> BlockActorState::stage(StageWrite& request) {
  auto& part = request.change;
  if (metadata::block_count(part) > metadata::kStagedAtOnceMax) {
    return to_caf({Errc::kTooLarge, "a part of more than " +
                                        std::to_string(metadata::kStagedAtOnceMax) + " blocks"});
  }
  auto commit = commit_of(part, std::move(request.written));
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  try_commit({std::move(commit), std::move(part), promise, now()});
  return promise;
}

void BlockActorState::drop_staged() {
  if (manager_->is_behind()) return;
  for (const auto session : manager_->take_fallen()) {
    Proposal proposal;
    proposal.kind = Proposal::Kind::kDropStaged;
    proposal.session = session;
    propose(std::move(proposal), metadata::DropStaged{session.value});
  }
}

}  // namespace minidfs::actors
