// The disk of a simulated member: what was asked for becomes durable in that order, later. A crash
// keeps some of what was not, perhaps a part of the last piece.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <variant>
#include <vector>

#include "sim/raft/payload.hpp"
#include "sim/whole/process.hpp"

namespace minidfs::sim::raft {

class LogDisk {
 public:
  using Done = std::function<void(std::uint64_t write)>;

  LogDisk(World& world, Process& process) : world_(world), process_(process) {}

  void store(std::uint64_t write, HardState hard_state) { add({write, hard_state}); }
  void cut(std::uint64_t write, Index from) { add({write, from}); }
  void store(std::uint64_t write, std::vector<SimEntry> entries) {
    add({write, std::move(entries)});
  }
  // Told of what is durable, in the life that asked.
  void on_done(Done done) { done_ = std::move(done); }

  // Nothing is under way, and its owner knows that.
  bool quiet() const { return told_ == asked_; }
  void crash();
  // A seed takes the place of all that there is. REQUIRES: quiet(), but for `log_too` false: the
  // power fails in between.
  void install(const SimState& state, bool log_too);
  // What a start finds: a log that goes on where the state is, or from before.
  void recover();

  // The state machine's own files.
  void checkpoint(const SimState& state) { state_ = state; }
  void trim(Index to) { log_.trim(to); }

  bool slow = false;

  // Durable.
  const HardState& hard_state() const { return hard_state_; }
  const SimLog& log() const { return log_; }
  const SimState& state() const { return state_; }

 private:
  struct Write {
    std::uint64_t number = 0;
    std::variant<HardState, Index, std::vector<SimEntry>> what;
  };

  void add(Write write);
  void sync();
  void become_durable(const Write& write);

  World& world_;
  Process& process_;
  Done done_;
  std::deque<Write> writes_;
  bool syncing_ = false;
  std::uint64_t asked_ = 0;  // The last write, in this life.
  std::uint64_t told_ = 0;
  HardState hard_state_;
  SimLog log_;
  SimState state_;
  Index torn_at_ = 0;  // A crash kept entries up to here of more that were written together.
};

}  // namespace minidfs::sim::raft
