// One request and its response, as a handler sees them. The handler is a coroutine on the loop of
// the connection: it must not block. Every wait ends, at the latest with the server's time-outs;
// after an error the connection is of no more use and the handler returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/result.hpp"
#include "http/message.hpp"

namespace minidfs::http {

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const RequestHead& request() const = 0;
  virtual asio::any_io_executor executor() = 0;

  // The next bytes of the request's body, which stand there until the next call; none at its end.
  // Sends "100 Continue" first where the client waits for it. kUnavailable when the client has gone
  // before the end of what it announced, kTimedOut when it stands still, kProtocol for a body that
  // is not framed as it says. A body that is not read is drained or the connection closed.
  virtual asio::awaitable<Result<std::span<const std::byte>>> read_body() = 0;
  // All of a body that is small. kTooLarge when it has more than `bytes_max`.
  asio::awaitable<Result<std::string>> read_whole_body(std::size_t bytes_max);

  // The whole response; once, unless begin() is used. Of a HEAD request the body is not sent. Give
  // it one that has a name: g++ 12 may destroy one that is made within a co_await twice.
  virtual asio::awaitable<void> respond(Response response) = 0;

  // The response in parts: of `length` bytes, or chunked where that is not known. With fewer bytes
  // than that by the time of end(), or without end(), the connection is closed, so that the client
  // notices. Of a HEAD request nothing need be written.
  virtual asio::awaitable<Status> begin(ResponseHead head, std::optional<std::uint64_t> length) = 0;
  virtual asio::awaitable<Status> write(std::span<const std::byte> bytes) = 0;
  // As many of the bytes, from the first on, as can be sent without waiting: for those who have
  // them in memory that they need again at once. What keeps them from being sent shows with the
  // next write().
  virtual std::size_t try_write(std::span<const std::byte> bytes) = 0;
  virtual asio::awaitable<Status> end() = 0;
  // Whether respond() or begin() was called: an error can then only be told by closing.
  bool answered() const { return status() != 0; }
  // Of the response; 0 before there is one.
  virtual unsigned status() const = 0;

  // Called on the loop when the connection must end before the handler has, so that what the
  // handler waits for beside the connection ends as well. Null: nothing.
  virtual void on_cancel(std::function<void()> cancel) = 0;
  // Called for each response before its head goes out, to add to its fields or change them.
  virtual void on_head(std::function<void(Fields&)> change) = 0;

  // Who asks, when his token says so; empty: whoever he says he is.
  const std::string& user() const { return user_; }
  void set_user(std::string user) { user_ = std::move(user); }

 private:
  std::string user_;
};

using Handler = std::function<asio::awaitable<void>(Exchange&)>;

}  // namespace minidfs::http
