#include "http/rest/resources.hpp"
// The above comes first: see net/asio.hpp.
#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "http/rest/rest_json.hpp"
#include "http/rest/rest_routes.hpp"
#include "http/rest/upload_plan.hpp"

namespace minidfs::http::rest {
namespace {

struct Method {
  std::string_view name;  // HEAD is served as GET.
  RestHandler handler;
  bool changes = false;
};

struct Resource {
  std::string_view name;
  std::span<const Method> methods;
  bool takes_path = false;  // What follows its name is a path.
  bool has_short_name = false;
  // Where it has resources below it: the one that is meant by what follows its name, still escaped.
  const Resource* (*below)(std::string_view path) = nullptr;
};

constexpr std::array kFiles{Method{"GET", show_entry}, Method{"PUT", store_file, true},
                            Method{"POST", make_or_rename, true},
                            Method{"DELETE", remove_entry, true}};
constexpr std::array kUpload{Method{"POST", receive_form, true}};
constexpr std::array kUploads{Method{"POST", begin_upload, true}};
constexpr std::array kOneUpload{Method{"GET", show_upload}, Method{"DELETE", abandon_upload, true}};
constexpr std::array kUploadPart{Method{"PUT", store_part, true}};
constexpr std::array kUploadEnd{Method{"POST", complete_upload, true}};
constexpr std::array kDownload{Method{"GET", send_file}};
constexpr std::array kCluster{Method{"GET", show_cluster}};
constexpr std::array kHistory{Method{"GET", show_history}};
constexpr std::array kEvents{Method{"GET", show_events}};
constexpr std::array kOpenapi{Method{"GET", show_openapi}};

constexpr Resource kAllUploads{"", kUploads, true};
constexpr Resource kUploadById{"", kOneUpload, true};
constexpr Resource kPartOfUpload{"", kUploadPart, true};
constexpr Resource kEndOfUpload{"", kUploadEnd, true};

// "", "/ID", "/ID/parts/N" and "/ID/complete".
const Resource* upload_resource(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return &kAllUploads;
  const auto id_end = path.find('/', 1);
  if (id_end == path.npos) return &kUploadById;
  const auto rest = path.substr(id_end);
  if (rest == "/complete") return &kEndOfUpload;
  constexpr std::string_view kParts = "/parts/";
  const bool part = rest.starts_with(kParts) && rest.find('/', kParts.size()) == rest.npos;
  return part ? &kPartOfUpload : nullptr;
}

constexpr std::array kResources{Resource{"/files", kFiles, true, true},
                                Resource{"/upload", kUpload, false, true},
                                Resource{"/uploads", kUploads, true, false, upload_resource},
                                Resource{"/download", kDownload, true, true},
                                Resource{"/cluster", kCluster},
                                Resource{"/cluster/history", kHistory},
                                Resource{"/cluster/events", kEvents},
                                Resource{"/openapi.json", kOpenapi, false, true}};

constexpr std::string_view kApi = "/api/v1";

// What all requests are about; it outlives them.
struct Served {
  ContextSource& cluster;
  ClusterHistory& history;
  const access::Access& access;
};

std::string allowed(const Resource& resource) {
  std::string names;
  for (const auto& method : resource.methods) {
    if (!names.empty()) names += ", ";
    names += method.name;
    if (method.name == "GET") names += ", HEAD";
  }
  return names;
}

const Method* find(const Resource& resource, std::string_view name) {
  const auto wanted = name == "HEAD" ? "GET" : name;
  for (const auto& method : resource.methods) {
    if (method.name == wanted) return &method;
  }
  return nullptr;
}

Response not_allowed(const Resource& resource, const RequestHead& request) {
  const Error error{Errc::kUnsupported, request.method + ": not a method of this resource"};
  auto response = error_response(error, 405);
  response.head.fields.add("Allow", allowed(resource));
  return response;
}

Error no_resource(const RequestHead& request) {
  return {Errc::kNotFound, request.path + ": there is no such resource"};
}

// `below` is what follows the resource's name, still escaped.
Result<RestCall> call_of(const Resource& resource, Exchange& exchange, const Served& served,
                         std::string_view below) {
  const auto& request = exchange.request();
  if (!resource.takes_path && !below.empty() && below != "/") return no_resource(request);
  MDFS_TRY(const auto path, unescape_path(below.empty() ? "/" : below));
  MDFS_TRY(auto canonical, canonical_path(path));
  MDFS_CHECK(check_unreserved(canonical));
  MDFS_TRY(auto query, Query::parse(request.query));
  return RestCall{exchange,       served.cluster.get(), served.access,
                  served.history, std::move(canonical), std::move(query)};
}

asio::awaitable<void> refuse(Exchange& exchange) {
  auto response = error_response(no_resource(exchange.request()));
  co_await exchange.respond(std::move(response));
}

asio::awaitable<void> serve(const Resource& named, Exchange& exchange, Served all,
                            std::size_t name_bytes) {
  const auto& request = exchange.request();
  const auto below = std::string_view(request.path).substr(name_bytes);
  const auto* const meant = named.below == nullptr ? &named : named.below(below);
  if (meant == nullptr) {
    co_await refuse(exchange);
    co_return;
  }
  const auto& resource = *meant;
  const auto* const method = find(resource, request.method);
  if (method == nullptr) {
    auto response = not_allowed(resource, request);
    co_await exchange.respond(std::move(response));
    co_return;
  }
  if (method->changes && all.access.is_foreign(request.fields)) {
    const Error error{Errc::kPermissionDenied, "pages of other sites may change nothing here"};
    auto response = error_response(error);
    co_await exchange.respond(std::move(response));
    co_return;
  }
  auto call = call_of(resource, exchange, all, below);
  Status served;
  if (call.ok()) {
    served = co_await method->handler(*call);
  } else {
    served = std::move(call).error();
  }
  if (!served.ok() && !exchange.answered()) {
    auto response = error_response(served.error());
    co_await exchange.respond(std::move(response));
  }
}

Handler handler_of(const Resource& resource, Served served, std::size_t name_bytes) {
  return [&resource, served, name_bytes](Exchange& exchange) {
    return serve(resource, exchange, served, name_bytes);
  };
}

Response refusal(unsigned status, std::string message) {
  return error_response({Errc::kPermissionDenied, std::move(message)}, status);
}

}  // namespace

void add_rest_routes(Routes& routes, ContextSource& cluster, ClusterHistory& history,
                     monitoring::RequestMetrics& requests, const access::Access& access) {
  const Served served{cluster, history, access};
  const auto add = [&](std::string prefix, std::string operation, Handler handler) {
    routes.add(std::move(prefix),
               requests.counted("rest", access.guarded({refusal}, std::move(handler)),
                                [operation](const auto&) { return operation; }));
  };
  const auto add_resource = [&](std::string prefix, const Resource& resource) {
    auto handler = handler_of(resource, served, prefix.size());
    add(std::move(prefix), std::string(resource.name.substr(1)), std::move(handler));
  };
  for (const auto& resource : kResources) {
    add_resource(std::string(kApi) + std::string(resource.name), resource);
    if (resource.has_short_name) add_resource(std::string(resource.name), resource);
  }
  add(std::string(kApi), "", refuse);
}

}  // namespace minidfs::http::rest
