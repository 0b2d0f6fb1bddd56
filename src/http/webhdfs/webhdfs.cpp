#include "http/webhdfs/webhdfs.hpp"

#include <algorithm>
#include <utility>

#include "http/webhdfs/operation_names.hpp"
#include "http/webhdfs/service.hpp"

namespace minidfs::http::webhdfs {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

Operation operation_of(std::string_view name) {
  if (const auto operation = find_look(name)) return operation;
  if (const auto operation = find_change(name)) return operation;
  return find_data(name);
}

// Java's client falls back to older operations when it is told so in these words.
Error no_operation(const std::string& method, const std::string& name) {
  return invalid_parameter("op", name + " is not a valid " + method + " operation.");
}

// As far as it can be known without asking anybody.
Result<Call> call_of(Exchange& exchange, client::ClientContext& context,
                     const access::Access& access) {
  const auto& request = exchange.request();
  MDFS_TRY(auto query, Query::parse(request.query));
  Parameters parameters(std::move(query));
  MDFS_TRY(auto user, user_of(parameters, exchange.user()));
  auto name = upper(parameters.text("op").value_or(""));
  if (name.empty()) {
    return Error{Errc::kUnsupported, "op = NULL is not supported: the parameter \"op\" is missing"};
  }
  if (!is_operation(request.method, name)) return no_operation(request.method, name);
  const auto escaped = std::string_view(request.path).substr(sizeof kPrefix - 1);
  MDFS_TRY(auto path, namespace_path(escaped));
  return Call{exchange,        context, std::move(parameters), std::move(name), std::move(path),
              std::move(user), access};
}

// Nobody may act for somebody else.
std::optional<Response> refuse_impersonation(const Call& call) {
  const auto other = call.parameters.text("doas");
  if (!other || *other == call.user) return std::nullopt;
  return failed(Exception::kAuthorization,
                "User: " + call.user + " is not allowed to impersonate " + *other);
}

// What can be answered without an operation, if anything.
std::optional<Response> refuse(const Result<Call>& call) {
  if (!call.ok()) return failed(call.error());
  if (auto refused = refuse_impersonation(*call)) return refused;
  if (operation_of(call->operation) != nullptr) return std::nullopt;
  return failed(Exception::kUnsupportedOperation, call->operation + " is not supported");
}

// For the metrics, which tell only operations that there are apart.
std::string operation_label(const RequestHead& request) {
  auto query = Query::parse(request.query);
  if (!query.ok()) return "other";
  auto name = upper(Parameters(*std::move(query)).text("op").value_or(""));
  return is_operation(request.method, name) ? name : "other";
}

asio::awaitable<void> serve(Exchange& exchange, client::ClientContext& context,
                            const access::Access& access) {
  auto call = call_of(exchange, context, access);
  auto answer = refuse(call);
  if (!answer) answer = co_await operation_of(call->operation)(*call);
  if (answer) co_await exchange.respond(*std::move(answer));
}

Response refusal(unsigned status, std::string message) {
  const auto exception = status == 401 ? Exception::kAuthentication : Exception::kAuthorization;
  return failed(exception, std::move(message));
}

// Of a page of another origin that asks what it may do.
Response options_response() {
  auto response = empty_response();
  response.head.fields.add("Access-Control-Allow-Origin", "*");
  response.head.fields.add("Access-Control-Allow-Headers", "accept");
  response.head.fields.add("Access-Control-Allow-Methods", "PUT");
  response.head.fields.add("Access-Control-Max-Age", "1728000");
  return response;
}

}  // namespace

Operation find(std::span<const Named> operations, std::string_view name) {
  for (const auto& each : operations) {
    if (each.name == name) return each.operation;
  }
  return nullptr;
}

void add_webhdfs_routes(Routes& routes, ContextSource& cluster,
                        monitoring::RequestMetrics& requests, const access::Access& access) {
  const auto handler = [&cluster, &access](Exchange& exchange) -> asio::awaitable<void> {
    if (exchange.request().method == "OPTIONS") {
      auto response = options_response();
      co_await exchange.respond(std::move(response));
    } else {
      co_await serve(exchange, cluster.get(), access);
    }
  };
  routes.add(kPrefix, requests.counted("webhdfs", access.guarded({refusal, true}, handler),
                                       operation_label));
}

}  // namespace minidfs::http::webhdfs
