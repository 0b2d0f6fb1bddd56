#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <string>

#include "http/rest/openapi.hpp"
#include "http/rest/rest_json.hpp"

namespace minidfs::http::rest {

asio::awaitable<Status> show_openapi(RestCall& call) {
  Response response{json_head(200), std::string(openapi_document())};
  co_await call.exchange.respond(std::move(response));
  co_return Status();
}

}  // namespace minidfs::http::rest
