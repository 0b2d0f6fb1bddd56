#include "http/page/page_routes.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "http/page/page_files.hpp"
#include "http/server.hpp"

namespace minidfs::http::page {
namespace {

// A server that serves nothing but the page.
class PageServer {
 public:
  PageServer() {
    Routes routes;
    add_page_routes(routes, everybody_);
    ServerOptions options;
    options.host = "127.0.0.1";
    auto started = Server::start(options, std::move(routes));
    REQUIRE(started.ok());
    server_ = std::move(started).value();
  }

  // All that it answers, with its header.
  std::string get(const std::string& path, const std::string& fields = "") {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + fields + "\r\n";
    asio::write(socket, asio::buffer(request));
    std::string answer;
    boost::system::error_code end;
    asio::read(socket, asio::dynamic_buffer(answer), end);
    return answer;
  }

 private:
  const access::Access everybody_{access::AccessOptions{}};
  std::unique_ptr<Server> server_;
};

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST_CASE("A server with the page's route serves each of its files") {
  PageServer server;
  for (const auto& file : page_files()) {
    const auto answer = server.get(std::string(file.path));
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(body_of(answer) == file.content);
    const auto again =
        server.get(std::string(file.path), "If-None-Match: " + std::string(file.tag) + "\r\n");
    CHECK(again.starts_with("HTTP/1.1 304 Not Modified\r\n"));
    CHECK(body_of(again).empty());
  }
}

TEST_CASE("A server with the page's route serves the page at the root, and nothing else") {
  PageServer server;
  CHECK(body_of(server.get("/")).starts_with("<!doctype html>"));
  CHECK(body_of(server.get("/?x=1")).starts_with("<!doctype html>"));
  CHECK(server.get("/nothing").starts_with("HTTP/1.1 404 Not Found\r\n"));
}

}  // namespace
}  // namespace minidfs::http::page
