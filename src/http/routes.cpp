#include "http/routes.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::http {
namespace {

bool matches(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return true;
  if (!path.starts_with(prefix)) return false;
  return path.size() == prefix.size() || path[prefix.size()] == '/';
}

}  // namespace

void Routes::add(std::string prefix, Handler handler) {
  const auto longer = [&](const Route& route) { return route.prefix.size() >= prefix.size(); };
  const auto place = std::find_if_not(routes_.begin(), routes_.end(), longer);
  routes_.insert(place, Route{std::move(prefix), std::move(handler)});
}

const Handler* Routes::find(std::string_view path) const {
  for (const auto& route : routes_) {
    if (matches(path, route.prefix)) return &route.handler;
  }
  return nullptr;
}

}  // namespace minidfs::http
