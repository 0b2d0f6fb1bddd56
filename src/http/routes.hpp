// Which handler serves a request: the longest prefix of whole segments that it matches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"

namespace minidfs::http {

// Filled before the server starts, then read by all of its threads.
class Routes {
 public:
  // "/api/v1/files" serves that path and all below it; "/" all that nothing else does.
  void add(std::string prefix, Handler handler);
  // Null when there is none.
  const Handler* find(std::string_view path) const;

 private:
  struct Route {
    std::string prefix;
    Handler handler;
  };
  std::vector<Route> routes_;  // The longest prefix first.
};

}  // namespace minidfs::http
