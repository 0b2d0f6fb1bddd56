// The power fails between any two file calls: what was promised is there, what was cut off is not,
// and the log goes on. A random history is recorded once; then the disk is built as each crash may
// have left it, with what was not synced lost, kept, or kept in part.
#include <optional>

#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// What the log's owner may rely on.
struct Promise {
  std::vector<Entry> entries;  // All that were appended and not cut off, from index 1.
  Index synced = 0;
  Index committed = 0;  // As the log was told; never cut off.
  HardState hard_state;
  Index dropped_below = 1;
};

// One change: the calls up to `calls_end` are done when it returns.
struct Step {
  Promise after;
  std::size_t calls_end = 0;
};

class History {
 public:
  History(const std::string& directory, unsigned seed)
      : options_(small_segments(directory)), random_(seed) {
    options_.spare_segments_max = 1;
    recorder_.emplace(directory);
    log_ = new_segments(options_);
    promise_.dropped_below = 1;
    end_step();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) change();
    calls_ = recorder_->calls();
    recorder_.reset();
    log_.reset();
  }

  const std::vector<FileCall>& calls() const { return calls_; }
  const std::vector<Step>& steps() const { return steps_; }

 private:
  unsigned upto(unsigned count) { return static_cast<unsigned>(random_() % count); }

  void change() {
    const auto choice = upto(100);
    if (choice < 42) return append();
    if (choice < 72) return sync();
    if (choice < 78) return vote();
    if (choice < 86) return cut();
    if (choice < 93) return drop();
    return start_again();
  }

  void append() {
    if (upto(4) == 0) ++term_;
    const auto entries = next_entries(*log_, term_, 1 + upto(5), 10 + upto(150));
    promise_.committed = std::min(promise_.committed + upto(7), promise_.synced);
    REQUIRE(log_->append(entries, promise_.committed).ok());
    promise_.entries.insert(promise_.entries.end(), entries.begin(), entries.end());
    end_step();
  }
  void sync() {
    REQUIRE(log_->sync().ok());
    promise_.synced = log_->last().index;
    end_step();
  }
  void vote() {
    promise_.hard_state = {++term_, upto(2) == 0 ? kMember : 0};
    REQUIRE(log_->store_hard_state(promise_.hard_state).ok());
    end_step();
  }
  void cut() {
    const auto lowest = std::max(log_->before().index, promise_.committed) + 1;
    if (lowest > log_->last().index) return;
    const auto from = std::max<Index>(lowest, log_->last().index - upto(12) % log_->last().index);
    REQUIRE(log_->cut_from(from).ok());
    promise_.entries.resize(from - 1);
    promise_.synced = from - 1;
    end_step();
  }
  void drop() {
    if (promise_.committed == 0) return;
    promise_.dropped_below =
        std::max(promise_.dropped_below, promise_.committed - upto(3) % promise_.committed);
    REQUIRE(log_->drop_before(promise_.dropped_below).ok());
    end_step();
  }
  void start_again() {
    log_.reset();
    log_ = open_segments(options_, promise_.dropped_below - 1);
    promise_.synced = log_->last().index;
    end_step();
  }
  void end_step() { steps_.push_back({promise_, recorder_->calls().size()}); }

  SegmentedLog::Options options_;
  std::mt19937 random_;
  std::optional<FileRecorder> recorder_;
  std::unique_ptr<SegmentedLog> log_;
  Term term_ = 1;
  Promise promise_;
  std::vector<FileCall> calls_;
  std::vector<Step> steps_;
};

// The log has all that is promised, and nothing but what was appended.
bool keeps(const Promise& promise, const SegmentedLog& log, const std::vector<Entry>& found) {
  const auto last = log.last().index;
  if (last < promise.synced || last > promise.entries.size()) return false;
  if (log.before().index >= promise.dropped_below) return false;
  return std::equal(found.begin(), found.end(),
                    promise.entries.begin() + static_cast<std::ptrdiff_t>(log.before().index));
}

// A crash in the middle of `next`, before which all of `done` was promised.
void check_crash(const std::string& directory, const Step& done, const Step& next) {
  const FileRecorder no_syncs(directory);
  const auto options = small_segments(directory);
  const auto applied = next.after.dropped_below - 1;
  auto log = open_segments(options, applied);
  const auto found = all_entries(*log);
  REQUIRE((keeps(done.after, *log, found) || keeps(next.after, *log, found)));
  const auto hard_state = log->hard_state();
  REQUIRE((hard_state == done.after.hard_state || hard_state == next.after.hard_state));
  REQUIRE(log->committed() <= next.after.committed);

  // It goes on from there, and what it then has is all that it has.
  append_synced(*log, 1'000'000, 3, 90);
  const auto expected = all_entries(*log);
  log.reset();
  log = open_segments(options, applied);
  REQUIRE(all_entries(*log) == expected);
}

}  // namespace

TEST_CASE("a power cut between any two file calls loses nothing that was promised") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  std::filesystem::create_directory(directory);
  History history(directory, seed);
  history.run(110);
  REQUIRE(history.calls().size() > 150);

  CrashedDisk disk;
  std::mt19937 random(seed);
  auto next = history.steps().begin();
  int checked = 0;
  for (std::size_t place = 0; place < history.calls().size(); ++place) {
    disk.carry_out(history.calls()[place]);
    while (next->calls_end <= place) ++next;
    if (next == history.steps().begin()) continue;  // The log is not made yet; see below.
    for (const auto kept : {CrashedDisk::Kept::kSynced, CrashedDisk::Kept::kAll,
                            CrashedDisk::Kept::kSome, CrashedDisk::Kept::kSome}) {
      CAPTURE(seed, place, kept);
      write_contents(directory, disk.contents(kept, random));
      check_crash(directory, *(next - 1), *next);
      ++checked;
    }
  }
  CHECK(checked > 400);
}

TEST_CASE("what a start has found is there after a power cut, whatever the disk had of it before") {
  const auto seed = GENERATE(1U, 2U);
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  std::filesystem::create_directory(directory);
  History history(directory, seed);
  history.run(110);
  const auto options = small_segments(directory);

  // After each call the process is killed, or its next one is a sync that fails, so that it ends
  // by itself. All that it wrote is seen by the next start.
  const auto& calls = history.calls();
  CrashedDisk disk;
  std::mt19937 random(seed);
  auto next = history.steps().begin();
  for (std::size_t place = 0; place + 1 < calls.size(); ++place) {
    disk.carry_out(calls[place]);
    while (next->calls_end <= place) ++next;
    if (next == history.steps().begin()) continue;
    const auto applied = next->after.dropped_below - 1;
    for (const bool sync_fails : {false, true}) {
      if (sync_fails && calls[place + 1].kind != FileCall::Kind::kSync) continue;
      CAPTURE(seed, place, sync_fails);
      auto restarted = disk;
      if (sync_fails) restarted.fail_sync(calls[place + 1].name);
      write_contents(directory, disk.contents(CrashedDisk::Kept::kAll, random));
      std::vector<Entry> found;
      {
        const FileRecorder recorder(directory);
        found = all_entries(*open_segments(options, applied));
        for (const auto& call : recorder.calls()) restarted.carry_out(call);
      }
      write_contents(directory, restarted.contents(CrashedDisk::Kept::kSynced, random));
      const FileRecorder no_syncs(directory);
      REQUIRE(all_entries(*open_segments(options, applied)) == found);
    }
  }
}

TEST_CASE("a power cut while a log is made leaves none or the whole") {
  TemporaryDirectory parent;
  const auto directory = parent.path() + "/log";
  std::filesystem::create_directory(directory);
  const auto options = small_segments(directory);
  std::vector<FileCall> calls;
  {
    FileRecorder recorder(directory);
    SegmentedLog::Origin origin;
    origin.member = kMember;
    origin.before = {3, 20};
    REQUIRE(SegmentedLog::create(options, origin).ok());
    calls = recorder.calls();
  }
  std::mt19937 random(5);
  int none = 0;
  int whole = 0;
  CrashedDisk disk;
  for (const auto& call : calls) {
    for (const auto kept : {CrashedDisk::Kept::kSynced, CrashedDisk::Kept::kAll,
                            CrashedDisk::Kept::kSome, CrashedDisk::Kept::kSome}) {
      write_contents(directory, disk.contents(kept, random));
      const FileRecorder no_syncs(directory);
      const bool exists = SegmentedLog::exists(directory).value();
      ++(exists ? whole : none);
      const auto log = exists ? open_segments(options, 20) : new_segments(options, {3, 20});
      append_synced(*log, 4, 1);
      CHECK(log->last() == Position{4, 21});
    }
    disk.carry_out(call);
  }
  CHECK(none > 10);
  CHECK(whole >= 1);
}

}  // namespace minidfs::consensus::test
