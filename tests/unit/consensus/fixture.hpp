// What the log's tests share: a directory that goes away, a state in memory, a proposer that waits.
#pragma once

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "consensus/log.hpp"
#include "support/temporary_directory.hpp"

namespace minidfs::consensus::test {

// Long enough for a busy machine; nothing waits that long when all is well.
constexpr std::chrono::seconds kDeadline{60};

using minidfs::test::TemporaryDirectory;

// Keeps all commands in memory. The reply to a command is how many there are with it. An object
// that lives longer than a Log plays the database that survives a restart.
class MemoryState : public StateMachine {
 public:
  std::vector<std::string> commands;
  std::vector<std::uint64_t> numbers;  // Of the commands.
  std::vector<std::size_t> batch_sizes;
  std::uint64_t fail_at = 0;  // The count of the command that cannot be applied.
  bool fail_commit = false;
  std::string note;  // About the disk's room.
  std::atomic<bool> fail_durable{false};
  std::atomic<std::uint64_t> durable{0};  // What make_durable() returned last.
  std::atomic<std::uint64_t> durable_calls{0};

  MemoryState() = default;
  // A database of before, with commands 1, 2, 3, …
  explicit MemoryState(std::vector<std::string> content) : commands(std::move(content)) {
    for (std::uint64_t number = 1; number <= commands.size(); ++number) numbers.push_back(number);
    committed_ = commands.size();
  }
  // Another database, with the first commands of `whole`.
  MemoryState(const MemoryState& whole, std::size_t count)
      : commands(whole.commands.begin(),
                 whole.commands.begin() + static_cast<std::ptrdiff_t>(count)),
        numbers(whole.numbers.begin(), whole.numbers.begin() + static_cast<std::ptrdiff_t>(count)) {
    committed_ = applied();
  }
  // How many commands have numbers up to this one.
  std::size_t count_up_to(std::uint64_t number) const {
    return static_cast<std::size_t>(std::upper_bound(numbers.begin(), numbers.end(), number) -
                                    numbers.begin());
  }

  std::size_t calls_after_failure = 0;  // Of apply() and commit_batch().

  std::uint64_t applied() const override { return numbers.empty() ? 0 : numbers.back(); }

  Result<std::string> apply(std::uint64_t number, std::string_view command) override {
    if (failed_) ++calls_after_failure;
    if (commands.size() + 1 == fail_at) return failure("database: cannot write");
    MDFS_ASSERT(number > applied());
    commands.emplace_back(command);
    numbers.push_back(number);
    ++open_batch_;
    return std::to_string(commands.size());
  }
  Status commit_batch() override {
    if (failed_) ++calls_after_failure;
    if (fail_commit) return failure("database: cannot commit");
    batch_sizes.push_back(open_batch_);
    open_batch_ = 0;
    committed_ = applied();
    return {};
  }
  std::string room_note() const override { return note; }
  Result<std::uint64_t> make_durable() override {
    ++durable_calls;
    if (fail_durable) return Error{Errc::kIoError, "database: cannot sync"};
    durable = committed_.load();
    return durable.load();
  }
  std::uint64_t committed() const { return committed_; }

 private:
  Error failure(const char* message) {
    failed_ = true;
    return Error{Errc::kIoError, message};
  }

  bool failed_ = false;
  std::size_t open_batch_ = 0;
  std::atomic<std::uint64_t> committed_{0};
};

// Proposes with ascending tokens and collects the answers in the order in which they come.
class Proposer {
 public:
  explicit Proposer(Log& log) : log_(log) {
    channel_ = log.add_channel([this](std::vector<Completion> completions) {
      const std::lock_guard lock(mutex_);
      deliveries_.push_back(completions.size());
      for (auto& completion : completions) answers_.push_back(std::move(completion));
      changed_.notify_all();
    });
  }

  std::uint64_t propose(std::string command) {
    log_.propose(channel_, ++token_, std::move(command));
    return token_;
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kDeadline, [&] { return answers_.size() >= count; });
    REQUIRE(came);
  }
  Result<std::string> propose_and_wait(std::string command) {
    const auto before = answers().size();
    propose(std::move(command));
    wait_for(before + 1);
    return answers()[before].reply;
  }
  std::vector<Completion> answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  std::vector<std::size_t> deliveries() {
    const std::lock_guard lock(mutex_);
    return deliveries_;
  }

 private:
  Log& log_;
  ChannelId channel_ = 0;
  std::uint64_t token_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Completion> answers_;
  std::vector<std::size_t> deliveries_;
};

// Remembers the first fatal error.
class FatalErrors {
 public:
  Log::FatalHandler handler() {
    return [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      errors_.push_back(error);
    };
  }
  std::vector<Error> errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }

 private:
  std::mutex mutex_;
  std::vector<Error> errors_;
};

inline LogOptions options_for(const std::string& directory) {
  LogOptions options;
  options.directory = directory;
  options.free_space_min_bytes = 0;
  return options;
}

inline std::unique_ptr<Log> open_log(const LogOptions& options, StateMachine& state) {
  auto log = Log::open(options, state, [](const Error& error) {
    assertion_failed(error.message.c_str(), "fatal handler of the test", 0);
  });
  if (!log.ok()) FAIL(log.error().message);
  return std::move(log).value();
}

// Proposes `count` commands "<prefix><i>" and waits for their success.
inline void fill(Log& log, const std::string& prefix, int count) {
  Proposer proposer(log);
  for (int i = 0; i < count; ++i) proposer.propose(prefix + std::to_string(i));
  proposer.wait_for(static_cast<std::size_t>(count));
  for (const auto& answer : proposer.answers()) REQUIRE(answer.reply.ok());
}

}  // namespace minidfs::consensus::test
