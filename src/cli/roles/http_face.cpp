#include "cli/roles/http_face.hpp"

#include <algorithm>
#include <utility>

#include "base/logging.hpp"
#include "base/units.hpp"
#include "cli/command/command.hpp"
#include "cli/roles/role_admission.hpp"
#include "http/monitoring/monitoring.hpp"
#include "http/page/page_routes.hpp"
#include "http/rest/expire_uploads.hpp"
#include "http/rest/rest_routes.hpp"
#include "http/rest/watch_cluster.hpp"
#include "http/webhdfs/webhdfs.hpp"

namespace minidfs::cli {
namespace {

constexpr std::size_t kConnectionsMin = 16;

Status check_reach(const HttpConfig& http) {
  if (http.insecure && !http.token_file.empty()) {
    return Error{Errc::kInvalidArgument,
                 "--http-insecure lets everybody in, and --http-token-file (" + http.token_file +
                     ") only those who show a token: give one of them"};
  }
  if (http.insecure || !http.token_file.empty()) return {};
  MDFS_TRY(const bool local, is_local(http.listen));
  if (local) return {};
  return Error{Errc::kInvalidArgument,
               "--http-listen=" + http.listen +
                   ": other machines reach it: give --http-token-file with the tokens of those who "
                   "may use it, or --http-insecure to let everybody in as whoever he says he is"};
}

Result<http::access::AccessOptions> access_of(const HttpConfig& http,
                                              const auth::CredentialsPtr& credentials) {
  MDFS_CHECK(check_reach(http));
  http::access::AccessOptions options{std::nullopt, credentials, http.cors_origin};
  if (!http.token_file.empty()) {
    MDFS_TRY(options.tokens, http::access::Tokens::load(http.token_file));
  }
  return options;
}

void log_access(const HttpConfig& http) {
  if (!http.token_file.empty()) {
    log_info("http", "who asks must show a token of {}", http.token_file);
  } else if (http.insecure) {
    log_warn("http", "--http-insecure: everybody who reaches the port is let in");
  } else {
    log_info("http", "no tokens: every process of this machine is let in");
  }
}

Result<client::Options> options_of(const Config& config, const std::vector<std::string>& namenodes,
                                   auth::CredentialsPtr credentials) {
  Config own = config;
  own.client.namenode = namenodes;
  own.common.secret_file.clear();  // It is in the credentials already.
  MDFS_TRY(auto options, client_options(own));
  options.credentials = std::move(credentials);
  options.group = config.http.group;
  return options;
}

}  // namespace

Result<std::unique_ptr<HttpFace>> HttpFace::open(const Config& config, const HttpPlace& place,
                                                 const std::vector<std::string>& namenodes,
                                                 std::size_t descriptors,
                                                 auth::CredentialsPtr credentials) {
  const auto& at = place.port;
  if (!at.open) return std::unique_ptr<HttpFace>();
  MDFS_TRY(auto access, access_of(config.http, credentials));
  MDFS_TRY(auto options, options_of(config, namenodes, std::move(credentials)));
  options.datanode = place.datanode;
  options.local = place.local;
  options.local_datanodes = place.local_datanodes;
  std::unique_ptr<HttpFace> face(new HttpFace(std::move(options), std::move(access)));
  http::Routes routes;
  http::webhdfs::add_webhdfs_routes(routes, face->cluster_, face->requests_, face->access_);
  http::monitoring::add_monitoring_routes(routes, face->cluster_, face->requests_, face->access_);
  if (!place.datanode) {
    http::rest::add_rest_routes(routes, face->cluster_, face->history_, face->requests_,
                                face->access_);
    http::page::add_page_routes(routes, face->access_);
  }
  http::ServerOptions server;
  server.host = config.http.listen;
  server.port = at.port;
  server.traffic = &face->traffic_;
  // A client that reads or writes a file has two connections made for it.
  server.connections_max =
      std::clamp<std::size_t>(descriptors / 3, kConnectionsMin, server.connections_max);
  server.connection_changed = [&requests = face->requests_](int change) {
    requests.count_connection(change);
  };
  auto started = http::Server::start(server, std::move(routes));
  if (!started.ok() && started.error().code == Errc::kInUse && !at.wanted) {
    log_warn("http", "{}: HTTP is not served; --http-port gives it another port, or off",
             started.error().message);
    return std::unique_ptr<HttpFace>();
  }
  if (!started.ok()) return std::move(started).error();
  face->server_ = std::move(started).value();
  const auto address = "http://" + format_host_port(config.http.listen, face->port());
  if (place.datanode) {
    log_info("http", "datanode {}: serving WebHDFS at {}/webhdfs/v1", to_string(*place.datanode),
             address);
  } else {
    face->start_own_work();
    log_info("http", "serving {}/", address);
  }
  log_access(config.http);
  return face;
}

void HttpFace::start_own_work() {
  background_.start("uploads", [this] { return http::rest::keep_expiring_uploads(cluster_); });
  background_.start("history",
                    [this] { return http::rest::watch_cluster(cluster_, traffic_, history_); });
}

}  // namespace minidfs::cli
