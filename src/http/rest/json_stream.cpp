#include "http/rest/json_stream.hpp"

#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

}  // namespace

asio::awaitable<Status> JsonStream::add(std::string_view text) {
  text_ += text;
  if (text_.size() < kPieceBytes) co_return Status();
  Status flushed = co_await flush();
  co_return flushed;
}

asio::awaitable<Status> JsonStream::flush() {
  if (!exchange_.answered()) {
    auto head = json_head(200);
    Status begun = co_await exchange_.begin(std::move(head), std::nullopt);
    if (!begun.ok()) co_return begun;
  }
  const std::span text(text_);
  Status written = co_await exchange_.write(std::as_bytes(text));
  text_.clear();
  co_return written;
}

asio::awaitable<Status> JsonStream::end() {
  text_ += '\n';
  if (!exchange_.answered()) {
    // All of it is here.
    Response response{json_head(200), std::move(text_)};
    co_await exchange_.respond(std::move(response));
    co_return Status();
  }
  Status flushed = co_await flush();
  if (!flushed.ok()) co_return flushed;
  Status ended = co_await exchange_.end();
  co_return ended;
}

}  // namespace minidfs::http::rest
