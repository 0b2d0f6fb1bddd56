// A process as the others meet it: it runs, is stopped (its timers and what arrives wait) or is
// gone (all of that is lost). Lives are counted, so that nothing of an earlier one acts in a later.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "sim/whole/world.hpp"

namespace minidfs::sim {

class Process {
 public:
  explicit Process(World& world) : world_(world) {}

  bool up() const { return up_; }
  bool stopped() const { return stopped_; }
  bool works() const { return up_ && !stopped_; }
  // Without a break; for one that works.
  TimePoint works_since() const { return works_since_; }
  std::uint64_t life() const { return life_; }

  void start() {
    up_ = true;
    stopped_ = false;
    ++life_;
    works_since_ = world_.now();
  }
  void kill() {
    up_ = false;
    stopped_ = false;
    backlog_.clear();
  }
  void stop() { stopped_ = up_; }
  void go_on() {
    if (!std::exchange(stopped_, false)) return;
    works_since_ = world_.now();
    world_.after(milliseconds{0}, [this, life = life_] {
      if (up_ && life == life_) take_backlog();
    });
  }

  // A timer of this life.
  void later(milliseconds delay, std::function<void()> event) {
    world_.after(delay, [this, life = life_, event = std::move(event)]() mutable {
      arrive(life, std::move(event));
    });
  }
  // Something that is meant for the process as it was in `life`.
  void arrive(std::uint64_t life, std::function<void()> event) {
    if (!up_ || life != life_) return;
    if (stopped_ || !backlog_.empty()) {  // Nothing overtakes what came before.
      backlog_.push_back(std::move(event));
    } else {
      event();
    }
  }

 private:
  void take_backlog() {
    while (!stopped_ && !backlog_.empty()) {
      const auto event = std::move(backlog_.front());
      backlog_.pop_front();
      event();
    }
  }

  World& world_;
  bool up_ = false;
  bool stopped_ = false;
  std::uint64_t life_ = 0;
  TimePoint works_since_{};
  std::deque<std::function<void()>> backlog_;
};

}  // namespace minidfs::sim
