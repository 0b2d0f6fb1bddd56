#include "cli/command/screen.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <span>

namespace minidfs::cli {
namespace {

// Of xterm, as all that came after it know them: the other screen, without a cursor, and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

Status put(const Io& io, std::string_view text) {
  return io.out(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

Screen::Screen(const Io& io) : io_(io) {
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) == 0) {
    before_ = before;
    has_keys_ = true;
    // Keys come at once and are not shown. Those that interrupt still do, but nobody may be stopped
    // here: the shell would be left with this screen.
    auto keys = before;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
  }
  // A terminal that does not take this will not take what is shown either.
  (void)put(io_, kEnter);
}

Screen::Size Screen::size() {
  winsize window{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
  if (!known || window.ws_col < 2 || window.ws_row == 0) return {};
  return {window.ws_col - std::size_t{1}, window.ws_row};
}

// In one piece, and each line is cleared behind its end only, so that nothing flickers.
Status Screen::show(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  if (left_) return {};
  std::string text(kHome);
  bool first = true;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    // A line end after the last one would move the screen up.
    if (!first) text += "\r\n";
    first = false;
    text.append(lines.substr(0, end)).append(kClearLine);
    lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
  }
  return put(io_, text.append(kClearBelow));
}

std::optional<char> Screen::wait_for_key(std::chrono::milliseconds within) {
  pollfd keys{has_keys_ ? STDIN_FILENO : -1, POLLIN, 0};
  if (::poll(&keys, 1, static_cast<int>(within.count())) != 1) return std::nullopt;
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) == 1) return key;
  has_keys_ = false;  // It would be ready for ever.
  return std::nullopt;
}

void Screen::leave() {
  const std::lock_guard lock(mutex_);
  if (left_) return;
  left_ = true;
  (void)put(io_, kLeave);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

}  // namespace minidfs::cli
