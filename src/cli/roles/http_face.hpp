// HTTP of a role: the server with all that is served over it, as a client of the cluster.
#pragma once

#include "http/server.hpp"
// The above comes first: see net/asio.hpp.
#include <memory>
#include <string>
#include <vector>

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "http/background_loop.hpp"
#include "http/context_source.hpp"
#include "http/monitoring/request_metrics.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/traffic.hpp"

namespace minidfs::cli {

class HttpFace {
 public:
  // Null when `at` is off, or when nobody asked for the port and another process has it, which is
  // logged. `namenodes`: HOST:PORT of those of the cluster. `descriptors`: what clients, and what
  // is asked for them, may take. kInvalidArgument for an address that other machines reach without
  // leave to let everybody in.
  static Result<std::unique_ptr<HttpFace>> open(const Config& config, const HttpPort& at,
                                                const std::vector<std::string>& namenodes,
                                                std::size_t descriptors,
                                                auth::CredentialsPtr credentials);

  std::uint16_t port() const { return server_->port(); }

 private:
  explicit HttpFace(client::Options options) : cluster_(std::move(options)) {}
  void start_own_work();

  http::ContextSource cluster_;
  http::monitoring::RequestMetrics requests_;
  http::Traffic traffic_;
  http::rest::ClusterHistory history_;
  http::BackgroundLoop background_;  // Behind what its work uses.
  std::unique_ptr<http::Server> server_;
};

}  // namespace minidfs::cli
