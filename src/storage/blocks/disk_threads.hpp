// The threads of one disk: every file call that others wait for is made here, so that a disk that
// hangs holds up nobody but these threads. Each kind of work has its own queue and threads.
// Thread-safe.
//
// A disk that is found to hang gives up whatever waits for it, running calls included: those that
// wait are told so, and what a call brings when it does come back is let go of.
#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "storage/blocks/disk_health.hpp"

namespace minidfs::storage {

class DiskThreads {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::string directory;
    std::chrono::milliseconds timeout{10'000};
    // Told of the effects of health, by any thread, which holds no lock.
    std::function<void(const DiskHealth::Effects&)> changed;
  };

  // `run` makes the calls; then either `done` or `given_up` is called, once. `given_up` may be
  // empty: such a job is done however long that takes. It may be called from within submit().
  struct Job {
    std::function<void()> run;
    std::function<void()> done;
    std::function<void(const Error&)> given_up;
  };

  explicit DiskThreads(Options options);
  ~DiskThreads() { finish(); }
  DiskThreads(const DiskThreads&) = delete;
  DiskThreads& operator=(const DiskThreads&) = delete;

  void submit(DiskWork work, Job job);

  // Does what was submitted, and ends the threads.
  void finish();

  // `run` returns a result, which `done` gets; or the error of a disk that hangs.
  template <class R>
  void ask(DiskWork work, std::function<R()> run, std::function<void(R)> done) {
    auto result = std::make_shared<std::optional<R>>();
    submit(work, {[run = std::move(run), result] { result->emplace(run()); },
                  [result, done] { done(std::move(**result)); },
                  [done](const Error& error) { done(R(error)); }});
  }

  // The same, waited for. Not from a thread of this disk.
  template <class R>
  R ask_and_wait(DiskWork work, std::function<R()> run);

  // Waits until `run` was called, or the disk hangs; it is called in any case, some day.
  Status do_and_wait(DiskWork work, std::function<void()> run);

  // To be called by jobs between two calls.
  void progress(DiskWork work) { step(DiskHealth::Event::kProgress, work); }

  // Marks a call that another thread makes, for as long as this lives.
  class Call {
   public:
    Call(DiskThreads& threads, DiskWork work) : threads_(threads), work_(work) {
      threads_.step(DiskHealth::Event::kBegan, work_);
    }
    ~Call() { threads_.step(DiskHealth::Event::kEnded, work_); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    DiskThreads& threads_;
    const DiskWork work_;
  };

  // The disk is given up for good; its calls return errors.
  void fail() { step(DiskHealth::Event::kFailed, DiskWork::kRead); }
  // To be called several times within the time-out.
  void tick();

  DiskCondition condition() const;
  std::chrono::milliseconds stalled_for() const;
  Error hangs_error() const;

 private:
  struct Pending {
    Job job;
    Clock::time_point since;
    bool settled = false;  // Guarded by mutex_.
  };
  using PendingPtr = std::shared_ptr<Pending>;
  struct Lane {
    std::deque<PendingPtr> queue;
    std::vector<PendingPtr> running;
    std::size_t idle = 0;
    std::condition_variable ready;
  };

  void run(DiskWork work);
  void step(DiskHealth::Event event, DiskWork work);
  std::vector<PendingPtr> take_overdue(Clock::time_point before);

  const Options options_;
  mutable std::mutex mutex_;
  DiskHealth health_;
  std::array<Lane, kDiskWorkKinds> lanes_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

template <class R>
R DiskThreads::ask_and_wait(DiskWork work, std::function<R()> run) {
  // Shared, as whoever answers may still be at it when the answer is here.
  const auto answer = std::make_shared<std::promise<R>>();
  ask<R>(work, std::move(run), [answer](R result) { answer->set_value(std::move(result)); });
  return answer->get_future().get();
}

}  // namespace minidfs::storage
