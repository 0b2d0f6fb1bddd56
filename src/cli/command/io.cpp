#include "cli/command/io.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/printable.hpp"

namespace minidfs::cli {
namespace {

Status write_standard_output(OutputEnd& end, std::span<const std::byte> bytes) {
  auto written = write_all(STDOUT_FILENO, bytes, "standard output");
  if (!written.ok() && written.error().code == Errc::kCancelled) end.reader_gone = true;
  return written;
}

}  // namespace

Status Io::print(std::string_view text) const {
  end->printed = true;
  const auto write = [this](std::string_view whole) {
    return out(std::as_bytes(std::span(whole.data(), whole.size())));
  };
  if (!out_is_terminal) return write(text);
  std::string shown;
  while (!text.empty()) {
    const auto end_of_line = text.find('\n');
    shown += escape_controls(text.substr(0, end_of_line));
    if (end_of_line == std::string_view::npos) break;
    shown += '\n';
    text.remove_prefix(end_of_line + 1);
  }
  return write(shown);
}

void Io::say(std::string_view text) const {
  if (!is_silent()) err("minidfs: " + escape_controls(text) + "\n");
}

Status write_all(int fd, std::span<const std::byte> bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) {
      return Error{Errc::kCancelled, std::string(what) + ": nobody reads on"};
    }
    if (count < 0) return errno_error(errno, what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Io standard_io() {
  Io io;
  io.out = [end = io.end](std::span<const std::byte> bytes) {
    return write_standard_output(*end, bytes);
  };
  io.err = [](std::string_view text) {
    // There is nobody left to tell when standard error fails.
    (void)write_all(STDERR_FILENO, std::as_bytes(std::span(text.data(), text.size())), "");
  };
  io.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  io.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  return io;
}

int report(const Io& io, const Error& error) {
  if (io.end->reader_gone) return kExitReaderGone;
  io.say(error.message);
  return errc_info(error.code).exit_code;
}

std::string printable(std::string_view text, bool is_terminal) {
  return is_terminal ? escape_controls(text) : std::string(text);
}

bool Tally::take(const Status& done) {
  if (done.ok()) return true;
  const int code = report(io_, done.error());
  stopped_ = code == kExitReaderGone || code == kExitUnreachable;
  exit_code_ = stopped_ ? code : kExitFailure;
  return !stopped_;
}

void Tally::fail(const Error& error) {
  (void)report(io_, error);
  exit_code_ = kExitFailure;
}

}  // namespace minidfs::cli
