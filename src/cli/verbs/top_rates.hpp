// What changes in a cluster by the second, from two looks at it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "client/cluster_status.hpp"
#include "http/monitoring/request_totals.hpp"

namespace minidfs::cli {

// What was found at one time; what could not be had is none.
struct ClusterLook {
  std::chrono::milliseconds at{0};              // By a clock that only goes on.
  std::optional<client::ClusterStatus> status;  // Of the namenode that leads.
  std::optional<http::monitoring::RequestTotals> requests;
};

// By the second. None: not known from two looks, or what is counted began anew between them.
struct ClusterRates {
  std::optional<double> changes;       // Of the namespace.
  std::optional<double> files;         // More than before; below 0: less.
  std::optional<double> stored_bytes;  // Likewise, with all copies.
  std::optional<double> requests;
  std::optional<double> failed_requests;
  std::optional<double> received_bytes;
  std::optional<double> sent_bytes;
};

ClusterRates rates_between(const ClusterLook& before, const ClusterLook& now);

// Of the datanodes that are there.
struct Space {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;
};
Space space_of(const client::ClusterStatus& status);

}  // namespace minidfs::cli
