#include <filesystem>
#include <thread>

#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

LogOptions cut_often(const std::string& directory) {
  auto options = options_for(directory);
  options.checkpoint_entries = 100;
  return options;
}

std::uintmax_t size_of(const std::string& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::error_code gone;  // The log removes files while this looks at them.
    const auto size = entry.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

TEST_CASE("the log is cut behind a durable state, and numbers go on after a restart") {
  TemporaryDirectory directory;
  MemoryState state;
  for (int round = 0; round < 5; ++round) {
    auto log = open_log(cut_often(directory.path()), state);
    REQUIRE(state.commands.size() == static_cast<std::size_t>(round) * 1000);
    fill(*log, "r" + std::to_string(round) + std::string(10'000, 'x'), 1000);
  }
  CHECK(state.durable_calls > 0);
  CHECK(state.durable > 0);
  // The whole log is longer than what is left of it: an empty database cannot be rebuilt.
  MemoryState empty;
  const auto refused = Log::open(cut_often(directory.path()), empty, nullptr);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kCorrupt);
  CHECK(refused.error().message.find("database is older than the log") != std::string::npos);
  // A database that holds no more than what was made durable is brought up to date.
  MemoryState survivor(state, state.count_up_to(state.durable));
  auto log = open_log(cut_often(directory.path()), survivor);
  CHECK(survivor.commands == state.commands);
}

TEST_CASE("a log that is behind its database is refused and says both numbers") {
  TemporaryDirectory directory;
  MemoryState state;
  {
    auto log = open_log(options_for(directory.path()), state);
    fill(*log, "c", 7);
  }
  state.commands.push_back("from another log");
  state.numbers.push_back(state.applied() + 1);
  const auto refused = Log::open(options_for(directory.path()), state, nullptr);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::kCorrupt);
  CHECK(refused.error().message.find("behind its database") != std::string::npos);
  // The entry with which the leadership began is the first one.
  CHECK(refused.error().message.find(" 8,") != std::string::npos);
  CHECK(refused.error().message.find("up to 9") != std::string::npos);

  TemporaryDirectory empty;
  const auto also_refused = Log::open(options_for(empty.path()), state, nullptr);
  REQUIRE_FALSE(also_refused.ok());
  CHECK(also_refused.error().code == Errc::kCorrupt);
}

TEST_CASE("the directory stays small however many commands go through") {
  TemporaryDirectory directory;
  MemoryState state;
  auto options = options_for(directory.path());
  options.checkpoint_entries = 2000;
  auto log = open_log(options, state);
  for (int i = 0; i < 10; ++i) {
    fill(*log, std::string(500, 'x'), 10000);
    // Segments of 8 MiB, and what one checkpoint does not yet cover.
    CHECK(size_of(directory.path()) < 64 << 20);
  }
  CHECK(state.commands.size() == 100000);
}

TEST_CASE("a few large commands cut the log as many small ones do") {
  TemporaryDirectory directory;
  MemoryState state;
  auto options = options_for(directory.path());
  options.checkpoint_bytes = 1 << 20;
  auto log = open_log(options, state);
  for (int i = 0; i < 10; ++i) {
    fill(*log, std::string(20'000, 'x'), 1000);
    // And what goes through while a checkpoint is made; 200 MB otherwise.
    CHECK(size_of(directory.path()) < 96 << 20);
  }
  CHECK(state.commands.size() == 10'000);
  CHECK(state.durable_calls > 4);
}

TEST_CASE("a log is cut although each of its processes ends early") {
  TemporaryDirectory directory;
  MemoryState state;
  for (int start = 0; start < 2; ++start) {
    auto log = open_log(cut_often(directory.path()), state);
    fill(*log, "c", 60);
    CHECK(state.durable_calls == 0);
  }
  auto log = open_log(cut_often(directory.path()), state);
  const auto give_up = std::chrono::steady_clock::now() + kDeadline;
  while (state.durable == 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  CHECK(state.durable == state.applied());
}

TEST_CASE("closing the log while a checkpoint is being made waits for it") {
  struct SlowState : MemoryState {
    std::mutex mutex;
    std::condition_variable changed;
    bool entered = false;
    bool may_go = false;
    Result<std::uint64_t> make_durable() override {
      std::unique_lock lock(mutex);
      entered = true;
      changed.notify_all();
      changed.wait_for(lock, kDeadline, [&] { return may_go; });
      return MemoryState::make_durable();
    }
  };
  TemporaryDirectory directory;
  SlowState state;
  auto log = open_log(cut_often(directory.path()), state);
  fill(*log, "c", 300);
  {
    std::unique_lock lock(state.mutex);
    REQUIRE(state.changed.wait_for(lock, kDeadline, [&] { return state.entered; }));
  }
  // Proposals are answered while the state is being made durable.
  fill(*log, "d", 300);
  std::thread closing([&] { log.reset(); });
  {
    const std::lock_guard lock(state.mutex);
    state.may_go = true;
    state.changed.notify_all();
  }
  closing.join();
  CHECK(state.commands.size() == 600);
  log = open_log(cut_often(directory.path()), state);
  fill(*log, "e", 10);
}

}  // namespace minidfs::consensus::test
