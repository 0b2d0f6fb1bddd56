#include "storage/blocks/scrubber.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/logging.hpp"
#include "base/units.hpp"
#include "base/wall_clock.hpp"
#include "storage/version_file.hpp"

namespace minidfs::storage {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPage = 256;
constexpr std::size_t kFilesPage = 4096;
constexpr std::uint64_t kStateFormat = 2;
constexpr std::size_t kStateBytesMax = 4096;
constexpr std::chrono::seconds kSaveInterval{30};
// While clients are served each read waits for a pause, but not for ever: a round must end some
// day.
constexpr std::chrono::milliseconds kBusyPoll{50};
constexpr std::chrono::milliseconds kBusyWaitMax{1000};

// Of ioprio_set(2), whose numbers glibc does not have.
constexpr int kIoPriorityOfThread = 1;
constexpr int kIoClassBestEffort = 2 << 13;
constexpr int kIoClassIdle = 3 << 13;
constexpr int kIoLowest = 7;

// Reads in the background go after everybody else's, where the I/O scheduler knows of priorities.
void set_io_priority(bool at_full_speed) {
  ::syscall(SYS_ioprio_set, kIoPriorityOfThread, 0,
            at_full_speed ? kIoClassBestEffort | kIoLowest : kIoClassIdle);
}

}  // namespace

Scrubber::Scrubber(BlockStore& store, ScrubberOptions options)
    : store_(store), options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

Scrubber::~Scrubber() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Scrubber::request_round(std::uint64_t number) {
  {
    const std::lock_guard lock(mutex_);
    requested_ = std::max(requested_, number);
  }
  wake_.notify_all();
}

ScrubProgress Scrubber::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

// The process ends, or somebody asks for a round while this one is in the background.
bool Scrubber::interrupted() const { return stopping_ || (!at_full_speed_ && requested_ > begun_); }

bool Scrubber::wait_until(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, until, [this] { return interrupted(); });
  return !interrupted();
}

void Scrubber::run() {
  load_state();
  Clock::time_point next_round = Clock::now();
  Clock::time_point next_look = next_round;
  if (saved_.began_ms != 0 && saved_.after == 0) {
    const auto age =
        std::chrono::milliseconds(wall_clock_ms()) - std::chrono::milliseconds(saved_.began_ms);
    next_round +=
        std::clamp(options_.interval - age, std::chrono::milliseconds{0}, options_.interval);
  }
  for (;;) {
    const bool in_background = options_.rate_bytes != 0;
    const auto due = in_background ? std::min(next_round, next_look) : next_look;
    wait_until(due);
    std::uint64_t requested = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (requested_ > begun_) requested = begun_ = requested_;
    }
    at_full_speed_ = requested != 0;
    set_io_priority(at_full_speed_);
    const Clock::time_point now = Clock::now();
    if (at_full_speed_ || (in_background && now >= next_round)) {
      round(requested);
      next_round = now + options_.interval;
    } else if (check_all_files() && in_background && check_new()) {
      check_called_bad();
    }
    at_full_speed_ = false;
    next_look = Clock::now() + options_.look_interval;
  }
}

// Without a readable file the first round begins at once.
void Scrubber::load_state() {
  if (options_.state_file.empty()) return;
  const auto text = read_file(options_.state_file, kStateBytesMax);
  if (!text) return;
  const auto values = parse_version(*text, kStateFormat, {"began_ms", "after", "ended_ms"},
                                    options_.state_file, "it is made anew");
  if (!values) return;
  const auto began_ms = parse_number((*values)[0]);
  const auto after = parse_number((*values)[1]);
  const auto ended_ms = parse_number((*values)[2]);
  if (!began_ms || !after || !ended_ms) return;
  saved_ = {*began_ms, *after, *ended_ms};
  const std::lock_guard lock(mutex_);
  progress_.last_end_ms = static_cast<std::int64_t>(saved_.ended_ms);
}

void Scrubber::save_state() {
  saved_at_ = Clock::now();
  if (options_.state_file.empty()) return;
  // When it cannot be written the disk fails by its own probe; the next start begins a new round.
  static_cast<void>(
      replace_file(options_.state_file,
                   format_version(kStateFormat, {{"began_ms", std::to_string(saved_.began_ms)},
                                                 {"after", std::to_string(saved_.after)},
                                                 {"ended_ms", std::to_string(saved_.ended_ms)}})));
}

void Scrubber::round(std::uint64_t requested) {
  {
    const std::lock_guard lock(mutex_);
    progress_.checked = 0;
    progress_.bad = 0;
    progress_.total = store_.usage().replicas;
  }
  next_read_ = Clock::now();
  const auto began_ms = static_cast<std::uint64_t>(wall_clock_ms());
  BlockId after;
  if (requested == 0 && saved_.after != 0) {
    after = BlockId{saved_.after};  // Where the last process stopped.
  } else {
    // What was stored before a round is checked in its course.
    while (!store_.take_new(kPage).empty()) continue;
    if (requested == 0) saved_.began_ms = began_ms;
  }
  store_.check_indexes();
  if (!check_all_files()) return;
  if (!scan(after, requested == 0)) {
    if (requested == 0) save_state();
    return;
  }
  if (requested != 0) saved_.began_ms = began_ms;
  saved_.after = 0;
  saved_.ended_ms = static_cast<std::uint64_t>(wall_clock_ms());
  save_state();
  const std::lock_guard lock(mutex_);
  progress_.last_end_ms = static_cast<std::int64_t>(saved_.ended_ms);
  if (requested != 0) progress_.last_requested = requested;
  log_info("scrubber", "{} replicas checked, {} bad", progress_.checked, progress_.bad);
}

// Checks everything above `after`. False when that was interrupted.
bool Scrubber::scan(BlockId after, bool save) {
  for (;;) {
    const auto page = store_.list(after, kPage);
    if (!page.ok() || page->empty()) return check_new();
    for (const ReplicaInfo& replica : *page) {
      if (!check_new() || !check_one(replica)) return false;
    }
    after = page->back().block;
    if (!save) continue;
    saved_.after = after.value;
    if (Clock::now() - saved_at_ >= kSaveInterval) save_state();
  }
}

bool Scrubber::check_new() {
  for (;;) {
    const auto newest = store_.take_new(1);
    if (newest.empty()) return true;
    if (!check_one(newest.front())) return false;
  }
}

bool Scrubber::check_called_bad() {
  if (!options_.take_called_bad) return true;
  for (const BlockId block : options_.take_called_bad()) {
    const auto replica = store_.find(block);
    if (replica && !check_one(*replica)) return false;
  }
  return true;
}

bool Scrubber::check_one(const ReplicaInfo& replica) {
  const std::uint64_t finding = options_.finding ? options_.finding(replica) : 0;
  const Status status = store_.verify(replica.block, replica.generation,
                                      [this](std::size_t bytes) { return pace(bytes); });
  if (!status.ok()) {
    const Errc code = status.error().code;
    if (code == Errc::kCancelled) return false;
    // It was removed or replaced since it was listed.
    if (code == Errc::kNotFound || code == Errc::kStale) return true;
    report(replica, status.error().message);
  } else if (finding != 0) {
    options_.found_whole(replica, finding);
  }
  const std::lock_guard lock(mutex_);
  ++progress_.checked;
  progress_.total = std::max(progress_.total, progress_.checked);
  return !interrupted();
}

bool Scrubber::check_all_files() {
  BlockStore::FilesChecked page;
  while (!page.end) {
    page = store_.check_files(page.last, kFilesPage);
    for (const ReplicaInfo& replica : page.missing) {
      // Told now, counted when the reading comes to it; at full speed that is soon enough for both.
      if (!at_full_speed_) options_.found_bad(replica, "its file is missing or too short");
    }
    const std::lock_guard lock(mutex_);
    if (interrupted()) return false;
  }
  return true;
}

void Scrubber::report(const ReplicaInfo& replica, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    ++progress_.bad;
  }
  options_.found_bad(replica, reason);
}

bool Scrubber::pace(std::size_t bytes) {
  if (at_full_speed_) {
    const std::lock_guard lock(mutex_);
    return !interrupted();
  }
  const Clock::time_point busy_until = Clock::now() + kBusyWaitMax;
  while (options_.busy && options_.busy() && Clock::now() < busy_until) {
    if (!wait_until(Clock::now() + kBusyPoll)) return false;
  }
  // Time that was not used is not made up for.
  next_read_ = std::max(next_read_, Clock::now() - kBusyWaitMax);
  if (!wait_until(next_read_)) return false;
  next_read_ += std::chrono::microseconds(bytes * 1'000'000 / options_.rate_bytes);
  return true;
}

}  // namespace minidfs::storage
