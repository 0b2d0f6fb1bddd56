#include "sim/whole/namenode.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "actors/commit_change.hpp"
#include "base/codec.hpp"
#include "metadata/namespace_staging.hpp"
#include "sim/whole/orders.hpp"

namespace minidfs::sim {
namespace {

using std::chrono::seconds;

constexpr milliseconds kTick{250};
constexpr std::uint64_t kFewMarks = 8;  // And two more with each leadership.
constexpr milliseconds kDeletesAfter{3000};

// Waits are short, so that a schedule takes few events; their order is that of the defaults.
actors::BlockManagerOptions manager_options(std::uint64_t seed) {
  actors::BlockManagerOptions options;
  options.cluster = ClusterId{1, 1};
  options.nodes = {milliseconds{1500}, milliseconds{4000}};
  options.placement.reserve_bytes = 0;
  options.sessions.grace = seconds(5);
  options.orphans.grace = seconds(5);
  options.orphans.repeat_after = seconds(4);
  options.reports = {2, seconds(2)};
  options.repair.settle_time = seconds(4);
  options.repair.report_wait = seconds(5);
  options.repair.balance = false;
  options.repair.placement.reserve_bytes = 0;
  options.repair_work.copy_timeout = seconds(6);
  options.repair_work.avoid_for = seconds(8);
  options.repair_work.retry_after = seconds(2);
  options.repair_work.delete_repeat = seconds(4);
  options.repair_work.delete_memory = seconds(30);
  options.orders.repeat_after = milliseconds{1500};  // Slow unlinks take longer.
  options.settle = milliseconds{500};
  options.report_patience = milliseconds{1500};
  options.deletes_after = kDeletesAfter;
  options.seed = seed;
  return options;
}

}  // namespace

SimNamenode::SimNamenode(World& world, Ledger& ledger, Orders& orders)
    : world_(world),
      ledger_(ledger),
      orders_(orders),
      process_(world),
      log_(world, ledger, process_),
      promises_(world, kDeletesAfter) {}

std::int64_t SimNamenode::wall_ms() const {
  const auto since = std::chrono::duration_cast<milliseconds>(world_.now().time_since_epoch());
  return 1'000'000 + since.count() + wall_offset_ms_;
}

// Read by another thread: at one moment, and told at a later one.
void SimNamenode::ask_owners(const std::vector<BlockId>& ids, actors::OwnersAnswer answer) {
  const auto wait = [this] { return world_.between(milliseconds{0}, milliseconds{8}); };
  process_.later(wait(), [this, wait, ids, answer = std::move(answer)] {
    std::vector<metadata::OwnedBlock> found;
    for (const auto id : ids) {
      const auto at = state().table().owned().find(id);
      if (at != state().table().owned().end()) found.push_back(at->second);
    }
    process_.later(wait(), [answer, found] { answer(found); });
  });
}

// --- Requests ---------------------------------------------------------------------------------

ClientId SimNamenode::new_client() {
  return metadata::born_client(state().times().cluster_ms, world_.random()());
}

void SimNamenode::allocate(actors::AllocateBlocks request, Respond<actors::WriteGrant> respond) {
  if (const auto refusal = manager_->refusal()) return respond(*refusal);
  const std::uint64_t wanted = std::uint64_t{request.pipelines} * request.blocks_per_pipeline;
  auto grant = manager_->allocate(request, now());
  reserve_ids();
  if (!grant.ok() && grant.error().code == Errc::kUnavailable && manager_->ids_exhausted(wanted)) {
    waiting_.push_back({std::move(request), std::move(respond)});
    return;
  }
  if (grant.ok()) promises_.granted(*grant);
  respond(std::move(grant));
}

void SimNamenode::commit(actors::CommitWrite request, Respond<metadata::ChangeReply> respond) {
  if (const auto refusal = manager_->refusal()) return respond(*refusal);
  request.change.time_ms = wall_ms();
  auto change = actors::change_of(request);
  MDFS_ASSERT(change.ok());  // Writers ask for what fits together.
  try_commit({std::move(request), std::move(*change), now(), std::move(respond)});
}

void SimNamenode::stage(actors::StageWrite request, Respond<metadata::ChangeReply> respond) {
  if (const auto refusal = manager_->refusal()) return respond(*refusal);
  auto& part = request.change;
  part.time_ms = wall_ms();
  auto commit = actors::commit_of(part, std::move(request.written));
  try_commit({std::move(commit), std::move(part), now(), std::move(respond)});
}

void SimNamenode::try_commit(WaitingCommit commit) {
  if (auto kept = state().kept_reply(commit.request.change.request)) {
    world_.note("a commit that was answered from the kept replies");
    return commit.respond(std::move(*kept));
  }
  if (manager_->is_behind()) return commit.respond(*manager_->refusal());
  const auto step = manager_->commit_proposed(commit.request, commit.asked_at, now());
  if (!step.ok()) {
    if (step.error().code == Errc::kExpired) world_.note("an expired commit");
    world_.trace([&] { return "the namenode refuses a commit: " + step.error().message; });
    return commit.respond(step.error());
  }
  if (*step == actors::BlockManager::CommitStep::kWait) {
    world_.note("a commit that waits for a report of its blocks");
    unproven_.push_back(std::move(commit));
    return;
  }
  if (commit.asked_at < now()) world_.note("a commit accepted from a takeover");
  log_.propose(commit.change, [this, commit](const Result<metadata::ChangeReply>& reply) {
    manager_->commit_done(commit.request, reply.ok()
                                              ? std::span<const metadata::Outcome>(reply->outcomes)
                                              : std::span<const metadata::Outcome>());
    commit.respond(reply);
  });
}

void SimNamenode::change(metadata::Change change, Respond<metadata::ChangeReply> respond) {
  if (const auto refusal = manager_->refusal()) return respond(*refusal);
  if (auto* remove = std::get_if<metadata::Remove>(&change)) remove->time_ms = wall_ms();
  log_.propose(change, std::move(respond));
}

Status SimNamenode::renew(const actors::RenewSession& request) {
  auto status = manager_->renew(request, now());
  if (status.ok()) promises_.renewed(request.blocks, state());
  return status;
}

Status SimNamenode::end_session(const actors::EndSession& request) {
  return manager_->end_session(request);
}

void SimNamenode::register_node(const actors::RegisterNode& request,
                                Respond<actors::Registered> respond) {
  if (!request.marks.empty() && !request.epoch.life.is_none() &&
      request.epoch.life != manager_->epoch().life) {
    world_.note("a replica of another life");
  }
  auto registered = manager_->register_node(request, now());
  if (registered.ok() && registered->later) expect_operator();
  respond(std::move(registered));
}

Result<actors::HeartbeatReply> SimNamenode::heartbeat(const actors::Heartbeat& request) {
  auto reply = manager_->heartbeat(request, now());
  if (reply.ok()) orders_.heard(static_cast<Place>(request.node.low), request.changes);
  for (const auto& gone : request.changes.removed) {
    world_.trace([&] {
      return "the namenode hears from node " + std::to_string(request.node.low) + " that block " +
             to_string(gone.id) + " is gone" +
             (reply.ok() && !reply->register_again ? "" : ", in vain");
    });
  }
  if (!reply.ok()) return reply;
  promises_.ordered(*reply, state());
  for (const auto& order : reply->remove) {
    world_.trace([&] {
      return "node " + std::to_string(request.node.low) + " is to remove block " +
             to_string(order.block);
    });
  }
  for (const auto& order : reply->copy) {
    world_.trace([&] {
      return "node " + std::to_string(request.node.low) + " is to copy block " +
             to_string(order.block.id) + " to node " + std::to_string(order.targets[0].port);
    });
  }
  return reply;
}

void SimNamenode::report(const actors::BlockReportPart& request,
                         Respond<actors::Accepted> respond) {
  manager_->report(request, now(), [this, node = request.node, respond](const Status& status) {
    world_.trace([&] {
      return "the report of node " + std::to_string(node.low) +
             " is taken: " + (status.ok() ? "yes" : status.error().message);
    });
    if (status.ok()) return respond(actors::Accepted{});
    respond(status.error());
  });
}

Result<std::vector<metadata::LocatedBlock>> SimNamenode::locate(const std::string& path) {
  const auto found = state().visible().files.find(path);
  if (found == state().visible().files.end()) return Error{Errc::kNotFound, path};
  std::vector<metadata::LocatedBlock> blocks;
  for (const auto& block : found->second.blocks) blocks.push_back({block, 0, {}});
  manager_->locate(blocks, "", false);
  return blocks;
}

bool SimNamenode::reads_from(const metadata::Block& block, Place node) {
  std::vector<metadata::LocatedBlock> located{{block, 0, {}}};
  manager_->locate(located, "", false);
  const auto& locations = located.front().locations;
  return std::any_of(locations.begin(), locations.end(),
                     [&](const auto& location) { return location.data.port == node; });
}

// --- What is logged ----------------------------------------------------------------------------

void SimNamenode::take_effects(const NamespaceEffects& effects) {
  for (const auto& effect : effects.blocks) {
    world_.trace([&] {
      static constexpr std::array kWords{"added", "freed", "retargeted"};
      return "block " + to_string(effect.block.id) + " is " +
             kWords[static_cast<std::size_t>(effect.kind)] + " with " +
             std::to_string(effect.replication) + " copies";
    });
  }
  manager_->apply_effects(effects.blocks);
  manager_->note_stagings(effects.stagings);
  orders_.note_effects(effects.blocks);
}

// Ids come from the mark of a leadership; when they are used up it takes another one.
void SimNamenode::reserve_ids() {
  if (manager_->take_reservation() == 0) return;
  metadata::BeginLeadership change;
  change.time_ms = wall_ms();
  change.number = manager_->epoch().leadership;
  change.mark = static_cast<metadata::BlockMark>(world_.random()() | 1U);
  log_.propose(change, [this, mark = change.mark](const auto&) { ids_reserved(mark); });
}

void SimNamenode::ids_reserved(metadata::BlockMark mark) {
  manager_->ids_reserved({metadata::first_of(mark), metadata::kBlockCountMax});
  for (auto& waiting : std::exchange(waiting_, {})) {
    allocate(std::move(waiting.request), std::move(waiting.respond));
  }
}

void SimNamenode::retire() {
  auto ranges = manager_->take_retirement();
  if (ranges.empty()) return;
  promises_.given_up(ranges);
  log_.propose(metadata::RetireBlockIds{std::move(ranges)},
               [this](const auto& reply) { manager_->retirement_done(reply.ok()); });
}

void SimNamenode::drop_staged() {
  if (manager_->is_behind()) return;
  for (const auto session : manager_->take_fallen()) {
    world_.note("a staged file that fell with its session");
    log_.propose(metadata::DropStaged{session.value}, [this, session](const auto& reply) {
      if (!reply.ok()) manager_->drop_failed(session);
    });
  }
}

// Somebody reads the log, and says after a while that this namespace counts.
void SimNamenode::expect_operator() {
  world_.note("a namenode behind its datanodes");
  if (!went_back_) world_.violated("a namenode that was only killed is behind its datanodes");
  if (std::exchange(operator_called_, true)) return;
  process_.later(world_.between(milliseconds{100}, milliseconds{3000}), [this] { accept(); });
}

void SimNamenode::accept() {
  auto change = manager_->life_to_begin();
  change.time_ms = wall_ms();
  change.life = {world_.random()(), 1};
  change.mark = some_mark();
  log_.propose(change, [this, change](const auto& reply) {
    if (!reply.ok()) return;                           // The process ends.
    if (!reply->outcomes.at(0).ok()) return accept();  // Blocks have this mark.
    operator_called_ = false;
    manager_->begin_life(change, now());
    promises_.leadership_begins();
  });
}

// --- Life and death ---------------------------------------------------------------------------

// So few that they repeat, as long as there is no copy of the namespace that would not know it.
metadata::BlockMark SimNamenode::some_mark() {
  const auto marks = kFewMarks + 2 * state().table().leadership();
  if (!copy_.has_value()) return static_cast<metadata::BlockMark>(1 + world_.below(marks));
  return static_cast<metadata::BlockMark>(world_.random()() | 1U);
}

// As actors/quorum_actor.cpp: logged before anybody is served.
actors::Office SimNamenode::begin_leadership() {
  auto& table = state().table();
  metadata::BeginLeadership change;
  change.time_ms = wall_ms();
  if (table.epoch().life.is_none()) change.life = {world_.random()(), 1};
  change.number = table.leadership() + 1;
  for (;;) {
    change.mark = some_mark();
    if (log_.propose_and_wait(change).outcomes.front().ok()) break;
    world_.note("a mark of blocks that was used before");
  }
  promises_.leadership_begins();
  return {table.epoch(), change.mark, table.history()};
}

void SimNamenode::start() {
  world_.trace([] { return "the namenode starts"; });
  process_.start();
  log_.start([this](const auto& effects) { take_effects(effects); }, [this] { store_failed(); });
  operator_called_ = false;
  orders_.leadership_begins();
  auto office = begin_leadership();
  manager_ = std::make_unique<actors::BlockManager>(
      manager_options(world_.random()()),
      [this](const std::vector<BlockId>& ids, actors::OwnersAnswer answer) {
        ask_owners(ids, std::move(answer));
      },
      now());
  manager_->begin_office(std::move(office), now());
  for (const auto& [session, file] : state().table().staged_files()) {
    world_.note("a staged file that outlived its namenode");
    manager_->adopt_staged(metadata::SessionId{session}, file.client, now());
  }
  tick();
}

// As the actors do: a process whose database has failed says nothing more.
void SimNamenode::store_failed() {
  kill();
  if (failed_) failed_();
}

void SimNamenode::kill() {
  if (!process_.up()) return;
  world_.trace([] { return "the namenode is killed"; });
  process_.kill();
  log_.kill();
  waiting_.clear();
  unproven_.clear();
  for (auto& closed : std::exchange(gone_, {})) {
    world_.after(world_.between(milliseconds{1}, milliseconds{20}), std::move(closed));
  }
}

void SimNamenode::take_copy() { copy_ = state(); }

void SimNamenode::restore_copy() {
  MDFS_ASSERT(!process_.up());
  world_.trace([] { return "the namespace goes back to a copy"; });
  if (copy_->applied() < state().applied()) world_.note("a namespace that went back");
  std::set<BlockId> removed;
  for (const auto& [id, owned] : copy_->table().owned()) {
    if (!state().table().owned().contains(id)) removed.insert(id);
  }
  log_.go_back_to(*copy_);
  went_back_ = true;
  ledger_.restored(removed);
}

void SimNamenode::tick() {
  manager_->note_applied(state().applied());
  manager_->tick(state().table().owned().size(), now());
  for (auto& commit : std::exchange(unproven_, {})) try_commit(std::move(commit));
  retire();
  drop_staged();
  reserve_ids();
  process_.later(kTick, [this] { tick(); });
}

actors::StatusReply SimNamenode::status() {
  actors::StatusReply reply;
  manager_->fill_status(reply, state().table().owned().size(), now());
  return reply;
}

std::vector<actors::BlockProblem> SimNamenode::problems() const {
  return manager_->problems(BlockId{0}, BlockId{~std::uint64_t{0} >> 1U}, {}, 10);
}

}  // namespace minidfs::sim
