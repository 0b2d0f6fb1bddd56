#include "http/rest/rest_call.hpp"

#include <utility>

namespace minidfs::http::rest {

const std::string& owner_of(const RestCall& call) {
  const auto& user = call.exchange.user();
  return user.empty() ? call.context.options.user : user;
}

asio::awaitable<void> answer(RestCall& call, unsigned status, const Json& object) {
  auto response = json_response(status, object);
  co_await call.exchange.respond(std::move(response));
}

Result<bool> flag(const Query& query, std::string_view name) {
  const auto value = query.find(name);
  if (!value || *value == "false") return false;
  if (value->empty() || *value == "true") return true;
  return Error{Errc::kInvalidArgument,
               std::string(name) + "=" + *value + ": is neither true nor false"};
}

}  // namespace minidfs::http::rest
