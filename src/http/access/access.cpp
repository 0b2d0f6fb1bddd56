#include "http/access/access.hpp"

#include <utility>

#include "base/wall_clock.hpp"
#include "http/access/authorization.hpp"
#include "http/access/origin.hpp"

namespace minidfs::http::access {
namespace {

std::int64_t now_s() { return wall_clock_ms() / 1000; }

bool may_change(const RequestHead& request) {
  return request.method != "GET" && !request.is_head();
}

// Browsers ask their user for the second, and programs know which they have.
void ask_for_token(Fields& fields) {
  fields.add("WWW-Authenticate", "Bearer realm=\"minidfs\"");
  fields.add("WWW-Authenticate", "Basic realm=\"minidfs\", charset=\"UTF-8\"");
}

}  // namespace

Response plain_refusal(unsigned status, std::string message) {
  auto response = text_response(status, "text/plain; charset=utf-8", std::move(message) + '\n');
  response.head.fields.add("X-Content-Type-Options", "nosniff");
  return response;
}

Access::Access(AccessOptions options)
    : tokens_(std::move(options.tokens)),
      signer_(std::move(options.credentials)),
      cors_(std::move(options.cors_origins)) {}

std::string Access::signed_step(std::string url) const {
  return tokens_ ? signer_.sign(std::move(url), now_s()) : url;
}

bool Access::is_foreign(const Fields& request) const {
  return access::is_foreign(request) && !cors_.allows(request);
}

Handler Access::guarded(const Door& door, Handler handler) const {
  return [this, door, handler = std::move(handler)](Exchange& exchange) {
    return pass(exchange, door, handler);
  };
}

// The door and the handler are those of the route, which outlives the request.
asio::awaitable<void> Access::pass(Exchange& exchange, const Door& door,
                                   const Handler& handler) const {
  const auto& request = exchange.request();
  if (cors_.is_on()) {
    exchange.on_head([this, &request](Fields& fields) { cors_.mark(request.fields, fields); });
    if (is_preflight(request) && cors_.allows(request.fields)) {
      auto response = preflight_response();
      co_await exchange.respond(std::move(response));
      co_return;
    }
  }
  const auto refused = judge(exchange, door);
  if (refused) {
    auto response = door.refusal(refused->status, refused->message);
    if (refused->status == 401) ask_for_token(response.head.fields);
    co_await exchange.respond(std::move(response));
    co_return;
  }
  co_await handler(exchange);
}

// OPTIONS tells what a server can do, and nothing of what it holds; browsers show no token for it.
std::optional<Access::Refused> Access::judge(Exchange& exchange, const Door& door) const {
  const auto& request = exchange.request();
  if (!tokens_ || request.method == "OPTIONS") return std::nullopt;
  const auto shown = shown_token(request.fields);
  const auto bearer = shown ? tokens_->find(shown->token) : std::nullopt;
  if (bearer) {
    if (shown->as_password && may_change(request) && is_foreign(request.fields)) {
      return Refused{403, "pages of other sites may change nothing here"};
    }
    exchange.set_user(bearer->user);
    return std::nullopt;
  }
  if (door.has_signed_steps && signer_.permits(request, now_s())) return std::nullopt;
  return Refused{401, "a token must be shown (Authorization: Bearer, or Basic as the password)"};
}

}  // namespace minidfs::http::access
