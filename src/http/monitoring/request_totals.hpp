// What /metrics of a process says of the requests that it has served, for those who show it without
// a Prometheus. Pure.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace minidfs::http::monitoring {

// Since the process was started.
struct RequestTotals {
  double requests = 0;
  double failed = 0;  // By the server's fault: answered with 5xx.
  double received_bytes = 0;
  double sent_bytes = 0;
  double in_progress = 0;  // Now.
};

// Of all faces together. kProtocol for a text that is not that of a minidfs.
Result<RequestTotals> request_totals(std::string_view metrics);

}  // namespace minidfs::http::monitoring
