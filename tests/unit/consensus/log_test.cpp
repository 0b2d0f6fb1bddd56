#include <filesystem>
#include <numeric>
#include <set>
#include <thread>

#include "fixture.hpp"

namespace minidfs::consensus::test {

TEST_CASE("a fresh directory gives a log that leads at once") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  CHECK(log->is_leader());
  Proposer proposer(*log);
  CHECK(proposer.propose_and_wait("a").value() == "1");
  CHECK(proposer.propose_and_wait("").value() == "2");
  CHECK(proposer.propose_and_wait(std::string(1000, 'z')).value() == "3");
  log.reset();
  CHECK(state.commands == std::vector<std::string>{"a", "", std::string(1000, 'z')});
}

TEST_CASE("commands go on across restarts, whatever Raft itself adds to its log") {
  TemporaryDirectory directory;
  MemoryState state;
  for (std::uint64_t round = 0; round < 4; ++round) {
    auto log = open_log(options_for(directory.path()), state);
    Proposer proposer(*log);
    CHECK(proposer.propose_and_wait("x").value() == std::to_string(2 * round + 1));
    CHECK(proposer.propose_and_wait("y").value() == std::to_string(2 * round + 2));
  }
  CHECK(state.commands.size() == 8);
  CHECK(state.applied() == 12);  // Each leadership begins with an entry of its own.
}

TEST_CASE("a restart offers only what the state lacks") {
  TemporaryDirectory directory;
  MemoryState complete;
  {
    auto log = open_log(options_for(directory.path()), complete);
    fill(*log, "c", 50);
  }
  MemoryState lacks_some(complete, 20);
  {
    auto log = open_log(options_for(directory.path()), lacks_some);
    CHECK(lacks_some.commands == complete.commands);
    CHECK(std::accumulate(lacks_some.batch_sizes.begin(), lacks_some.batch_sizes.end(), 0UL) == 30);
    CHECK(lacks_some.committed() == complete.applied());
  }
  MemoryState empty;
  {
    auto log = open_log(options_for(directory.path()), empty);
    CHECK(empty.commands == complete.commands);
  }
  {
    auto log = open_log(options_for(directory.path()), complete);
    CHECK(complete.commands.size() == 50);
  }
}

TEST_CASE("every proposal is answered exactly once and in order, on its own channel") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  constexpr std::size_t kEach = 3000;
  Proposer first(*log);
  Proposer second(*log);
  const auto propose_all = [](Proposer& proposer, const char* prefix) {
    for (std::size_t i = 0; i < kEach; ++i) proposer.propose(prefix + std::to_string(i));
  };
  std::thread other([&] { propose_all(second, "b"); });
  propose_all(first, "a");
  other.join();
  first.wait_for(kEach);
  second.wait_for(kEach);
  log.reset();
  std::set<std::string> numbers;
  for (auto* proposer : {&first, &second}) {
    const auto answers = proposer->answers();
    REQUIRE(answers.size() == kEach);
    for (std::size_t i = 0; i < kEach; ++i) {
      REQUIRE(answers[i].token == i + 1);
      const auto number = std::stoul(answers[i].reply.value());
      REQUIRE(state.commands[number - 1] == (proposer == &first ? "a" : "b") + std::to_string(i));
      REQUIRE(numbers.insert(answers[i].reply.value()).second);
    }
  }
  CHECK(state.commands.size() == 2 * kEach);
}

TEST_CASE("what comes while a batch is being synced makes the next batch") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  constexpr std::size_t kCount = 4000;
  Proposer proposer(*log);
  for (std::size_t i = 0; i < kCount; ++i) proposer.propose("p");
  proposer.wait_for(kCount);
  log.reset();
  CHECK(state.batch_sizes.size() < kCount / 4);
  // The answers of one batch come in one piece, after it was committed.
  CHECK(proposer.deliveries().size() <= state.batch_sizes.size());
  CHECK(state.committed() == state.applied());
}

TEST_CASE("a command above the limit is refused alone") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  Proposer proposer(*log);
  proposer.propose("small");
  proposer.propose(std::string((1 << 20) + 1, 'x'));
  proposer.propose(std::string(1 << 20, 'y'));
  proposer.wait_for(3);
  std::map<std::uint64_t, Result<std::string>> replies;
  for (const auto& answer : proposer.answers()) replies.emplace(answer.token, answer.reply);
  CHECK(replies.at(1).ok());
  CHECK(replies.at(2).error().code == Errc::kTooLarge);
  CHECK_THAT(replies.at(2).error().message,
             Catch::Contains("1048577 bytes") && Catch::Contains("1048576 bytes at most"));
  CHECK(replies.at(3).ok());
}

TEST_CASE("changes are refused while the disk lacks the space that was set aside") {
  TemporaryDirectory directory;
  MemoryState state;
  state.note = "; a note of the state's";
  auto options = options_for(directory.path());
  options.free_space_min_bytes = ~0ULL;
  auto log = open_log(options, state);
  Proposer proposer(*log);
  const auto reply = proposer.propose_and_wait("a");
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().code == Errc::kNoSpace);
  CHECK(reply.error().message.find(directory.path()) != std::string::npos);
  CHECK_THAT(reply.error().message, Catch::EndsWith(state.note));
  log.reset();
  CHECK(state.commands.empty());
}

TEST_CASE("a directory in use is refused, and free again after the log is closed") {
  TemporaryDirectory directory;
  MemoryState state;
  auto log = open_log(options_for(directory.path()), state);
  MemoryState other;
  const auto second = Log::open(options_for(directory.path()), other, nullptr);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Errc::kInUse);
  CHECK(second.error().message.find(directory.path()) != std::string::npos);
  log.reset();
  log = open_log(options_for(directory.path()), state);
  CHECK(log->is_leader());
}

TEST_CASE("what is unanswered when the log is closed is answered as unavailable") {
  TemporaryDirectory directory;
  MemoryState state;
  constexpr std::size_t kCount = 20000;
  auto log = open_log(options_for(directory.path()), state);
  Proposer proposer(*log);
  for (std::size_t i = 0; i < kCount; ++i) proposer.propose("s" + std::to_string(i));
  log.reset();
  const auto answers = proposer.answers();
  REQUIRE(answers.size() == kCount);
  std::size_t done = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    REQUIRE(answers[i].token == i + 1);
    if (answers[i].reply.ok()) {
      REQUIRE(done == i);
      ++done;
    } else {
      REQUIRE(answers[i].reply.error().code == Errc::kUnavailable);
    }
  }
  REQUIRE(state.commands.size() >= done);
  // What was not answered with success may be in the log; nothing that was is missing.
  MemoryState reloaded;
  log = open_log(options_for(directory.path()), reloaded);
  CHECK(reloaded.commands.size() >= done);
}

TEST_CASE("a missing directory is refused, and checkpoints after every 0 entries") {
  TemporaryDirectory directory;
  MemoryState state;
  auto missing = Log::open(options_for(directory.path() + "/none"), state, nullptr);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == Errc::kNotFound);
  auto options = options_for(directory.path());
  options.checkpoint_entries = 0;
  CHECK(Log::open(options, state, nullptr).error().code == Errc::kInvalidArgument);
  CHECK(std::filesystem::is_empty(directory.path()));
}

}  // namespace minidfs::consensus::test
