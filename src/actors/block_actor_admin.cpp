// The part of the block actor that operators talk to.
#include <algorithm>
#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "actors/old_reads.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {
namespace {

// About a hundred years: what is longer is a mistake.
constexpr std::chrono::milliseconds kMaintenanceMax = std::chrono::hours(24 * 36'525);

// Of a check of all blocks: blocks of the namespace looked at, and problems told, at a time.
constexpr std::uint32_t kCheckedPage = 4096;
constexpr std::size_t kProblemsMax = 1000;

// How long an operator waits for the disk.
constexpr std::chrono::milliseconds kFactsPatience{1000};

}  // namespace

// Told by a namenode that leads for certain, unless what it tells may be old.
caf::result<StatusReply> BlockActorState::status(const Patience& patience) {
  auto promise = self_->make_response_promise<StatusReply>();
  if (may_be_old(*log_, patience)) {
    tell_status(promise);
    return promise;
  }
  const auto number = next_token_++;
  asked_status_.emplace(number, promise);
  log_->read_index([me = caf::actor_cast<BlockActor>(self_), number](consensus::ReadAnswer answer) {
    caf::anon_send(me, ReadConfirmed{number, std::move(answer)});
  });
  return promise;
}

void BlockActorState::take_confirmation(ReadConfirmed& confirmed) {
  const auto found = asked_status_.find(confirmed.number);
  if (found == asked_status_.end()) return;
  auto promise = std::move(found->second);
  asked_status_.erase(found);
  const auto& index = confirmed.answer.index;
  if (index.ok()) return tell_status(std::move(promise));
  promise.deliver(index.error().code == Errc::kNotLeader ? not_leader(quorum())
                                                         : to_caf(index.error()));
}

HttpNodesReply BlockActorState::http_nodes() const {
  auto reply = manager_->http_nodes();
  if (http_access_) reply.namenode = http_access_();
  return reply;
}

// What the disk does not tell in time is told as it was before.
void BlockActorState::tell_status(caf::typed_response_promise<StatusReply> promise) {
  if (const auto silent = silence(); silent >= kFactsPatience) {
    promise.deliver(status_reply(silent));
    return;
  }
  self_->request(owners_, kFactsPatience, NamespaceFactsWanted{})
      .then(
          [this, promise](const NamespaceFacts& facts) mutable {
            facts_ = facts;
            promise.deliver(status_reply({}));
          },
          [this, promise](caf::error& error) mutable {
            if (error == caf::sec::request_timeout) {
              promise.deliver(status_reply(std::max(silence(), kFactsPatience)));
            } else {
              promise.deliver(std::move(error));
            }
          });
}

// For how long the disk has answered no read, or no change of the log.
std::chrono::milliseconds BlockActorState::silence() {
  const auto changes = log_->silent_for();
  if (!facts_asked_at_) return changes;
  return std::max(changes,
                  std::chrono::duration_cast<std::chrono::milliseconds>(now() - *facts_asked_at_));
}

StatusReply BlockActorState::status_reply(std::chrono::milliseconds silent) {
  StatusReply reply;
  reply.files = facts_.files;
  reply.directories = facts_.directories;
  manager_->fill_status(reply, facts_.blocks, now());
  reply.asks_secret = asks_secret_;
  reply.directory = directory_;
  reply.directory_silent_ms = static_cast<std::uint64_t>(silent.count());
  return reply;
}

ScrubReply BlockActorState::scrub(const ScrubRequest& request) {
  return manager_->scrub(request, wall_clock_ms());
}

caf::result<metadata::ChangeReply> BlockActorState::decide(const DecideNode& request) {
  if (request.action > metadata::NodeAction::kForget) {
    return to_caf({Errc::kInvalidArgument, "an unknown decision about a datanode"});
  }
  metadata::SetNodeAdmin change;
  change.request = request.request;
  change.time_ms = wall_clock_ms();
  change.decision.node = request.node;
  Proposal proposal;
  proposal.kind = Proposal::Kind::kDecide;
  switch (request.action) {
    case metadata::NodeAction::kRecommission:
      break;
    case metadata::NodeAction::kDecommission:
      change.decision.admin = metadata::AdminState::kDecommissioning;
      break;
    case metadata::NodeAction::kMaintenance:
      if (request.for_ms <= 0 || request.for_ms > kMaintenanceMax.count()) {
        return to_caf(
            {Errc::kInvalidArgument, "maintenance for " + std::to_string(request.for_ms) + " ms"});
      }
      change.decision.admin = metadata::AdminState::kMaintenance;
      change.decision.until_ms = change.time_ms + request.for_ms;
      break;
    case metadata::NodeAction::kForget:
      if (auto status = manager_->check_forget(request.node); !status.ok()) {
        return to_caf(status.error());
      }
      proposal.forgets = request.node;
      break;
  }
  auto promise = self_->make_response_promise<metadata::ChangeReply>();
  proposal.promise = promise;
  propose(std::move(proposal), change);
  return promise;
}

// The end of maintenance is a time of day for operators and a moment of our clock for the registry.
void BlockActorState::note_admin(const metadata::NodeAdmin& decision) {
  const std::chrono::milliseconds left{decision.until_ms - wall_clock_ms()};
  manager_->set_admin(decision, now() + std::max(left, std::chrono::milliseconds{0}), now());
}

// The block map knows what is wrong with the blocks that it has heard of. Only when some are
// unknown to it the namespace's blocks are gone through, a page at a time.
caf::result<CheckBlocksReply> BlockActorState::check_blocks(const CheckBlocksRequest& request) {
  auto promise = self_->make_response_promise<CheckBlocksReply>();
  if (!manager_->knows_too_little(facts_.blocks)) {
    tell_problems(request.from, false, {}, promise);
    return promise;
  }
  const BlockId last{~std::uint64_t{0} >> 1U};
  self_->request(owners_, caf::infinite, OwnersBetween{request.from, last, kCheckedPage})
      .then(
          [this, promise, from = request.from](BlockOwners& page) {
            tell_problems(from, page.owned.size() == kCheckedPage, std::move(page.owned), promise);
          },
          [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

void BlockActorState::tell_problems(BlockId from, bool whole_page,
                                    std::vector<metadata::OwnedBlock> page,
                                    caf::typed_response_promise<CheckBlocksReply> promise) {
  CheckBlocksReply reply;
  reply.outstanding = manager_->reports_outstanding(now());
  BlockId last{~std::uint64_t{0} >> 1U};
  if (whole_page) {
    last = page.back().block.id;
    reply.next = BlockId{last.value + 1};
  }
  reply.problems = manager_->problems(from, last, page, kProblemsMax);
  if (reply.problems.size() == kProblemsMax) {
    reply.next = BlockId{reply.problems.back().block.id.value + 1};
  }
  promise.delegate(owners_, PathsOf{std::move(reply)});
}

}  // namespace minidfs::actors
