// One connection of a client: its requests, one after another, each handed to the handler of its
// route. Belongs to its loop.
#pragma once

#include "net/asio.hpp"
// The above comes first: see there.
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/server_loop.hpp"

namespace minidfs::http {

namespace beast = boost::beast;

using RequestParser = beast::http::request_parser<beast::http::buffer_body>;

// Whether the parser has refused what came: neither a failure of the socket, nor an end too soon.
bool is_malformed(const boost::system::error_code& error);

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerLoop& loop, tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> run();

  // Whatever waits for the client ends, and what the handler waits for.
  void close();
  void sweep(Clock::time_point now);
  // The process stood still: the present wait begins anew.
  void excuse(Clock::time_point now);
  std::uint64_t number() const { return number_; }
  // When the last request was answered; max() while one is.
  Clock::time_point idle_since() const { return idle_since_; }
  const std::string& address() const { return remote_.address; }
  bool is_local() const { return remote_.loopback; }

  // For the exchange that is under way.
  tcp::socket& socket() { return socket_; }
  beast::flat_buffer& buffer() { return buffer_; }
  const ServerOptions& options() const { return loop_.context().options; }
  // From now on the client has so long for the next step; it may be told that it took too long.
  void expect_progress(std::chrono::milliseconds within);
  // The server has the turn: no time of the client's runs.
  void expect_nothing() { deadline_ = Clock::time_point::max(); }
  bool timed_out() const { return timed_out_; }
  void set_cancel(std::function<void()> cancel) { cancel_ = std::move(cancel); }
  const Peer& remote() const { return remote_; }
  const Peer& local() const { return local_; }

 private:
  // What is to become of the connection.
  enum class Next : std::uint8_t { kGoOn, kLinger, kEnd };

  asio::awaitable<bool> wait_for_request();
  asio::awaitable<Next> serve_next();
  asio::awaitable<Next> serve(RequestParser& parser);
  asio::awaitable<void> refuse(unsigned status, std::string why);
  asio::awaitable<void> linger();

  ServerLoop& loop_;
  tcp::socket socket_;
  Peer remote_;
  Peer local_;
  beast::flat_buffer buffer_;  // What has come and was not looked at yet.
  std::uint64_t number_ = 0;
  bool entered_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::chrono::milliseconds patience_{0};  // That the deadline was made of.
  bool timed_out_ = false;
  Clock::time_point idle_since_;
  std::function<void()> cancel_;
};

}  // namespace minidfs::http
