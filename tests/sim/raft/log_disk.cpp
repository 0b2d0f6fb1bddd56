#include "sim/raft/log_disk.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::sim::raft {

void LogDisk::add(Write write) {
  asked_ = write.number;
  writes_.push_back(std::move(write));
  if (!syncing_) sync();
}

void LogDisk::sync() {
  syncing_ = true;
  const auto count = writes_.size();
  const auto last = writes_.back().number;
  const auto delay = slow ? world_.between(milliseconds{100}, milliseconds{900})
                          : world_.between(milliseconds{0}, milliseconds{6});
  // The disk goes on while its process is stopped; the process hears of it later.
  world_.after(delay, [this, life = process_.life(), count, last] {
    if (!process_.up() || life != process_.life()) return;
    for (std::size_t i = 0; i < count; ++i) {
      become_durable(writes_.front());
      writes_.pop_front();
    }
    syncing_ = false;
    if (!writes_.empty()) sync();
    process_.arrive(life, [this, last] {
      told_ = last;
      done_(last);
    });
  });
}

void LogDisk::become_durable(const Write& write) {
  if (const auto* hard_state = std::get_if<HardState>(&write.what)) {
    hard_state_ = *hard_state;
  } else if (const auto* from = std::get_if<Index>(&write.what)) {
    if (torn_at_ != 0 && *from <= torn_at_) {
      world_.note("a torn tail that another leader's entries replaced");
      torn_at_ = 0;
    }
    log_.cut(*from);
  } else {
    for (const auto& entry : std::get<std::vector<SimEntry>>(write.what)) {
      log_.entries.push_back(entry);
    }
  }
}

void LogDisk::crash() {
  auto kept = world_.below(writes_.size() + 1);
  torn_at_ = 0;
  for (const auto& write : writes_) {
    if (kept > 0) {
      become_durable(write);
      --kept;
      continue;
    }
    if (const auto* hard_state = std::get_if<HardState>(&write.what)) {
      if (hard_state->vote != 0) world_.note("a vote lost in a crash");
    } else if (const auto* entries = std::get_if<std::vector<SimEntry>>(&write.what)) {
      const auto part = world_.below(entries->size() + 1);
      log_.entries.insert(log_.entries.end(), entries->begin(),
                          entries->begin() + static_cast<std::ptrdiff_t>(part));
      if (part > 0 && part < entries->size()) {
        world_.note("a torn tail");
        torn_at_ = log_.last();
      }
    }
    break;
  }
  writes_.clear();
  syncing_ = false;
  asked_ = told_ = 0;
}

void LogDisk::install(const SimState& state, bool log_too) {
  state_ = state;
  if (log_too) log_.reset(state.position);
}

void LogDisk::recover() {
  const auto at = state_.position;
  if (at.index <= log_.before.index) return;
  if (at.index <= log_.last() && log_.at(at.index).info.term == at.term) return;
  log_.reset(at);
}

}  // namespace minidfs::sim::raft
