#include "http/incoming/small_file.hpp"

#include <chrono>
#include <utility>

namespace minidfs::http {

bool brings_small_file(const RequestHead& request, const client::ClientContext& context,
                       const client::UploadSettings& settings) {
  return !request.chunked &&
         client::is_small(context, settings, request.content_length.value_or(0));
}

asio::awaitable<Status> receive_small_file(Exchange& exchange, client::ClientContext& context,
                                           std::string path, client::UploadSettings settings) {
  auto content = co_await exchange.read_whole_body(client::kSmallFileBytesMax);
  if (!content.ok()) co_return std::move(content).error();
  const auto executor = exchange.executor();
  net::Answer<Status> answer(executor);
  exchange.on_cancel([&answer] { answer.cancel(); });
  client::put_small(context, executor, path, settings, *std::move(content), answer.giver());
  auto stored = co_await answer.take(std::chrono::steady_clock::time_point::max());
  exchange.on_cancel(nullptr);
  if (stored) co_return *std::move(stored);
  co_return Error{Errc::kCancelled, path + ": cancelled"};
}

}  // namespace minidfs::http
