// Standard output and standard error as the verbs see them, and how they end; tests put their own
// in place.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::cli {

// The exit codes of verbs beside 0; docs/cli.md explains them. A verb that a signal ends gives 128
// and the signal's number.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;
// As if by SIGPIPE: nobody reads what is printed.
inline constexpr int kExitReaderGone = 128 + 13;

// What has become of the output: whether there was any, and why nothing more is said.
struct OutputEnd {
  std::atomic<bool> printed{false};
  std::atomic<bool> reader_gone{false};
  std::atomic<bool> interrupted{false};
};

struct Io {
  // Takes everything or fails. The bytes of files go here as they are.
  std::function<Status(std::span<const std::byte>)> out;
  std::function<void(std::string_view)> err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Shared by all copies.
  std::shared_ptr<OutputEnd> end = std::make_shared<OutputEnd>();

  // Text on standard output. Nothing in it can move a terminal's cursor but the line ends.
  Status print(std::string_view text) const;
  // "minidfs: TEXT" as one line on standard error, unless nobody listens any more.
  void say(std::string_view text) const;
  bool is_silent() const { return end->reader_gone || end->interrupted; }
};

// The process's own. A reader that goes away is noted in `end`. REQUIRES: SIGPIPE is ignored.
Io standard_io();

// Says what went wrong, unless nobody listens any more. Returns the exit code.
int report(const Io& io, const Error& error);

// write(2) until all is done.
Status write_all(int fd, std::span<const std::byte> bytes, std::string_view what);

// A foreign string as part of a line on standard output: for a terminal with every byte that would
// move its cursor or end the line escaped, else as it is.
std::string printable(std::string_view text, bool is_terminal);

// How a verb with several operands goes: each failure is reported, the others are done all the
// same.
class Tally {
 public:
  // REQUIRES: `io` outlives this object.
  explicit Tally(const Io& io) : io_(io) {}

  // False when the rest would fail in the same way: nobody reads on, or no namenode answers.
  bool take(const Status& done);
  // A failure within an operand, which ends nothing.
  void fail(const Error& error);
  bool stopped() const { return stopped_; }
  int exit_code() const { return exit_code_; }

 private:
  const Io& io_;
  int exit_code_ = 0;
  bool stopped_ = false;
};

}  // namespace minidfs::cli
