// The whole window of a terminal, for a verb that shows something that changes. What stood there
// before comes back with the end of this object, or with leave().
#pragma once

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "cli/command/io.hpp"

namespace minidfs::cli {

class Screen {
 public:
  // REQUIRES: standard output is a terminal; `io` outlives this object.
  explicit Screen(const Io& io);
  ~Screen() { leave(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // What can be used: the last column stays free, as clearing what stands behind a full line would
  // take its last letter.
  struct Size {
    std::size_t columns = 79;
    std::size_t rows = 24;
  };
  // As it is now: a window may change at any time.
  static Size size();

  // Lines in place of all that is shown. REQUIRES: they fit, and nothing in them moves the cursor.
  Status show(std::string_view lines);

  // The key that is pressed within the time, if any. Where standard input is no terminal, or has
  // ended, that is only waited for.
  std::optional<char> wait_for_key(std::chrono::milliseconds within);

  // Any thread, any number of times: the terminal is as it was, and stays so.
  void leave();

 private:
  const Io& io_;
  std::mutex mutex_;
  bool left_ = false;
  std::optional<termios> before_;  // Of standard input, when it is a terminal.
  bool has_keys_ = false;
};

}  // namespace minidfs::cli
