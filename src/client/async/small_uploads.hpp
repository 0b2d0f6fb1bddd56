// Small files that many bring at once, each as a whole: what comes while a batch is on its way is
// the next one. A batch costs one request for a pipeline, through which all its blocks go, and one
// commit, in which each file still becomes visible by itself. What BatchWriter is for local files.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/result.hpp"
#include "client/write/file_writer.hpp"
#include "client/write/write_session.hpp"

namespace minidfs::client {

// A file to be written, and whoever waits for that.
struct SmallUpload {
  FinishedFile file;  // Without its block.
  std::string content;
  std::function<void(Status)> answer;  // Called once, on any thread.
};

// Thread-safe. Has no loop: a batch is written on that of a caller who has come before it. Whoever
// was put in is answered, also when that loop ends.
class SmallUploads : public std::enable_shared_from_this<SmallUploads> {
 public:
  // `context` outlives this, and what is under way.
  explicit SmallUploads(ClientContext& context) : context_(context) {}
  SmallUploads(const SmallUploads&) = delete;
  SmallUploads& operator=(const SmallUploads&) = delete;

  // REQUIRES: the content fits in a block of the file.
  void put(const asio::any_io_executor& executor, const FileSettings& settings, SmallUpload upload);

 private:
  class Writer;
  struct WriterCount;
  struct Waiting {
    FileSettings settings;
    SmallUpload upload;
  };

  asio::awaitable<void> write_batches(asio::any_io_executor executor,
                                      std::shared_ptr<WriterCount> counted);
  std::vector<Waiting> take_batch(WriterCount& counted);
  void lose_writer();

  ClientContext& context_;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;
  int writers_ = 0;
};

}  // namespace minidfs::client
