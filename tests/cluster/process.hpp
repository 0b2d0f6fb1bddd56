// Child processes of the cluster tests: started with their output in a file or a string, signalled
// and reaped by id.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace minidfs::test {

// A process in the background. Its standard error and output go to `log_path` (appended). Killed
// and reaped when the object ends.
class Process {
 public:
  Process(std::vector<std::string> arguments, std::string log_path,
          std::vector<std::string> environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // The exit code, or 128 + the signal; -1 when it has not ended within `limit`.
  int wait(std::chrono::milliseconds limit);
  void kill_and_wait();
  std::string log() const;
  // Waits until a line of the log contains `text` and returns that line; empty when the process
  // ends or 20 s pass before.
  std::string wait_for_line(const std::string& text);

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  bool reaped_ = false;
  std::string log_path_;
};

struct Finished {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Runs to the end. `input` is given on standard input.
Finished run(const std::vector<std::string>& arguments,
             const std::vector<std::string>& environment = {}, const std::string& input = {});

// The port in the line by which a role says where it listens.
std::uint16_t port_in(const std::string& line);

}  // namespace minidfs::test
