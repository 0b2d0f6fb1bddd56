#include "http/page/page_routes.hpp"

#include <utility>

#include "http/page/page_answer.hpp"

namespace minidfs::http::page {
namespace {

asio::awaitable<void> serve(Exchange& exchange) {
  auto response = page_answer(exchange.request());
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_page_routes(Routes& routes, const access::Access& access) {
  routes.add("/", access.guarded({access::plain_refusal}, serve));
}

}  // namespace minidfs::http::page
