// The part of the block actor that operators talk to.
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/block_actor.hpp"
#include "base/wall_clock.hpp"

namespace minidfs::actors {
namespace {

// About a hundred years: what is longer is a mistake.
constexpr std::chrono::milliseconds kMaintenanceMax = std::chrono::hours(24 * 36'525);

// Blocks of the namespace that one request goes through.
constexpr std::uint32_t kCheckPage = 4096;

}  // namespace

caf::result<StatusReply> BlockActorState::status() {
  auto counters = reader_->counters();
  if (!counters.ok()) return to_caf(counters.error());
  StatusReply reply;
  reply.files = counters->files;
  reply.directories = counters->directories;
  manager_->fill_status(reply, counters->blocks, now());
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

caf::result<CheckBlocksReply> BlockActorState::check_blocks(const CheckBlocksRequest& request) {
  auto reply = problems_from(request.from);
  if (!reply.ok()) return to_caf(reply.error());
  return std::move(reply).value();
}

// The block map knows what is wrong with the blocks that it has heard of. Only when some are
// unknown to it the namespace's blocks are gone through, a page at a time.
Result<CheckBlocksReply> BlockActorState::problems_from(BlockId from) {
  constexpr std::size_t kProblemsMax = 1000;
  MDFS_TRY(const auto counters, reader_->counters());
  std::vector<metadata::OwnedBlock> page;
  BlockId last{~std::uint64_t{0} >> 1U};
  CheckBlocksReply reply;
  if (manager_->knows_too_little(counters.blocks)) {
    MDFS_TRY(const auto rows, reader_->blocks_between(from, last, kCheckPage));
    for (const auto& row : rows)
      page.push_back({{row.id, row.generation, row.length}, row.replication});
    if (rows.size() == kCheckPage) last = rows.back().id;
    reply.next = rows.size() == kCheckPage ? BlockId{last.value + 1} : BlockId{};
  }
  auto problems = manager_->problems(from, last, page, kProblemsMax);
  if (problems.size() == kProblemsMax) {
    reply.next = BlockId{problems.back().block.id.value + 1};
  }
  for (auto& problem : problems) {
    const auto owner = reader_->owner_of(problem.block.id);
    if (!owner.ok()) continue;  // Its file was removed meanwhile.
    auto path = reader_->path_of(*owner);
    if (!path.ok()) continue;
    problem.path = std::move(*path);
    reply.problems.push_back(std::move(problem));
  }
  return reply;
}

}  // namespace minidfs::actors
