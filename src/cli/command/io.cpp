#include "cli/command/io.hpp"

#include <unistd.h>

#include <cerrno>

#include "base/printable.hpp"

namespace minidfs::cli {

Status write_all(int fd, std::span<const std::byte> bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) return Error{Errc::kCancelled, ""};
    if (count < 0) return errno_error(errno, what);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Io standard_io() {
  Io io;
  io.out = [](std::span<const std::byte> bytes) {
    return write_all(STDOUT_FILENO, bytes, "standard output");
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
  if (!error.message.empty()) {
    // One line per error, even when a name holds a line break.
    io.err("minidfs: " + printable(error.message, true) + "\n");
  }
  return errc_info(error.code).exit_code;
}

std::string printable(std::string_view text, bool is_terminal) {
  return is_terminal ? escape_controls(text) : std::string(text);
}

}  // namespace minidfs::cli
