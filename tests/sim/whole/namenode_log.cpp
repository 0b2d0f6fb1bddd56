#include "sim/whole/namenode_log.hpp"

#include <algorithm>
#include <utility>

#include "base/codec.hpp"

namespace minidfs::sim {

namespace {

// In some schedules so short and few that clients are forgotten which still ask.
metadata::ClientAges::Options some_ages(World& world) {
  metadata::ClientAges::Options options;
  if (world.chance(3)) options.idle_ms = 4000;
  if (world.chance(4)) options.clients_max = 2;
  return options;
}

}  // namespace

// --- The database -----------------------------------------------------------------------------

SimDatabase::SimDatabase(World& world, Ledger& ledger)
    : world_(world), ledger_(ledger), state_(some_ages(world)) {}

Result<std::string> SimDatabase::apply(std::uint64_t number, std::string_view command) {
  if (open_ == 0 && std::exchange(fails_, false)) {
    before_ = state_;
    fails_after_ = world_.below(3);
  }
  if (before_.has_value() && open_ == fails_after_) return roll_back();
  ++open_;
  return state_.apply(number, command, ledger_);
}

Status SimDatabase::commit_batch() {
  if (before_.has_value()) return roll_back();
  open_ = 0;
  for (const auto operation : state_.take_done()) ledger_.applied(operation);
  return {};
}

Error SimDatabase::roll_back() {
  if (open_ > 0) world_.note("a transaction rolled back with changes in it");
  world_.trace([] { return "a transaction of the namenode fails"; });
  state_ = *std::exchange(before_, std::nullopt);
  open_ = 0;
  return {Errc::kIoError, "the database cannot be written"};
}

// --- The log ----------------------------------------------------------------------------------

void SimLog::start(Effects effects, std::function<void()> failed) {
  effects_ = std::move(effects);
  failed_ = std::move(failed);
  database_.works();
  cluster_clock_ = {state().times().cluster_ms, world_.now()};
  applier_ = std::make_unique<consensus::Applier>(database_);
  if (!log_.empty()) world_.note("an entry of the log that outlived its answer");
  for (auto& entry : log_) entry.waiter.reset();  // Nobody of this life.
  MDFS_ASSERT(apply({log_.begin(), log_.end()}));
  static_cast<void>(state().table().take_effects());  // Reports tell what is there.
}

void SimLog::kill() {
  const auto kept = world_.below(syncing_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) log_.push_back(std::move(syncing_[i]));
  syncing_.clear();
  proposed_.clear();
  waiting_.clear();
  applier_.reset();
}

void SimLog::go_back_to(const NamespaceState& copy) {
  log_.clear();
  database_.go_back_to(copy);
}

consensus::CommittedEntry SimLog::entry_of(const metadata::Change& change, Done done) {
  waiting_[++sequence_] = std::move(done);
  return {{0, 1, consensus::EntryKind::kCommand,
           metadata::encode_change(change, cluster_clock_.read(world_.now()))},
          consensus::Waiter{0, sequence_}};
}

metadata::ChangeReply SimLog::propose_and_wait(const metadata::Change& change) {
  std::optional<metadata::ChangeReply> given;
  const auto entry = entry_of(change, [&](const auto& reply) { given = reply.value(); });
  log_.push_back(entry);
  MDFS_ASSERT(apply({entry}));
  answer(applier_->take_completions());
  return *given;
}

void SimLog::propose(const metadata::Change& change, Done done) {
  proposed_.push_back(entry_of(change, std::move(done)));
  if (syncing_.empty()) sync();
}

void SimLog::sync() {
  if (proposed_.empty()) return;
  syncing_ = std::exchange(proposed_, {});
  const auto most = slow_ ? milliseconds{3000} : milliseconds{12};
  process_.later(world_.between(milliseconds{1}, most), [this] { synced(); });
}

// The database is ahead of the block map for as long as the effects take to reach it. Answers go
// another way, and may come after what later entries have done.
void SimLog::synced() {
  const auto entries = std::exchange(syncing_, {});
  log_.insert(log_.end(), entries.begin(), entries.end());
  if (!apply(entries)) {
    world_.note("a store that failed");
    return failed_();
  }
  effects_at_ =
      std::max(effects_at_, world_.now() + world_.between(milliseconds{0}, milliseconds{5}));
  const auto wait = std::chrono::duration_cast<milliseconds>(effects_at_ - world_.now());
  process_.later(wait, [this, effects = state().table().take_effects()] { effects_(effects); });
  const auto most = world_.chance(6) ? milliseconds{3000} : milliseconds{5};
  process_.later(wait + world_.between(milliseconds{0}, most),
                 [this, answers = applier_->take_completions()] { answer(answers); });
  sync();
}

// False when the database has failed. The applier alone sees to it that then nothing more happens.
bool SimLog::apply(std::vector<consensus::CommittedEntry> entries) {
  for (auto& committed : entries) {
    committed.entry.index = applier_->index() + 1;
    static_cast<void>(applier_->apply(committed));
  }
  if (!applier_->commit().ok()) return false;
  log_.clear();
  return true;
}

void SimLog::answer(const std::vector<std::vector<consensus::Completion>>& answers) {
  for (const auto& channel : answers) {
    for (const auto& completion : channel) {
      const auto done = waiting_.extract(completion.token);
      if (done.empty()) continue;
      done.mapped()(decode<metadata::ChangeReply>(*completion.reply, "reply"));
    }
  }
}

}  // namespace minidfs::sim
