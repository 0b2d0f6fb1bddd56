// Standard output and standard error as the verbs see them; tests put their own in place.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.hpp"

namespace minidfs::cli {

struct Io {
  // Takes everything or fails. When the reader has gone away the error has an empty message, which
  // means: end quietly.
  std::function<Status(std::span<const std::byte>)> out;
  std::function<void(std::string_view)> err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;

  Status print(std::string_view text) const {
    return out(std::as_bytes(std::span(text.data(), text.size())));
  }
};

// The process's own. REQUIRES: SIGPIPE is ignored.
Io standard_io();

// "minidfs: <message>" on standard error, nothing for an empty message. Returns the exit code.
int report(const Io& io, const Error& error);

// write(2) until all is done.
Status write_all(int fd, std::span<const std::byte> bytes, std::string_view what);

// For a terminal with every byte that would move its cursor escaped; else as it is.
std::string printable(std::string_view text, bool is_terminal);

}  // namespace minidfs::cli
