// The far end of the log: lines wait in a bounded queue and are written by a thread of their own,
// so that nobody who logs ever waits for a disk or for a pipe that is not read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace minidfs {

// What does not fit, or cannot be written, is dropped and counted; the count is written before the
// next line that gets through. Thread-safe. Lives until the process ends: its thread may hang in
// write(2) for ever, which nothing can end.
class LogWriter {
 public:
  // At most so many bytes wait.
  static constexpr std::size_t kQueueBytesMax = 1 << 20;
  // Makes the line that tells of lost ones. Called by the writer's thread.
  using DroppedLine = std::function<std::string(std::uint64_t lines)>;

  // Appends to the file at `path`, or to standard error when that is empty. Errors name the file.
  static Result<LogWriter*> start(std::string path, DroppedLine dropped_line);

  // Never waits for a write. `line` ends with its line end.
  void push(std::string line);

  // Opens the file anew, for one that was moved away; lines pushed from now on go there. After an
  // error the old one stays in use. Nothing happens to standard error.
  Status reopen();

  // Waits until all that was pushed before is written or lost; false when `within` passes first.
  bool flush(std::chrono::milliseconds within);

 private:
  using File = std::shared_ptr<const UniqueFd>;
  struct Line {
    std::string text;
    File file;
    std::uint64_t dropped_before = 0;
  };

  LogWriter(std::string path, File file, DroppedLine dropped_line);
  static Result<File> open(const std::string& path);
  void run();
  bool write(const Line& line);

  const std::string path_;
  const DroppedLine dropped_line_;
  std::mutex mutex_;
  std::condition_variable changed_;
  File file_;
  std::deque<Line> lines_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t dropped_ = 0;    // Since the last line that was taken into the queue.
  std::uint64_t unwritten_ = 0;  // By the writer, not yet told. Only its thread uses it.
  std::uint64_t pushed_ = 0;     // Taken into the queue, ever.
  std::uint64_t handled_ = 0;    // Of these, written or lost.
};

}  // namespace minidfs
