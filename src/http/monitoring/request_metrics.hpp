// Counts the requests of an HTTP server and how long they take.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/exchange.hpp"

namespace minidfs::http::monitoring {

// Thread-safe.
class RequestMetrics {
 public:
  RequestMetrics();

  // The same handler, counted as one of `face`: a word from a short list, such as "webhdfs".
  Handler counted(std::string face, Handler handler);

  std::vector<prometheus::MetricFamily> collect() const { return registry_.Collect(); }

 private:
  void note(const std::string& face, const Exchange& exchange, double seconds);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
};

}  // namespace minidfs::http::monitoring
