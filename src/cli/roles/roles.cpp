#include "cli/roles/roles.hpp"

#include "cli/roles/http_face.hpp"
// The above comes first: see net/asio.hpp.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auth/secret_file.hpp"
#include "base/descriptor_limit.hpp"
#include "base/logging.hpp"
#include "base/printable.hpp"
#include "cli/command/signals.hpp"
#include "cli/roles/advertised.hpp"
#include "cli/roles/datanode_process.hpp"
#include "cli/roles/namenode_process.hpp"
#include "cli/roles/role_admission.hpp"
#include "metadata/types.hpp"

namespace minidfs::cli {
namespace {

// How long a role may take to stop. What it does then besides saying goodbye (checkpoints, files of
// the log that are not needed any more) only makes the next start quicker: whatever was
// acknowledged is on disk already. A busy disk can hold each of those steps up for a second and
// more.
constexpr std::chrono::milliseconds kStopTimeMax{1000};
// What is left to a log that nobody reads, before the process ends without it.
constexpr std::chrono::milliseconds kLogTimeMax{200};

// Ends the process with `exit_code` after kStopTimeMax, wherever its other threads stand then,
// unless it is `over` before.
void limit_stop_time(const std::stop_token& over, int exit_code) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any changed;
  if (changed.wait_for(lock, over, kStopTimeMax, [&] { return over.stop_requested(); })) return;
  log_warn("minidfs", "still stopping after {} ms: the next start does the rest",
           kStopTimeMax.count());
  flush_log(kLogTimeMax);
  std::_Exit(exit_code);
}

// Ends the process on SIGTERM and SIGINT, or when a part of it asks for it: also while it still
// starts, which may take long. SIGHUP opens the log file anew. Made before any other thread but the
// log's, which takes no signals.
class Lifetime {
 public:
  Lifetime() : signals_(SignalThread::Ignored::kTake, [this](int signal) { take(signal); }) {}

  // Any thread. The process ends at the latest kStopTimeMax later. The first exit code counts.
  void end_with(int exit_code) {
    const std::lock_guard lock(mutex_);
    if (exit_code_) return;
    exit_code_ = exit_code;
    stop_limit_ = std::jthread(limit_stop_time, exit_code);
    changed_.notify_all();
  }

  // Waits for the end; the exit code of the process.
  int wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return exit_code_.has_value(); });
    return *exit_code_;
  }

  FatalHandler fatal_handler() {
    return [this](const Error& error) { end_with(errc_info(error.code).exit_code); };
  }

 private:
  void take(int signal) {
    if (signal == SIGHUP) {
      const auto reopened = reopen_log();
      if (!reopened.ok()) log_error("minidfs", "SIGHUP: {}", reopened.error().message);
      if (reopened.ok()) log_info("minidfs", "SIGHUP: the log goes on here");
      return;
    }
    log_info("minidfs", "stopping ({})", signal_name(signal));
    end_with(0);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> exit_code_;
  std::jthread stop_limit_;
  SignalThread signals_;  // The last member: its thread uses the others.
};

int refuse_start(const Error& error) {
  std::fprintf(stderr, "minidfs: %s\n", escape_controls(error.message).c_str());
  return errc_info(error.code).exit_code;
}

int refuse_missing(const char* what) {
  return refuse_start({Errc::kInvalidArgument, std::string(what) + " must be given (--data-dir)"});
}

metadata::Endpoint local_address(const Config& config, const NamenodeProcess& namenode) {
  const auto& listen = config.common.listen;
  return {is_everywhere(listen) ? "127.0.0.1" : listen, namenode.port()};
}

// For HTTP beside them.
std::shared_ptr<const client::LocalNamenodes> all_local(
    const Config& config, std::span<const std::unique_ptr<NamenodeProcess>> namenodes) {
  auto all = std::make_shared<client::LocalNamenodes>();
  for (const auto& each : namenodes) all->push_back(each->local(local_address(config, *each)));
  return all;
}

// What a role does first, and HTTP beside it.
struct SharesWithHttp {
  std::size_t role = 0;
  std::size_t http = 0;
};
SharesWithHttp share_with_http(std::size_t descriptors) {
  return {descriptors - descriptors / 8, descriptors / 8};
}

// The HTTP of a datanode, which the namenodes are told of; null as HttpFace::open() says.
Result<std::unique_ptr<HttpFace>> serve_datanode_http(const Config& config, const HttpPort& port,
                                                      const DatanodeAddresses& addresses,
                                                      std::size_t descriptors,
                                                      DatanodeProcess& datanode) {
  const auto local = datanode.local();
  const HttpPlace place{port, local.node, nullptr, {local}};
  MDFS_TRY(auto http,
           HttpFace::open(config, place, addresses.namenodes, descriptors, addresses.credentials));
  if (http) {
    MDFS_CHECK(datanode.serves_http(config.http.listen, http->port(), http->asks_for_tokens()));
  }
  return http;
}

// A client's key is enough for it.
Result<auth::CredentialsPtr> gateway_credentials(const CommonConfig& common) {
  if (common.secret_file.empty()) return auth::CredentialsPtr();
  return auth::load_credentials(common.secret_file);
}

}  // namespace

int run_namenode(const Config& config) {
  if (config.namenode.data_dir.empty()) return refuse_missing("namenode.data_dir");
  Lifetime lifetime;
  auto credentials = role_admission(config.common);
  if (!credentials.ok()) return refuse_start(credentials.error());
  log_admission(config.common, *credentials);
  const auto shares = share_with_http(raise_descriptor_limit());
  auto namenode = NamenodeProcess::start(config, config.namenode.data_dir, shares.role,
                                         *credentials, lifetime.fatal_handler());
  if (!namenode.ok()) return refuse_start(namenode.error());
  const HttpPlace place{
      config.namenode.http_port, std::nullopt, all_local(config, {&*namenode, 1}), {}};
  const auto http =
      HttpFace::open(config, place, {metadata::to_string(local_address(config, **namenode))},
                     shares.http, *credentials);
  if (!http.ok()) return refuse_start(http.error());
  if (*http) (*namenode)->serves_http((*http)->asks_for_tokens());
  return lifetime.wait();
}

int run_gateway(const Config& config) {
  Lifetime lifetime;
  auto credentials = gateway_credentials(config.common);
  if (!credentials.ok()) return refuse_start(credentials.error());
  const auto descriptors = raise_descriptor_limit();
  auto at = config.gateway.http_port;
  at.wanted = true;
  const auto http =
      HttpFace::open(config, {at}, config.client.namenode, descriptors, *std::move(credentials));
  if (!http.ok()) return refuse_start(http.error());
  return lifetime.wait();
}

int run_datanode(const Config& config) {
  if (config.datanode.data_dir.empty()) return refuse_missing("datanode.data_dir");
  Lifetime lifetime;
  auto credentials = role_admission(config.common);
  if (!credentials.ok()) return refuse_start(credentials.error());
  log_admission(config.common, *credentials);
  const auto& http_port = config.datanode.http_port;
  const auto descriptors = raise_descriptor_limit();
  const auto shares =
      http_port.open ? share_with_http(descriptors) : SharesWithHttp{descriptors, 0};
  const DatanodeAddresses addresses{config.datanode.port, config.datanode.data_dir,
                                    config.datanode.namenode, shares.role, *std::move(credentials)};
  auto datanode = DatanodeProcess::start(config, addresses, lifetime.fatal_handler());
  if (!datanode.ok()) return refuse_start(datanode.error());
  const auto http = serve_datanode_http(config, http_port, addresses, shares.http, **datanode);
  if (!http.ok()) return refuse_start(http.error());
  return lifetime.wait();
}

namespace {

// Of the first one as it has always been.
std::string local_namenode_directory(const std::string& directory, std::uint32_t number) {
  return directory + "/namenode" + (number == 0 ? "" : std::to_string(number + 1));
}

// Of the first and those after it; any free ones when that is 0.
std::uint16_t nth_port(std::uint16_t first, std::uint32_t number) {
  return first == 0 ? first : static_cast<std::uint16_t>(first + number);
}

// The first one makes the cluster, the others join it.
Config local_namenode_config(const Config& config, std::uint32_t number,
                             const std::vector<std::string>& before) {
  Config own = config;
  own.namenode.join = before;
  own.namenode.port = nth_port(config.namenode.port, number);
  return own;
}

}  // namespace

int run_local(const Config& config) {
  if (config.local.data_dir.empty()) return refuse_missing("local.data_dir");
  Lifetime lifetime;
  const auto credentials = role_admission(config.common);
  if (!credentials.ok()) return refuse_start(credentials.error());
  log_admission(config.common, *credentials);
  const auto& directory = config.local.data_dir;
  const auto shares = share_with_http(raise_descriptor_limit());
  const std::size_t descriptors = shares.role / (config.local.namenodes + config.local.datanodes);
  std::vector<std::unique_ptr<NamenodeProcess>> namenodes;
  std::vector<std::string> addresses_of_namenodes;
  for (std::uint32_t i = 0; i < config.local.namenodes; ++i) {
    const auto own = local_namenode_config(config, i, addresses_of_namenodes);
    auto namenode = NamenodeProcess::start(own, local_namenode_directory(directory, i), descriptors,
                                           *credentials, lifetime.fatal_handler());
    if (!namenode.ok()) return refuse_start(namenode.error());
    addresses_of_namenodes.push_back(metadata::to_string(local_address(config, **namenode)));
    namenodes.push_back(std::move(namenode).value());
  }
  std::vector<std::unique_ptr<DatanodeProcess>> datanodes;
  std::vector<client::LocalDatanode> local_datanodes;
  std::vector<std::unique_ptr<HttpFace>> faces;
  const auto& http_of_nodes = config.local.datanode_http_port;
  const std::size_t http_descriptors =
      shares.http / (http_of_nodes.open ? 1 + config.local.datanodes : 1);
  for (std::uint32_t i = 0; i < config.local.datanodes; ++i) {
    DatanodeAddresses addresses;
    addresses.descriptors = descriptors;
    addresses.credentials = *credentials;
    const auto port = config.datanode.port;
    addresses.port = nth_port(port, i);
    addresses.data_dirs = {directory + "/datanode" + std::to_string(i + 1)};
    addresses.namenodes = addresses_of_namenodes;
    // One that has lost its directory stays, without any capacity: the others go on.
    auto on_fatal = [handler = lifetime.fatal_handler()](const Error& error) {
      if (error.code != Errc::kIoError) handler(error);
    };
    auto datanode = DatanodeProcess::start(config, addresses, std::move(on_fatal));
    if (!datanode.ok()) return refuse_start(datanode.error());
    auto http_port = http_of_nodes;
    http_port.port = nth_port(http_port.port, i);
    auto face = serve_datanode_http(config, http_port, addresses, http_descriptors, **datanode);
    if (!face.ok()) return refuse_start(face.error());
    faces.push_back(std::move(face).value());
    local_datanodes.push_back((*datanode)->local());
    datanodes.push_back(std::move(datanode).value());
  }
  const HttpPlace place{config.namenode.http_port, std::nullopt, all_local(config, namenodes),
                        local_datanodes};
  const auto http =
      HttpFace::open(config, place, addresses_of_namenodes, http_descriptors, *credentials);
  if (!http.ok()) return refuse_start(http.error());
  for (const auto& namenode : namenodes) {
    if (*http) namenode->serves_http((*http)->asks_for_tokens());
  }
  return lifetime.wait();
}

}  // namespace minidfs::cli
