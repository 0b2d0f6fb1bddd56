#include "net/answer.hpp"
// The above comes first: see net/asio.hpp.
#include <chrono>
#include <utility>

#include "client/async/file_pages.hpp"
#include "client/read/file_reader.hpp"

namespace minidfs::client {

asio::awaitable<Status> FilePages::next() {
  net::Answer<Result<actors::LocatedFile>> answer(executor_);
  end_wait_ = [&answer] { answer.cancel(); };
  context_.link.submit<actors::LocateRequest>(
      actors::LocateRequest{path_, context_.host, end_of(page_.blocks)}, answer.giver());
  auto located = co_await answer.wait();
  end_wait_ = nullptr;
  if (!located.ok()) co_return std::move(located).error();
  Status follows = check_next_page(page_, *located);
  if (!follows.ok()) co_return follows;
  page_ = *std::move(located);
  co_return page_.blocks.empty() ? Status(changed_while_read()) : Status();
}

}  // namespace minidfs::client
