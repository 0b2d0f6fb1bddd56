// Which pages of other sites may use this server (the Fetch standard, "CORS protocol"). Pure.
#pragma once

#include <string>
#include <vector>

#include "http/message.hpp"

namespace minidfs::http::access {

class CorsPolicy {
 public:
  // `origins`: as browsers name them. None: nothing is said about it.
  explicit CorsPolicy(std::vector<std::string> origins);

  bool is_on() const { return !origins_.empty(); }
  // Whether the request comes from a page of one of them.
  bool allows(const Fields& request) const;
  // Makes the fields of a response say so, and nothing of the kind to others. REQUIRES: is_on().
  void mark(const Fields& request, Fields& response) const;

 private:
  std::vector<std::string> origins_;  // In lower case.
};

// Whether a browser asks, before the request of a page, if it may send it.
bool is_preflight(const RequestHead& request);
// What it may send. The mark of the policy comes to it.
Response preflight_response();

}  // namespace minidfs::http::access
