// The blocks of a file, page by page, for those who go through them in order. Belongs to the loop
// of its executor; one operation at a time, which the object outlives.
#pragma once

#include <functional>
#include <string>

#include "net/asio.hpp"
// The above comes first: see there.
#include "actors/messages.hpp"
#include "base/result.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

class FilePages {
 public:
  // REQUIRES: `context` and `path` outlive this.
  FilePages(const asio::any_io_executor& executor, ClientContext& context, const std::string& path,
            actors::LocatedFile first)
      : executor_(executor), context_(context), path_(path), page_(std::move(first)) {}

  const actors::LocatedFile& page() const { return page_; }
  // The page becomes the next one; it has blocks. kStale when the file was changed meanwhile. The
  // link ends the wait. REQUIRES: page().more.
  asio::awaitable<Status> next();
  // next() ends with kCancelled.
  void cancel() {
    if (end_wait_) end_wait_();
  }

 private:
  const asio::any_io_executor executor_;
  ClientContext& context_;
  const std::string& path_;
  actors::LocatedFile page_;
  std::function<void()> end_wait_;
};

}  // namespace minidfs::client
