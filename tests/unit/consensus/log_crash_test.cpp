// kill -9 at any time loses nothing that was acknowledged. A child process proposes and reports
// each acknowledgement through a pipe; this process kills it and compares.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <unordered_map>

#include "base/file.hpp"
#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

constexpr std::size_t kRecordBytes = 16;
constexpr std::size_t kStoredBytes = 8 + kRecordBytes;  // The number, and the command.
constexpr std::uint64_t kInFlight = 48;

// A command is its round and its number within the round, so that all are different.
std::string command_of(std::uint64_t round, std::uint64_t i) {
  std::string bytes(kRecordBytes, '\0');
  std::memcpy(bytes.data(), &round, 8);
  std::memcpy(bytes.data() + 8, &i, 8);
  return bytes;
}

// A database without syncs: what is committed survives kill -9 and is never made safe otherwise.
class FileState : public StateMachine {
 public:
  explicit FileState(const std::string& path) {
    auto fd = open_file(path, O_RDWR | O_CREAT | O_APPEND);
    MDFS_ASSERT(fd.ok());
    fd_ = std::move(fd).value();
    auto content = read_file(path, std::size_t{1} << 30);
    MDFS_ASSERT(content.ok());
    content->resize(content->size() / kStoredBytes * kStoredBytes);
    MDFS_ASSERT(::ftruncate(fd_.get(), static_cast<off_t>(content->size())) == 0);
    for (std::size_t at = 0; at < content->size(); at += kStoredBytes) {
      std::memcpy(&applied_, content->data() + at, sizeof applied_);
      content_ += content->substr(at + sizeof applied_, kRecordBytes);
    }
    committed_ = applied_;
  }
  std::uint64_t applied() const override { return applied_; }
  Result<std::string> apply(std::uint64_t number, std::string_view command) override {
    MDFS_ASSERT(number > applied_ && command.size() == kRecordBytes);
    applied_ = number;
    content_ += command;
    batch_.append(reinterpret_cast<const char*>(&number), sizeof number);
    batch_ += command;
    return std::string();
  }
  Status commit_batch() override {
    const auto size = static_cast<ssize_t>(batch_.size());
    MDFS_ASSERT(::write(fd_.get(), batch_.data(), batch_.size()) == size);
    batch_.clear();
    committed_ = applied_;
    return {};
  }
  Result<std::uint64_t> make_durable() override { return committed_.load(); }
  const std::string& content() const { return content_; }

 private:
  UniqueFd fd_;
  std::string content_;  // The commands alone.
  std::string batch_;
  std::uint64_t applied_ = 0;
  std::atomic<std::uint64_t> committed_{0};
};

// The child: proposes without end, at most kInFlight at a time, and writes each acknowledged
// number.
[[noreturn]] void run_child(const LogOptions& options, StateMachine& state, std::uint64_t round,
                            int pipe_fd) {
  auto log = Log::open(options, state, nullptr);
  if (!log.ok()) ::_exit(3);
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t acknowledged = 0;
  const auto channel = (*log)->add_channel([&](std::vector<Completion> completions) {
    std::vector<std::uint64_t> tokens;
    for (const auto& completion : completions) {
      if (!completion.reply.ok()) ::_exit(4);
      tokens.push_back(completion.token);
    }
    const auto bytes = tokens.size() * sizeof(tokens[0]);
    if (::write(pipe_fd, tokens.data(), bytes) != static_cast<ssize_t>(bytes)) ::_exit(5);
    const std::lock_guard lock(mutex);
    acknowledged += tokens.size();
    changed.notify_one();
  });
  for (std::uint64_t i = 0;; ++i) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return i < acknowledged + kInFlight; });
    }
    (*log)->propose(channel, i, command_of(round, i));
  }
}

// Lets a child work until `kill_after` commands were acknowledged, kills it, and returns the number
// of acknowledged ones (they are 0, 1, 2, …).
std::uint64_t work_and_die(const LogOptions& options,
                           const std::function<std::unique_ptr<StateMachine>()>& make_state,
                           std::uint64_t round, std::uint64_t kill_after) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::close(ends[0]);
    const auto state = make_state();
    run_child(options, *state, round, ends[1]);
  }
  ::close(ends[1]);
  const UniqueFd reader(ends[0]);
  std::uint64_t count = 0;
  bool killed = false;
  std::uint64_t token = 0;
  while (::read(reader.get(), &token, sizeof token) == static_cast<ssize_t>(sizeof token)) {
    REQUIRE(token == count);
    ++count;
    if (!killed && count >= kill_after) {
      ::kill(child, SIGKILL);
      killed = true;
    }
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CAPTURE(status);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
  return count;
}

// Every acknowledged command is there once, none twice, in the order of their proposals.
void check_content(std::string_view content, const std::vector<std::uint64_t>& acknowledged) {
  std::unordered_map<std::uint64_t, std::uint64_t> seen;
  for (std::size_t at = 0; at < content.size(); at += kRecordBytes) {
    std::uint64_t round = 0;
    std::uint64_t i = 0;
    std::memcpy(&round, content.data() + at, 8);
    std::memcpy(&i, content.data() + at + 8, 8);
    REQUIRE(i == seen[round]);
    ++seen[round];
  }
  for (std::size_t round = 0; round < acknowledged.size(); ++round) {
    CAPTURE(round);
    REQUIRE(seen[round] >= acknowledged[round]);
    REQUIRE(seen[round] <= acknowledged[round] + kInFlight);
  }
}

constexpr std::uint64_t kKillAfter[] = {1, 2, 17, 40, 60, 100, 180, 330, 500, 900};

}  // namespace

TEST_CASE("ten times kill -9 with a database that only the log can rebuild") {
  TemporaryDirectory directory;
  auto options = options_for(directory.path());
  options.checkpoint_entries = 1000000000;
  std::vector<std::uint64_t> acknowledged;
  for (const auto kill_after : kKillAfter) {
    const auto round = acknowledged.size();
    acknowledged.push_back(work_and_die(
        options, [] { return std::make_unique<MemoryState>(); }, round, kill_after));
    MemoryState state;
    auto log = open_log(options, state);
    std::string content;
    for (const auto& command : state.commands) content += command;
    check_content(content, acknowledged);
  }
}

TEST_CASE("ten times kill -9 with a database that survives and a log that is cut often") {
  TemporaryDirectory directory;
  TemporaryDirectory database;
  const auto file = database.path() + "/state";
  auto options = options_for(directory.path());
  options.checkpoint_entries = 300;
  std::vector<std::uint64_t> acknowledged;
  for (const auto kill_after : kKillAfter) {
    const auto round = acknowledged.size();
    acknowledged.push_back(work_and_die(
        options, [&] { return std::make_unique<FileState>(file); }, round, kill_after));
    FileState state(file);
    auto log = open_log(options, state);
    check_content(state.content(), acknowledged);
  }
}

}  // namespace minidfs::consensus::test
