#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// Proposes until an answer is an error, which it returns.
Error first_error(Proposer& proposer, const std::string& command) {
  for (int i = 0; i < 1000; ++i) {
    auto reply = proposer.propose_and_wait(command);
    if (!reply.ok()) return reply.error();
  }
  FAIL("a thousand commands were accepted");
  return {};
}

}  // namespace

TEST_CASE("a command that cannot be applied stops the member and tells its owner once") {
  TemporaryDirectory directory;
  MemoryState state;
  state.fail_at = 3;
  FatalErrors fatal;
  auto log = Log::open(options_for(directory.path()), state, fatal.handler()).value();
  Proposer proposer(*log);
  for (int i = 0; i < 10; ++i) proposer.propose("c");
  proposer.wait_for(10);
  const auto answers = proposer.answers();
  for (std::size_t i = 2; i < 10; ++i) CHECK_FALSE(answers[i].reply.ok());
  CHECK(proposer.propose_and_wait("later").error().code == Errc::kUnavailable);
  CHECK_FALSE(log->is_leader());
  log.reset();
  REQUIRE(fatal.errors().size() == 1);
  CHECK(fatal.errors()[0].message == "database: cannot write");
  CHECK(state.commands.size() == 2);
}

TEST_CASE("a batch that cannot be committed is not answered with success") {
  TemporaryDirectory directory;
  MemoryState state;
  state.fail_commit = true;
  FatalErrors fatal;
  auto log = Log::open(options_for(directory.path()), state, fatal.handler()).value();
  Proposer proposer(*log);
  // The command is in the log, so a state that works gets it after the restart: no refusal.
  CHECK(proposer.propose_and_wait("c").error().code == Errc::kUnavailable);
  log.reset();
  CHECK(fatal.errors().size() == 1);
  MemoryState healthy;
  log = open_log(options_for(directory.path()), healthy);
  CHECK(healthy.commands == std::vector<std::string>{"c"});
}

TEST_CASE("the log says for how long it has answered nothing") {
  class HangingState : public MemoryState {
   public:
    std::atomic<bool> hangs{true};
    Status commit_batch() override {
      while (hangs) std::this_thread::yield();
      return MemoryState::commit_batch();
    }
  };
  TemporaryDirectory directory;
  HangingState state;
  FatalErrors fatal;
  auto log = Log::open(options_for(directory.path()), state, fatal.handler()).value();
  CHECK(log->silent_for() == std::chrono::milliseconds(0));
  Proposer proposer(*log);
  proposer.propose("c");
  while (log->silent_for() < std::chrono::milliseconds(20)) std::this_thread::yield();
  state.hangs = false;
  proposer.wait_for(1);
  CHECK(log->silent_for() == std::chrono::milliseconds(0));
}

TEST_CASE("a state that failed is not touched again, neither at once nor at the end") {
  TemporaryDirectory directory;
  MemoryState state;
  state.fail_at = GENERATE(std::uint64_t{0}, std::uint64_t{3});
  state.fail_commit = state.fail_at == 0;
  FatalErrors fatal;
  auto log = Log::open(options_for(directory.path()), state, fatal.handler()).value();
  Proposer proposer(*log);
  for (int i = 0; i < 10; ++i) proposer.propose("c");
  proposer.wait_for(10);
  log.reset();
  CHECK(fatal.errors().size() == 1);
  CHECK(state.calls_after_failure == 0);
}

TEST_CASE("a state that fails in a replay is not touched again") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  fill(*log, "c", 10);
  log.reset();
  MemoryState failing;
  failing.fail_at = GENERATE(std::uint64_t{0}, std::uint64_t{3});
  failing.fail_commit = failing.fail_at == 0;
  FatalErrors fatal;
  CHECK_FALSE(Log::open(options_for(directory.path()), failing, fatal.handler()).ok());
  CHECK(failing.calls_after_failure == 0);
}

TEST_CASE("a long replay is committed in portions") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  fill(*log, "c", 10'000);
  log.reset();
  MemoryState empty;
  log = open_log(options_for(directory.path()), empty);
  CHECK(empty.commands == state.commands);
  for (const std::size_t size : empty.batch_sizes) CHECK(size <= 4096);
}

TEST_CASE("a state that cannot be made durable stops the member, and the log is not cut") {
  TemporaryDirectory directory;
  MemoryState state;
  state.fail_durable = true;
  FatalErrors fatal;
  auto options = options_for(directory.path());
  options.checkpoint_entries = 50;
  auto log = Log::open(options, state, fatal.handler()).value();
  Proposer proposer(*log);
  CHECK(first_error(proposer, "c").message == "database: cannot sync");
  log.reset();
  REQUIRE(fatal.errors().size() == 1);
  CHECK(fatal.errors()[0].message == "database: cannot sync");
  CHECK(state.durable_calls == 1);
  MemoryState empty;
  log = open_log(options_for(directory.path()), empty);
  CHECK(empty.commands.size() >= state.commands.size());
}

TEST_CASE("a disk that fails stops the member with an error that names the directory") {
  TemporaryDirectory directory;
  const auto path = directory.path() + "/log";
  std::filesystem::create_directory(path);
  MemoryState state;
  FatalErrors fatal;
  auto log = Log::open(options_for(path), state, fatal.handler()).value();
  Proposer proposer(*log);
  CHECK(proposer.propose_and_wait("before").ok());
  // Segments that exist stay writable; the next one cannot be created.
  std::filesystem::rename(path, path + "-gone");
  const auto error = first_error(proposer, std::string(1 << 20, 'x'));
  CHECK(error.message.find(path) != std::string::npos);
  CHECK_FALSE(proposer.propose_and_wait("after").ok());
  log.reset();
  CHECK(fatal.errors().size() == 1);
}

}  // namespace minidfs::consensus::test
