#include "http/connection_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/http/read.hpp>
#include <cstdio>
#include <utility>

#include "base/units.hpp"
#include "base/wall_clock.hpp"
#include "http/dates.hpp"
#include "http/traffic.hpp"

namespace minidfs::http {
namespace {

constexpr std::size_t kBodyReadBytes = 256 << 10;
// What a handler has left of a body is read and dropped up to here, so that the connection stays.
constexpr std::uint64_t kDrainBytesMax = 256 << 10;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

asio::const_buffer buffer_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

ConnectionExchange::ConnectionExchange(Connection& connection, RequestParser& parser,
                                       RequestHead head)
    : connection_(connection),
      parser_(parser),
      head_(std::move(head)),
      body_left_(head_.content_length.value_or(0)),
      body_over_(!head_.has_body()),
      awaits_continue_(head_.awaits_continue()),
      keep_alive_(parser.keep_alive()) {}

Error ConnectionExchange::gone(const boost::system::error_code& error) const {
  const auto who = format_host_port(connection_.remote().address, connection_.remote().port);
  if (connection_.timed_out()) {
    return {Errc::kTimedOut, who + " made no progress for " +
                                 std::to_string(connection_.options().progress_timeout.count()) +
                                 " ms"};
  }
  return {Errc::kUnavailable, who + " has gone: " + error.message()};
}

// --- The body of the request -------------------------------------------------------------------

asio::awaitable<Result<std::span<const std::byte>>> ConnectionExchange::read_body() {
  if (taken_ > 0) connection_.buffer().consume(std::exchange(taken_, 0));
  if (body_over_) co_return std::span<const std::byte>();
  Status asked = co_await ask_for_body();
  if (!asked.ok()) co_return std::move(asked).error();
  if (memory_.empty()) memory_ = RawBuffer(body_memory());
  connection_.expect_progress(connection_.options().progress_timeout);
  Result<std::span<const std::byte>> bytes = std::span<const std::byte>();
  if (head_.chunked) {
    bytes = co_await read_chunked();
  } else {
    bytes = co_await read_counted();
  }
  connection_.expect_nothing();
  if (!bytes.ok()) usable_ = false;
  auto* const traffic = connection_.options().traffic;
  if (bytes.ok() && traffic != nullptr) traffic->received(bytes->size());
  co_return bytes;
}

// A body that is known to be small needs no more than that.
std::size_t ConnectionExchange::body_memory() const {
  if (head_.chunked) return kBodyReadBytes;
  return static_cast<std::size_t>(std::min<std::uint64_t>(kBodyReadBytes, body_left_));
}

asio::awaitable<Status> ConnectionExchange::ask_for_body() {
  if (!std::exchange(awaits_continue_, false)) co_return Status();
  const Parts parts{buffer_of(kContinue)};
  Status sent = co_await send(parts);
  co_return sent;
}

asio::awaitable<Result<std::span<const std::byte>>> ConnectionExchange::read_counted() {
  auto& buffer = connection_.buffer();
  std::span<const std::byte> bytes;
  if (buffer.size() > 0) {
    taken_ = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), body_left_));
    bytes = {static_cast<const std::byte*>(buffer.data().data()), taken_};
  } else {
    const auto size = std::min<std::uint64_t>(memory_.size(), body_left_);
    boost::system::error_code error;
    const auto came = co_await connection_.socket().async_read_some(
        asio::buffer(memory_.data(), size), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return gone(error);
    bytes = {memory_.data(), came};
  }
  body_left_ -= bytes.size();
  body_over_ = body_left_ == 0;
  co_return bytes;
}

asio::awaitable<Result<std::span<const std::byte>>> ConnectionExchange::read_chunked() {
  auto& body = parser_.get().body();
  connection_.buffer().reserve(kBodyReadBytes);
  for (;;) {
    body.data = memory_.data();
    body.size = memory_.size();
    body.more = true;
    boost::system::error_code error;
    co_await beast::http::async_read_some(connection_.socket(), connection_.buffer(), parser_,
                                          asio::redirect_error(asio::use_awaitable, error));
    const auto came = memory_.size() - body.size;
    if (error == beast::http::error::need_buffer) error = {};
    if (is_malformed(error)) {
      co_return Error{Errc::kProtocol, "the body of the request: " + error.message()};
    }
    if (error) co_return gone(error);
    body_over_ = parser_.is_done();
    if (came > 0 || body_over_) co_return std::span<const std::byte>(memory_.data(), came);
  }
}

asio::awaitable<bool> ConnectionExchange::finish() {
  // A client that waits for leave to send may send all the same, or not: nobody knows.
  if (!usable() || !keep_alive_ || awaits_continue_) co_return false;
  if (!head_.chunked && body_left_ > kDrainBytesMax) co_return false;
  for (std::uint64_t drained = 0; !body_over_;) {
    const auto bytes = co_await read_body();
    if (!bytes.ok()) co_return false;
    drained += bytes->size();
    if (drained > kDrainBytesMax) co_return false;
  }
  if (taken_ > 0) connection_.buffer().consume(std::exchange(taken_, 0));
  co_return true;
}

// --- The response ------------------------------------------------------------------------------

std::string ConnectionExchange::head_text(ResponseHead head, std::optional<std::uint64_t> length) {
  if (change_head_) change_head_(head.fields);
  if (head.close) keep_alive_ = false;
  // What of the body will not be read keeps the next request from being found.
  if (awaits_continue_ || (!head_.chunked && body_left_ > kDrainBytesMax)) keep_alive_ = false;
  std::string text = "HTTP/1.1 " + std::to_string(head.status) + ' ';
  text += reason_of(head.status);
  text += "\r\nDate: " + http_date(wall_clock_ms()) + "\r\n";
  for (const auto& [name, value] : head.fields.all()) text += name + ": " + value + "\r\n";
  if (length) {
    const bool none = head.status == 204 || head.status == 304;
    if (!none) text += "Content-Length: " + std::to_string(*length) + "\r\n";
  } else if (chunked_) {
    text += "Transfer-Encoding: chunked\r\n";
  }
  if (!keep_alive_) text += "Connection: close\r\n";
  if (keep_alive_ && parser_.get().version() < 11) text += "Connection: keep-alive\r\n";
  return text + "\r\n";
}

asio::awaitable<void> ConnectionExchange::respond(Response response) {
  status_ = response.head.status;
  const auto text = head_text(std::move(response.head), response.body.size());
  const auto body = head_.is_head() ? std::string_view() : std::string_view(response.body);
  const Parts parts{buffer_of(text), buffer_of(body)};
  const Status sent = co_await send(parts);
  usable_ = usable_ && sent.ok();
}

asio::awaitable<Status> ConnectionExchange::begin(ResponseHead head,
                                                  std::optional<std::uint64_t> length) {
  status_ = head.status;
  responding_ = true;
  response_left_ = length.value_or(0);
  chunked_ = !length && parser_.get().version() >= 11;
  if (!length && !chunked_) keep_alive_ = false;
  pending_ = head_text(std::move(head), length);
  if (!length && !chunked_) response_left_ = UINT64_MAX;
  co_return Status();
}

asio::awaitable<Status> ConnectionExchange::write(std::span<const std::byte> bytes) {
  if (bytes.empty() || head_.is_head()) co_return Status();
  const auto head = std::exchange(pending_, {});
  const asio::const_buffer body(bytes.data(), bytes.size());
  Parts parts{buffer_of(head), body};
  std::array<char, 20> size{};
  if (chunked_) {
    const auto digits = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
    const asio::const_buffer before(size.data(), static_cast<std::size_t>(digits));
    parts = {buffer_of(head), before, body, buffer_of("\r\n")};
  } else if (response_left_ != UINT64_MAX) {
    MDFS_ASSERT(bytes.size() <= response_left_);
    response_left_ -= bytes.size();
  }
  Status sent = co_await send(parts);
  if (!sent.ok()) usable_ = false;
  co_return sent;
}

// Not before the head, nor in a chunk, which says first how long it is.
std::size_t ConnectionExchange::try_write(std::span<const std::byte> bytes) {
  if (!pending_.empty() || chunked_ || head_.is_head()) return 0;
  MDFS_ASSERT(bytes.size() <= response_left_);
  const auto sent = ::send(connection_.socket().native_handle(), bytes.data(), bytes.size(),
                           MSG_DONTWAIT | MSG_NOSIGNAL);
  const auto count = sent < 0 ? std::size_t{0} : static_cast<std::size_t>(sent);
  if (response_left_ != UINT64_MAX) response_left_ -= count;
  if (auto* const traffic = connection_.options().traffic) traffic->sent(count);
  return count;
}

asio::awaitable<Status> ConnectionExchange::end() {
  const auto head = std::exchange(pending_, {});
  const bool whole = head_.is_head() || chunked_ || response_left_ == 0;
  const bool until_close = response_left_ == UINT64_MAX;
  const auto last = chunked_ && !head_.is_head() ? buffer_of("0\r\n\r\n") : asio::const_buffer();
  const Parts parts{buffer_of(head), last};
  Status sent = co_await send(parts);
  responding_ = false;
  if (!sent.ok() || !(whole || until_close)) usable_ = false;
  co_return sent;
}

// Each part of it that the kernel takes is progress.
asio::awaitable<Status> ConnectionExchange::send(Parts parts) {
  auto* const traffic = connection_.options().traffic;
  beast::buffers_suffix<Parts> left(parts);
  while (asio::buffer_size(left) > 0) {
    connection_.expect_progress(connection_.options().progress_timeout);
    boost::system::error_code error;
    const auto bytes = co_await connection_.socket().async_write_some(
        left, asio::redirect_error(asio::use_awaitable, error));
    connection_.expect_nothing();
    if (error) co_return gone(error);
    if (traffic != nullptr) traffic->sent(bytes);
    left.consume(bytes);
  }
  co_return Status();
}

}  // namespace minidfs::http
