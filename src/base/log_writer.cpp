#include "base/log_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>
#include <utility>

namespace minidfs {
namespace {

// False when the text could not be written as a whole.
bool write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd wanted{fd, POLLOUT, 0};
      ::poll(&wanted, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

LogWriter::LogWriter(std::string path, File file, DroppedLine dropped_line)
    : path_(std::move(path)), dropped_line_(std::move(dropped_line)), file_(std::move(file)) {}

Result<LogWriter::File> LogWriter::open(const std::string& path) {
  // Standard error stays open whatever happens to the writer.
  if (path.empty()) return File(new UniqueFd(STDERR_FILENO));
  MDFS_TRY(auto fd, open_file(path, O_WRONLY | O_APPEND | O_CREAT));
  return File(new UniqueFd(std::move(fd)));
}

Result<LogWriter*> LogWriter::start(std::string path, DroppedLine dropped_line) {
  MDFS_TRY(auto file, open(path));
  auto* writer = new LogWriter(std::move(path), std::move(file), std::move(dropped_line));
  // Signals are for those who know what to do about them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([writer] { writer->run(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return writer;
}

void LogWriter::push(std::string line) {
  const std::lock_guard lock(mutex_);
  if (queued_bytes_ + line.size() > kQueueBytesMax) {
    ++dropped_;
    return;
  }
  queued_bytes_ += line.size();
  ++pushed_;
  lines_.push_back({std::move(line), file_, std::exchange(dropped_, 0)});
  changed_.notify_all();
}

Status LogWriter::reopen() {
  if (path_.empty()) return {};
  MDFS_TRY(auto file, open(path_));
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
  return {};
}

bool LogWriter::flush(std::chrono::milliseconds within) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, [this, until = pushed_] { return handled_ >= until; });
}

bool LogWriter::write(const Line& line) {
  const auto lost = std::exchange(unwritten_, 0) + line.dropped_before;
  if (lost > 0 && !write_text(line.file->get(), dropped_line_(lost))) {
    unwritten_ = lost;
    return false;
  }
  return write_text(line.file->get(), line.text);
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return !lines_.empty(); });
    const Line line = std::move(lines_.front());
    lines_.pop_front();
    lock.unlock();
    if (!write(line)) ++unwritten_;
    lock.lock();
    // Only now, so that one that is being written counts against the bound.
    queued_bytes_ -= line.text.size();
    ++handled_;
    // What was dropped since is told even when nobody logs any more.
    if (lines_.empty() && dropped_ > 0) {
      ++pushed_;
      lines_.push_back({"", file_, std::exchange(dropped_, 0)});
    }
    changed_.notify_all();
  }
}

}  // namespace minidfs
