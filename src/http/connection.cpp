#include "http/connection.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <limits>
#include <utility>

#include "base/logging.hpp"
#include "http/connection_exchange.hpp"
#include "http/request_head.hpp"
#include "http/traffic.hpp"

namespace minidfs::http {
namespace {

constexpr std::size_t kFirstReadBytes = 2048;
// Of a request that was refused before it was read, so much is taken before the connection is
// closed: else the client may never see the answer (RFC 9112, 9.6).
constexpr std::size_t kLingerBytesMax = 1 << 20;
constexpr std::chrono::milliseconds kLingerTime{2000};

Peer peer_of(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return {address.to_string(), endpoint.port(), address.is_loopback()};
}

}  // namespace

bool is_malformed(const boost::system::error_code& error) {
  const boost::system::error_code any = beast::http::error::bad_target;
  return error && error.category() == any.category() &&
         error != beast::http::error::end_of_stream && error != beast::http::error::partial_message;
}

Connection::Connection(ServerLoop& loop, tcp::socket socket)
    : loop_(loop), socket_(std::move(socket)), idle_since_(Clock::now()) {
  boost::system::error_code error;
  const auto remote = socket_.remote_endpoint(error);
  if (!error) remote_ = peer_of(remote);
  const auto local = socket_.local_endpoint(error);
  if (!error) local_ = peer_of(local);
  socket_.set_option(tcp::no_delay(true), error);
  number_ = loop_.add(*this);
}

Connection::~Connection() { loop_.remove(*this); }

void Connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (cancel_) cancel_();
}

void Connection::sweep(Clock::time_point now) {
  if (now < deadline_) return;
  timed_out_ = true;
  deadline_ = Clock::time_point::max();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::excuse(Clock::time_point now) {
  if (deadline_ != Clock::time_point::max()) deadline_ = now + patience_;
}

void Connection::expect_progress(std::chrono::milliseconds within) {
  timed_out_ = false;
  patience_ = within;
  deadline_ = Clock::now() + within;
}

asio::awaitable<void> Connection::run() {
  if (number_ == 0) co_return;
  auto next = Next::kGoOn;
  while (next == Next::kGoOn && socket_.is_open()) next = co_await serve_next();
  if (next == Next::kLinger) co_await linger();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// False when none comes.
asio::awaitable<bool> Connection::wait_for_request() {
  if (buffer_.size() > 0) co_return true;
  buffer_.shrink_to_fit();
  expect_progress(options().idle_timeout);
  boost::system::error_code error;
  const auto bytes = co_await socket_.async_read_some(
      buffer_.prepare(kFirstReadBytes), asio::redirect_error(asio::use_awaitable, error));
  buffer_.commit(bytes);
  co_return !error;
}

asio::awaitable<Connection::Next> Connection::serve_next() {
  idle_since_ = Clock::now();
  const bool came = co_await wait_for_request();
  if (!came) co_return Next::kEnd;
  RequestParser parser;
  parser.header_limit(static_cast<std::uint32_t>(options().header_bytes_max));
  parser.body_limit(
      std::numeric_limits<std::uint64_t>::max());  // Boost 1.74 has no other word for it.
  expect_progress(options().header_timeout);
  boost::system::error_code error;
  co_await beast::http::async_read_header(socket_, buffer_, parser,
                                          asio::redirect_error(asio::use_awaitable, error));
  expect_nothing();
  if (timed_out_) {
    co_await refuse(408, "the request did not come within " +
                             std::to_string(options().header_timeout.count()) + " ms");
    co_return Next::kLinger;
  }
  if (error == beast::http::error::header_limit) {
    co_await refuse(
        431, "the header has more than " + std::to_string(options().header_bytes_max) + " bytes");
    co_return Next::kLinger;
  }
  if (is_malformed(error)) {
    co_await refuse(400, "not a request of HTTP/1.1: " + error.message());
    co_return Next::kLinger;
  }
  if (error) co_return Next::kEnd;
  if (!entered_ && !loop_.enter(*this)) {
    co_await refuse(503, "too many connections");
    co_return Next::kLinger;
  }
  entered_ = true;
  idle_since_ = Clock::time_point::max();
  const auto next = co_await serve(parser);
  co_return next;
}

asio::awaitable<Connection::Next> Connection::serve(RequestParser& parser) {
  auto head = request_head(parser, remote_, local_);
  if (!head.ok()) {
    co_await refuse(head.error().code == Errc::kUnsupported ? 501 : 400, head.error().message);
    co_return Next::kLinger;
  }
  const auto* handler = loop_.context().routes.find(head->path);
  const auto begun = Clock::now();
  ConnectionExchange exchange(*this, parser, std::move(*head));
  if (handler == nullptr) {
    auto nothing = text_response(404, "text/plain; charset=utf-8", "nothing is served here\n");
    co_await exchange.respond(std::move(nothing));
  } else {
    try {
      co_await (*handler)(exchange);
    } catch (const std::exception& failure) {
      log_error("http", "{} {}: {}", exchange.request().method, exchange.request().path,
                failure.what());
      exchange.give_up();
    }
  }
  cancel_ = nullptr;
  if (!exchange.answered()) {
    auto failed = text_response(500, "text/plain; charset=utf-8", "the request was not answered\n");
    co_await exchange.respond(std::move(failed));
  }
  if (options().traffic != nullptr) options().traffic->served(Clock::now() - begun);
  const bool drained = co_await exchange.finish();
  if (!exchange.usable()) co_return Next::kEnd;
  co_return drained ? Next::kGoOn : Next::kLinger;
}

// The connection is not used again: nobody knows where its next request would begin.
asio::awaitable<void> Connection::refuse(unsigned status, std::string why) {
  why += '\n';
  std::string text = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason_of(status)) +
                     "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
                     "X-Content-Type-Options: nosniff\r\nContent-Length: " +
                     std::to_string(why.size()) + "\r\n\r\n" + why;
  expect_progress(options().progress_timeout);
  boost::system::error_code ignored;
  co_await asio::async_write(socket_, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  expect_progress(kLingerTime);
  buffer_.clear();
  for (std::size_t taken = 0; !error && taken < kLingerBytesMax;) {
    taken += co_await socket_.async_read_some(buffer_.prepare(kFirstReadBytes * 8),
                                              asio::redirect_error(asio::use_awaitable, error));
  }
}

}  // namespace minidfs::http
