// The log and the database of a simulated namenode: entries are synced in batches, and the real
// consensus/applier takes them to a database whose transactions may fail. Both survive the process;
// of what it had not synced the seed decides how much.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/applier.hpp"
#include "sim/whole/namespace_state.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim {

// As SQLite: a transaction that fails is rolled back, and what comes then is in another one. It is
// for the applier to let nothing come.
class SimDatabase final : public consensus::StateMachine {
 public:
  SimDatabase(World& world, Ledger& ledger);

  std::uint64_t applied() const override { return state_.applied(); }
  Result<std::string> apply(std::uint64_t number, std::string_view command) override;
  Status commit_batch() override;
  Result<std::uint64_t> make_durable() override { return applied(); }

  // One of the next transactions fails, in the middle or at its end.
  void fail_soon() { fails_ = true; }
  void works() { fails_ = false; }

  NamespaceState& state() { return state_; }
  void go_back_to(const NamespaceState& copy) { state_ = copy; }

 private:
  Error roll_back();

  World& world_;
  Ledger& ledger_;
  NamespaceState state_;
  bool fails_ = false;
  std::size_t open_ = 0;                  // Changes of the transaction so far.
  std::size_t fails_after_ = 0;           // This many, when it is one that fails.
  std::optional<NamespaceState> before_;  // Kept for such a one only.
};

class SimLog {
 public:
  using Done = std::function<void(const Result<metadata::ChangeReply>&)>;
  using Effects = std::function<void(const NamespaceEffects&)>;

  SimLog(World& world, Ledger& ledger, Process& process)
      : world_(world), process_(process), database_(world, ledger) {}

  // Replays what the database lacks. `effects` is told of each batch before its changes are
  // answered, `failed` when the database has failed: the process has to end.
  void start(Effects effects, std::function<void()> failed);
  // Some of what was being synced may have reached the disk, in order; nobody has been told.
  void kill();

  // REQUIRES: nothing else is under way.
  metadata::ChangeReply propose_and_wait(const metadata::Change& change);
  void propose(const metadata::Change& change, Done done);

  // --- Faults ---
  void slow(bool slow) { slow_ = slow; }
  void fail_store() { database_.fail_soon(); }
  // The database is an older one, and the log is gone.
  void go_back_to(const NamespaceState& copy);

  NamespaceState& state() { return database_.state(); }

 private:
  consensus::CommittedEntry entry_of(const metadata::Change& change, Done done);
  void sync();
  void synced();
  bool apply(std::vector<consensus::CommittedEntry> entries);
  void answer(const std::vector<std::vector<consensus::Completion>>& answers);

  World& world_;
  Process& process_;
  SimDatabase database_;
  std::deque<consensus::CommittedEntry> log_;  // What the database lacks.
  bool slow_ = false;

  // Of one life of the process.
  std::unique_ptr<consensus::Applier> applier_;
  Effects effects_;
  std::function<void()> failed_;
  TimePoint effects_at_{};  // When those of the last batch are told, after all others.
  metadata::ClusterClock cluster_clock_;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, Done> waiting_;            // By sequence.
  std::vector<consensus::CommittedEntry> proposed_;  // Not yet being synced.
  std::vector<consensus::CommittedEntry> syncing_;
};

}  // namespace minidfs::sim
