#include "http/access/cors.hpp"

#include <algorithm>
#include <utility>

#include "http/field_text.hpp"

namespace minidfs::http::access {
namespace {

constexpr std::string_view kFieldsBegin = "access-control-";

}  // namespace

CorsPolicy::CorsPolicy(std::vector<std::string> origins) : origins_(std::move(origins)) {
  for (auto& origin : origins_) origin = lower_case(origin);
}

bool CorsPolicy::allows(const Fields& request) const {
  const auto origin = request.find("Origin");
  return origin && std::find(origins_.begin(), origins_.end(), lower_case(trimmed(*origin))) !=
                       origins_.end();
}

void CorsPolicy::mark(const Fields& request, Fields& response) const {
  const bool allowed = allows(request);
  // What WebHDFS tells everybody, and a preflight of others.
  response.remove_if([&](std::string_view name) {
    const auto lower = lower_case(name);
    return lower == "access-control-allow-origin" || (!allowed && lower.starts_with(kFieldsBegin));
  });
  response.add("Vary", "Origin");
  if (!allowed) return;
  response.add("Access-Control-Allow-Origin", std::string(trimmed(*request.find("Origin"))));
  response.add("Access-Control-Expose-Headers",
               "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After");
}

bool is_preflight(const RequestHead& request) {
  return request.method == "OPTIONS" && request.fields.find("Origin") &&
         request.fields.find("Access-Control-Request-Method");
}

Response preflight_response() {
  Response response;
  response.head.status = 204;
  auto& fields = response.head.fields;
  fields.add("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE");
  fields.add("Access-Control-Allow-Headers",
             "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Range, "
             "If-Unmodified-Since, Range");
  fields.add("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace minidfs::http::access
