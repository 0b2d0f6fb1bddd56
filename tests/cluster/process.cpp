#include "cluster/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

extern char** environ;

namespace minidfs::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLineLimit{20};
constexpr std::chrono::milliseconds kPollInterval{5};

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(std::vector<std::string> arguments, const std::vector<std::string>& environment,
            posix_spawn_file_actions_t* actions) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::string(*entry).rfind("MINIDFS_", 0) != 0) variables.emplace_back(*entry);
  }
  // All of them would want the same ports for HTTP, which these tests do without.
  variables.emplace_back("MINIDFS_NAMENODE_HTTP_PORT=off");
  variables.emplace_back("MINIDFS_DATANODE_HTTP_PORT=off");
  variables.insert(variables.end(), environment.begin(), environment.end());
  auto argv = pointers(arguments);
  auto envp = pointers(variables);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, arguments.front().c_str(), actions, nullptr, argv.data(), envp.data());
  if (error != 0) {
    std::fprintf(stderr, "cannot start %s: %d\n", arguments.front().c_str(), error);
    std::abort();
  }
  return pid;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A temporary file without a name, for one stream of a child.
int scratch_file() {
  char path[] = "/tmp/minidfs-test-XXXXXX";
  const int fd = ::mkostemp(path, O_CLOEXEC);
  if (fd < 0) std::abort();
  ::unlink(path);
  return fd;
}

std::string read_back(int fd) {
  std::string text;
  char buffer[65536];
  ::lseek(fd, 0, SEEK_SET);
  for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;
}

}  // namespace

Process::Process(std::vector<std::string> arguments, std::string log_path,
                 std::vector<std::string> environment)
    : log_path_(std::move(log_path)) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_ = spawn(std::move(arguments), environment, &actions);
  posix_spawn_file_actions_destroy(&actions);
}

Process::~Process() { kill_and_wait(); }

bool Process::running() { return wait(std::chrono::milliseconds(0)) == -1; }

void Process::signal(int number) {
  if (!reaped_) ::kill(pid_, number);
}

int Process::wait(std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  while (!reaped_) {
    const pid_t result = ::waitpid(pid_, &status_, WNOHANG);
    if (result == pid_) {
      reaped_ = true;
      break;
    }
    if (Clock::now() >= deadline) return -1;
    std::this_thread::sleep_for(kPollInterval);
  }
  return exit_code_of(status_);
}

void Process::kill_and_wait() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status_, 0);
  reaped_ = true;
}

std::string Process::log() const { return read_all(log_path_); }

std::string Process::wait_for_line(const std::string& text) {
  const auto deadline = Clock::now() + kLineLimit;
  for (;;) {
    const bool alive = running();
    std::istringstream lines(log());
    std::string found;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(text) != std::string::npos) found = line;
    }
    if (!found.empty()) return found;
    if (!alive || Clock::now() >= deadline) return {};
    std::this_thread::sleep_for(kPollInterval);
  }
}

Finished run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
             const std::string& input) {
  const int in = scratch_file();
  const int out = scratch_file();
  const int err = scratch_file();
  if (::write(in, input.data(), input.size()) != static_cast<ssize_t>(input.size())) std::abort();
  ::lseek(in, 0, SEEK_SET);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  const pid_t pid = spawn(arguments, environment, &actions);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ::close(in);
  return {exit_code_of(status), read_back(out), read_back(err)};
}

std::uint16_t port_in(const std::string& line) {
  const auto listening = line.find("listening on ");
  const auto colon = line.find(':', listening + 13);
  return static_cast<std::uint16_t>(std::stoi(line.substr(colon + 1)));
}

}  // namespace minidfs::test
