#include "http/monitoring/fetch_metrics.hpp"

#include "net/asio.hpp"
// The above comes first: see there.
#include <sys/socket.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "net/dial.hpp"

namespace minidfs::http::monitoring {
namespace {

namespace beast = boost::beast;

using Clock = std::chrono::steady_clock;

// Of a cluster with thousands of datanodes they have less.
constexpr std::uint64_t kTextBytesMax = 32 << 20;

// Hands the connected socket over.
boost::system::error_code adopt(UniqueFd fd, beast::tcp_stream& stream) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  using asio::ip::tcp;
  boost::system::error_code error;
  stream.socket().assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.get(), error);
  if (!error) fd.release();
  return error;
}

class Fetch {
 public:
  explicit Fetch(const std::string& host) {
    request_.set(beast::http::field::host, host);
    request_.set(beast::http::field::connection, "close");
    parser_.body_limit(kTextBytesMax);
  }

  asio::awaitable<void> run(beast::tcp_stream& stream) {
    co_await beast::http::async_write(stream, request_,
                                      asio::redirect_error(asio::use_awaitable, error_));
    if (error_) co_return;
    co_await beast::http::async_read(stream, buffer_, parser_,
                                     asio::redirect_error(asio::use_awaitable, error_));
  }

  Result<std::string> text() {
    if (error_ == beast::error::timeout) return Error{Errc::kTimedOut, "does not answer"};
    if (error_) return Error{Errc::kUnavailable, error_.message()};
    const auto status = parser_.get().result_int();
    if (status != 200) return Error{Errc::kProtocol, "answers with " + std::to_string(status)};
    return std::move(parser_.get().body());
  }

 private:
  beast::http::request<beast::http::empty_body> request_{beast::http::verb::get, "/metrics", 11};
  beast::http::response_parser<beast::http::string_body> parser_;
  beast::flat_buffer buffer_;
  boost::system::error_code error_;
};

Result<std::string> fetch(const HostPort& from, Clock::time_point deadline) {
  MDFS_TRY(auto fd, net::dial({from.host, from.port}, deadline));
  asio::io_context io{1};
  MDFS_CHECK(net::prepare(io));
  beast::tcp_stream stream(io);
  if (const auto error = adopt(std::move(fd), stream)) {
    return Error{Errc::kUnavailable, error.message()};
  }
  stream.expires_at(deadline);
  Fetch fetch(format_host_port(from.host, from.port));
  asio::co_spawn(
      io, [&] { return fetch.run(stream); }, asio::detached);
  io.run();
  return fetch.text();
}

}  // namespace

Result<std::string> fetch_metrics(const HostPort& from, std::chrono::milliseconds within) {
  auto text = fetch(from, Clock::now() + within);
  if (text.ok()) return text;
  return Error{text.error().code, "http://" + format_host_port(from.host, from.port) +
                                      "/metrics: " + text.error().message};
}

}  // namespace minidfs::http::monitoring
