// Counts the requests of an HTTP server: how many there are, how they end, how long they take, and
// the bytes that pass.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "http/exchange.hpp"
#include "http/traffic.hpp"

namespace minidfs::http::monitoring {

// Thread-safe.
class RequestMetrics {
 public:
  // What a request is for: a word from a short list.
  using OperationOf = std::function<std::string(const RequestHead&)>;

  // `traffic` is what the server counts, and outlives this object.
  explicit RequestMetrics(const Traffic& traffic);

  // The same handler, counted as one of `face`: a word from a short list, such as "webhdfs". Where
  // a face has several operations they are told apart.
  Handler counted(std::string face, Handler handler, OperationOf operation_of = {});

  // Called as connections come (1) and go (-1).
  void count_connection(int change) { connections_.Increment(change); }

  std::vector<prometheus::MetricFamily> collect() const;

 private:
  // What requests have in common that are counted together: method, operation, status.
  using Kind = std::tuple<std::string, std::string, unsigned>;
  struct Series {
    prometheus::Counter& requests;
    prometheus::Histogram& durations;
  };
  // What all requests to one handler share.
  struct Face {
    Face(std::string its_name, OperationOf its_operation_of, prometheus::Gauge& its_in_progress)
        : name(std::move(its_name)),
          operation_of(std::move(its_operation_of)),
          in_progress(its_in_progress) {}

    const std::string name;
    const OperationOf operation_of;
    prometheus::Gauge& in_progress;
    std::mutex mutex;
    std::map<Kind, Series> series;  // To find them by labels takes longer than a small request.
  };

  void note(Face& face, const Exchange& exchange, double seconds);
  Series series_of(Face& face, const Kind& kind);

  const Traffic& traffic_;
  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
  prometheus::Family<prometheus::Gauge>& in_progress_;
  prometheus::Gauge& connections_;
};

}  // namespace minidfs::http::monitoring
