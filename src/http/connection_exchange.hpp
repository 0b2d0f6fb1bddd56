// The exchange of a connection: reads the body off the socket and writes the response to it.
// Nothing is buffered but what the kernel has given and the handler has not taken.
#pragma once

#include "http/connection.hpp"
// The above comes first: see net/asio.hpp.
#include <array>
#include <string>

#include "base/raw_buffer.hpp"
#include "http/exchange.hpp"

namespace minidfs::http {

class ConnectionExchange final : public Exchange {
 public:
  ConnectionExchange(Connection& connection, RequestParser& parser, RequestHead head);

  const RequestHead& request() const override { return head_; }
  asio::any_io_executor executor() override { return connection_.socket().get_executor(); }
  asio::awaitable<Result<std::span<const std::byte>>> read_body() override;
  asio::awaitable<void> respond(Response response) override;
  asio::awaitable<Status> begin(ResponseHead head, std::optional<std::uint64_t> length) override;
  asio::awaitable<Status> write(std::span<const std::byte> bytes) override;
  std::size_t try_write(std::span<const std::byte> bytes) override;
  asio::awaitable<Status> end() override;
  unsigned status() const override { return status_; }
  void on_cancel(std::function<void()> cancel) override {
    connection_.set_cancel(std::move(cancel));
  }
  void on_head(std::function<void(Fields&)> change) override { change_head_ = std::move(change); }

  // The handler has failed: a response that was begun cannot go on.
  void give_up() { usable_ = usable_ && !answered(); }
  // After the handler: what it has left of the request is taken, if that is little. False when the
  // connection cannot take another request, but the client may still be reading.
  asio::awaitable<bool> finish();
  // Whether the response went out whole.
  bool usable() const { return usable_ && !responding_; }

 private:
  using Parts = std::array<asio::const_buffer, 4>;

  asio::awaitable<Status> ask_for_body();
  std::size_t body_memory() const;
  asio::awaitable<Result<std::span<const std::byte>>> read_counted();
  asio::awaitable<Result<std::span<const std::byte>>> read_chunked();
  std::string head_text(ResponseHead head, std::optional<std::uint64_t> length);
  asio::awaitable<Status> send(Parts parts);
  Error gone(const boost::system::error_code& error) const;

  Connection& connection_;
  RequestParser& parser_;
  const RequestHead head_;
  std::function<void(Fields&)> change_head_;
  RawBuffer memory_;             // Of the body, from its first read on.
  std::uint64_t body_left_ = 0;  // Of one with a length.
  std::size_t taken_ = 0;        // Of the connection's buffer, by the last read.
  bool body_over_ = false;
  bool awaits_continue_ = false;  // The client does, before it sends the body.
  unsigned status_ = 0;
  bool responding_ = false;  // Between begin() and end().
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool usable_ = true;
  std::uint64_t response_left_ = 0;
  std::string pending_;  // The head of the response, which goes with its first bytes.
};

}  // namespace minidfs::http
