// HTTP of a role: the server with all that is served over it, as a client of the cluster.
#pragma once

#include "http/server.hpp"
// The above comes first: see net/asio.hpp.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "base/ids.hpp"
#include "client/local_datanode.hpp"
#include "client/local_namenode.hpp"
#include "http/access/access.hpp"
#include "http/background_loop.hpp"
#include "http/context_source.hpp"
#include "http/monitoring/request_metrics.hpp"
#include "http/rest/cluster_history.hpp"
#include "http/traffic.hpp"

namespace minidfs::cli {

struct HttpPlace {
  HttpPort port;
  // Of the datanode that serves it: WebHDFS and monitoring, its own replicas first. None:
  // everything.
  std::optional<NodeId> datanode{};
  // Namenodes of this process, which must outlive it. Null: none.
  std::shared_ptr<const client::LocalNamenodes> local{};
  // Datanodes of this process, likewise.
  std::vector<client::LocalDatanode> local_datanodes{};
};

class HttpFace {
 public:
  // Null when the port is off, or when nobody asked for it and another process has it, which is
  // logged. `namenodes`: HOST:PORT of those of the cluster. `descriptors`: what clients, and what
  // is asked for them, may take. kInvalidArgument for an address that other machines reach without
  // tokens, or leave to let everybody in; the errors of the file of tokens.
  static Result<std::unique_ptr<HttpFace>> open(const Config& config, const HttpPlace& place,
                                                const std::vector<std::string>& namenodes,
                                                std::size_t descriptors,
                                                auth::CredentialsPtr credentials);

  std::uint16_t port() const { return server_->port(); }
  bool asks_for_tokens() const { return access_.asks_for_tokens(); }

 private:
  HttpFace(client::Options options, http::access::AccessOptions access)
      : cluster_(std::move(options)), access_(std::move(access)) {}
  void start_own_work();

  http::ContextSource cluster_;
  http::Traffic traffic_;
  http::monitoring::RequestMetrics requests_{traffic_};
  http::access::Access access_;
  http::rest::ClusterHistory history_;
  http::BackgroundLoop background_;  // Behind what its work uses.
  std::unique_ptr<http::Server> server_;
};

}  // namespace minidfs::cli
