#include "http/access/access.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "http/server.hpp"

namespace minidfs::http::access {
namespace {

constexpr char kTokens[] = "0123456789abcdef\nalice:fedcba9876543210\n";
constexpr char kBearer[] = "Authorization: Bearer 0123456789abcdef\r\n";
constexpr char kAlice[] = "Authorization: Bearer fedcba9876543210\r\n";
// "me:0123456789abcdef".
constexpr char kBasic[] = "Authorization: Basic bWU6MDEyMzQ1Njc4OWFiY2RlZg==\r\n";

asio::awaitable<void> say_user(Exchange& exchange) {
  auto response = text_response(200, "text/plain", "user=" + exchange.user());
  response.head.fields.add("Access-Control-Allow-Origin", "*");
  co_await exchange.respond(std::move(response));
}

// A server with a route that takes signed steps, "/steps", and one that does not, "/plain".
class GuardedServer {
 public:
  explicit GuardedServer(const char* tokens, std::vector<std::string> origins = {})
      : access_(options_of(tokens, std::move(origins))) {
    Routes routes;
    routes.add("/steps", access_.guarded({plain_refusal, true}, say_user));
    routes.add("/plain", access_.guarded({plain_refusal}, say_user));
    ServerOptions options;
    options.host = "127.0.0.1";
    auto started = Server::start(options, std::move(routes));
    REQUIRE(started.ok());
    server_ = std::move(started).value();
  }

  const Access& access() const { return access_; }
  std::string authority() const { return "127.0.0.1:" + std::to_string(server_->port()); }

  // All that it answers, with its header.
  std::string ask(const std::string& method, const std::string& target,
                  const std::string& fields = "") {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    const std::string request = method + " " + target + " HTTP/1.1\r\nHost: " + authority() +
                                "\r\nConnection: close\r\n" + fields + "\r\n";
    asio::write(socket, asio::buffer(request));
    std::string answer;
    boost::system::error_code end;
    asio::read(socket, asio::dynamic_buffer(answer), end);
    return answer;
  }

  int status(const std::string& method, const std::string& target, const std::string& fields = "") {
    const auto answer = ask(method, target, fields);
    REQUIRE(answer.starts_with("HTTP/1.1 "));
    return std::stoi(answer.substr(9, 3));
  }

 private:
  static AccessOptions options_of(const char* text, std::vector<std::string> origins) {
    AccessOptions options;
    options.cors_origins = std::move(origins);
    if (text == nullptr) return options;
    auto tokens = Tokens::parse(text, "f");
    REQUIRE(tokens.ok());
    options.tokens = *std::move(tokens);
    return options;
  }

  Access access_;
  std::unique_ptr<Server> server_;
};

TEST_CASE("without tokens everybody may, and nothing is signed or said about other sites") {
  GuardedServer server(nullptr);
  const auto answer = server.ask("PUT", "/plain", "Origin: http://other\r\n");
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.find("Vary") == std::string::npos);
  CHECK(answer.find("Access-Control-Allow-Origin: *") != std::string::npos);
  CHECK(server.access().signed_step("http://h/x?op=OPEN") == "http://h/x?op=OPEN");
}

TEST_CASE("with tokens one must be shown, and says who asks") {
  GuardedServer server(kTokens);
  const auto refused = server.ask("GET", "/plain");
  CHECK(refused.starts_with("HTTP/1.1 401 "));
  CHECK(refused.find("WWW-Authenticate: Basic realm=\"minidfs\"") != std::string::npos);
  CHECK(refused.find("WWW-Authenticate: Bearer realm=\"minidfs\"") != std::string::npos);
  CHECK(refused.find("user=") == std::string::npos);
  CHECK(server.status("GET", "/plain", "Authorization: Bearer 0123456789abcdeX\r\n") == 401);
  CHECK(server.status("GET", "/plain", std::string(kBearer) + kAlice) == 401);
  CHECK(server.ask("GET", "/plain", kBearer).ends_with("user="));
  CHECK(server.ask("GET", "/plain", kBasic).ends_with("user="));
  CHECK(server.ask("GET", "/plain", kAlice).ends_with("user=alice"));
  CHECK(server.status("OPTIONS", "/plain") == 200);
}

TEST_CASE("a signed step needs no token where there are such steps") {
  GuardedServer server(kTokens);
  for (const std::string path : {"/steps", "/plain"}) {
    const auto url =
        server.access().signed_step("http://" + server.authority() + path + "/f?op=OPEN");
    const auto target = url.substr(url.find('/', 7));
    CHECK(server.status("GET", target) == (path == "/steps" ? 200 : 401));
    CHECK(server.status("GET", target + "&x=1") == 401);
  }
}

TEST_CASE("a password that a browser kept changes nothing for the pages of other sites") {
  GuardedServer server(kTokens, {"http://friend"});
  const std::string other = std::string(kBasic) + "Origin: http://other\r\n";
  CHECK(server.status("POST", "/plain", other) == 403);
  CHECK(server.status("GET", "/plain", other) == 200);
  CHECK(server.status("POST", "/plain", std::string(kBasic) + "Origin: http://friend\r\n") == 200);
  CHECK(server.status("POST", "/plain",
                      std::string(kBasic) + "Origin: http://" + server.authority() + "\r\n") ==
        200);
  CHECK(server.status("POST", "/plain", std::string(kBearer) + "Origin: http://other\r\n") == 200);
}

TEST_CASE("a page of a named site is told that it may, before it shows a token") {
  GuardedServer server(kTokens, {"http://friend"});
  const std::string asks = "Access-Control-Request-Method: PUT\r\nOrigin: ";
  const auto friends = server.ask("OPTIONS", "/plain", asks + "http://friend\r\n");
  CHECK(friends.starts_with("HTTP/1.1 204 "));
  CHECK(friends.find("Access-Control-Allow-Origin: http://friend\r\n") != std::string::npos);
  CHECK(friends.find("Access-Control-Allow-Headers: Authorization") != std::string::npos);
  const auto others = server.ask("OPTIONS", "/plain", asks + "http://other\r\n");
  CHECK(others.find("Access-Control-Allow") == std::string::npos);
  const auto refused = server.ask("PUT", "/plain", "Origin: http://friend\r\n");
  CHECK(refused.starts_with("HTTP/1.1 401 "));
  CHECK(refused.find("Access-Control-Allow-Origin: http://friend\r\n") != std::string::npos);
  CHECK_FALSE(server.access().is_foreign([] {
    Fields fields;
    fields.add("Host", "nn");
    fields.add("Origin", "http://friend");
    return fields;
  }()));
}

}  // namespace
}  // namespace minidfs::http::access
