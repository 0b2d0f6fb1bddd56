// One request to the REST API, taken apart, and what all handlers need.
#pragma once

#include "client/async/async_names.hpp"
// The above comes first: see net/asio.hpp.
#include <string>
#include <string_view>

#include "http/access/access.hpp"
#include "http/exchange.hpp"
#include "http/namespace_path.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/rest/rest_json.hpp"
#include "http/uri.hpp"

namespace minidfs::http::rest {

struct RestCall {
  Exchange& exchange;
  client::ClientContext& context;
  const access::Access& access;
  ClusterHistory& history;
  std::string path;  // In the namespace, what follows the name of the resource: "/a/b".
  Query query;
};

// To whom belongs what is made: who asks, or where nobody knows that, the server's own user.
const std::string& owner_of(const RestCall& call);

// An error that it has not answered itself is answered for it.
using RestHandler = asio::awaitable<Status> (*)(RestCall&);

// The whole answer, in JSON.
asio::awaitable<void> answer(RestCall& call, unsigned status, const Json& object);

// "true", or the name alone; "false", or nothing at all. kInvalidArgument for anything else.
Result<bool> flag(const Query& query, std::string_view name);

}  // namespace minidfs::http::rest
