#include "cli/roles/datanode_process.hpp"

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <optional>

#include "absl/strings/str_join.h"
#include "actors/datanode_actor.hpp"
#include "actors/system_config.hpp"
#include "base/logging.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "cli/roles/advertised.hpp"
#include "cli/roles/descriptor_shares.hpp"
#include "storage/blocks/block_store.hpp"
#include "storage/blocks/datanode_epoch.hpp"
#include "storage/blocks/scrubber.hpp"
#include "transfer/data_server.hpp"

namespace minidfs::cli {
namespace {

constexpr std::chrono::milliseconds kGoodbyeTimeout{1000};
constexpr std::uint16_t kNamenodePort = 8020;
// Replicas that are sent to other datanodes at a time.
constexpr std::size_t kCopiers = 4;

struct SystemConfig : actors::ControlSystemConfig {
  SystemConfig() { actors::add_message_types(*this); }
};

storage::WriteCache write_cache_of(const std::string& mode) {
  if (mode == "cached") return storage::WriteCache::kCached;
  return mode == "direct" ? storage::WriteCache::kDirect : storage::WriteCache::kAuto;
}

storage::BlockStoreOptions store_options(const Config& config,
                                         const std::vector<std::string>& directories) {
  storage::BlockStoreOptions options;
  options.directories = directories;
  options.durability =
      config.datanode.sync == "none" ? storage::Durability::kNone : storage::Durability::kSync;
  options.write_cache = write_cache_of(config.datanode.write_cache);
  options.pack_limit_bytes = config.datanode.pack_limit;
  options.reserved_bytes = config.datanode.reserved_space;
  options.capacity_bytes = config.datanode.capacity;
  options.disk_check_interval = config.datanode.disk_check_interval;
  options.disk_timeout = config.datanode.disk_timeout;
  return options;
}

// A failed disk is reported to the namenode block by block, which makes new copies elsewhere. When
// none is left the datanode is of no use any more.
std::function<void(const storage::DiskFailure&)> on_disk_failed(actors::ReplicaChanges& changes,
                                                                FatalHandler on_fatal) {
  return [&changes, on_fatal = std::move(on_fatal)](const storage::DiskFailure& failure) {
    changes.replicas_unreachable(failure.lost);
    if (failure.disks_left != 0) return;
    const Error error{Errc::kIoError, "no data directory works any more; the last one, " +
                                          failure.directory +
                                          ", failed: " + failure.reason.message};
    log_error("datanode", "{}", error.message);
    on_fatal(error);
  };
}

Result<std::vector<metadata::Endpoint>> namenode_endpoints(const std::vector<std::string>& texts) {
  std::vector<metadata::Endpoint> endpoints;
  for (const auto& text : texts) {
    MDFS_TRY(const auto parsed, parse_host_port(text, kNamenodePort));
    endpoints.push_back({parsed.host, parsed.port});
  }
  if (endpoints.empty()) return Error{Errc::kInvalidArgument, "no namenode is given"};
  return endpoints;
}

actors::ScrubState scrub_state(const storage::ScrubProgress& scrub) {
  return {scrub.checked, scrub.total, scrub.bad, scrub.last_end_ms, scrub.last_requested};
}

class Datanode final : public DatanodeProcess {
 public:
  ~Datanode() override {
    stop_actors();
    scrubber_.reset();
    server_.reset();
  }

  Status start(const Config& config, const DatanodeAddresses& addresses, FatalHandler on_fatal) {
    actors::DatanodeParts parts;
    MDFS_TRY(parts.namenodes, namenode_endpoints(addresses.namenodes));
    auto stored = store_options(config, addresses.data_dirs);
    stored.disk_failed = on_disk_failed(changes_, on_fatal);
    stored.replicas_unavailable = [this](const std::vector<storage::ReplicaInfo>& replicas) {
      changes_.replicas_unreachable(replicas);
    };
    stored.replicas_back = [this](const std::vector<storage::ReplicaInfo>& replicas) {
      changes_.replicas_back(replicas);
    };
    MDFS_TRY(store_, storage::BlockStore::open(stored));
    changes_.on_bad_found([store = store_.get()] { store->check_disks(); });
    changes_.look_in(*store_);
    transfer::DataServerOptions options;
    options.listen = {config.common.listen, addresses.port};
    options.credentials = addresses.credentials;
    options.threads = config.datanode.threads;
    options.progress_timeout = config.datanode.progress_timeout;
    options.disk_timeout = config.datanode.disk_timeout;
    const auto shares = datanode_shares(addresses.descriptors, addresses.data_dirs.size());
    options.shares.strangers = shares.strangers;
    options.shares.members = shares.connections;
    options.packed_bytes_max = config.datanode.pack_limit;
    options.block_files_max = static_cast<std::uint32_t>(shares.block_files);
    log_info("datanode", "{} descriptors: {}", addresses.descriptors, to_string(shares));
    MDFS_TRY(server_, transfer::DataServer::start(options, *store_, changes_));
    MDFS_TRY(advertised_,
             advertised_endpoint(config.datanode.advertise, config.common.listen, server_->port()));
    parts.advertised = advertised_;
    start_scrubber(config, addresses.data_dirs.front() + "/scrub");
    parts.make_dialer = [this, credentials = addresses.credentials] {
      return system_.spawn<caf::detached>(
          actors::dial_actor, actors::dial_control_plane(system_, *store_, credentials, stopping_));
    };
    parts.store = store_.get();
    parts.changes = &changes_;
    parts.load = [server = server_.get()] { return server->load(); };
    parts.scrub = [scrubber = scrubber_.get()] { return scrub_state(scrubber->progress()); };
    parts.scrub_now = [scrubber = scrubber_.get()](std::uint64_t request) {
      scrubber->request_round(request);
    };
    parts.host = reachable_name();
    parts.rack = config.datanode.rack;
    parts.membership.heartbeat_interval = config.datanode.heartbeat_interval;
    parts.membership.seed = random_128().low;
    MDFS_TRY(epoch_, storage::DatanodeEpoch::open(addresses.data_dirs));
    parts.known = epoch_->known();
    parts.gate = &gate_;
    parts.on_refused = [on_fatal = std::move(on_fatal)](const Error& error) {
      log_error("datanode", "refused: {}", error.message);
      on_fatal(error);
    };
    const auto usage = store_->usage();
    log_info("datanode", "listening on {}:{}, data in {}, node {}, {} replicas, {} free",
             config.common.listen, server_->port(), absl::StrJoin(addresses.data_dirs, ","),
             to_string(store_->node_id()), usage.replicas, human_size(usage.free_bytes));
    orders_ = system_.spawn<caf::detached>(
        actors::order_actor,
        actors::OrderParts{store_.get(), &changes_, &*epoch_, config.datanode.keep_corrupt});
    parts.orders = orders_;
    const actors::CopyParts copy{store_.get(), &changes_,
                                 &gate_,       config.datanode.copy_rate / kCopiers,
                                 &stopping_,   addresses.credentials};
    for (std::size_t i = 0; i < kCopiers; ++i) {
      copiers_.push_back(system_.spawn<caf::detached>(actors::copy_actor, copy));
    }
    parts.copiers = copiers_;
    actor_ = system_.spawn<caf::detached>(
        actors::datanode_actor, std::make_shared<actors::DatanodeParts>(std::move(parts)));
    return {};
  }

  std::uint16_t port() const override { return server_->port(); }
  client::LocalDatanode local() override { return {store_->node_id(), &server_->leader()}; }

  Status serves_http(const std::string& listen, std::uint16_t port, bool asks_for_tokens) override {
    MDFS_TRY(const auto reach, http_reach(listen, port, advertised_));
    actors::AnnounceHttp where;
    where.http = reach.address;
    where.on_loopback = reach.on_loopback;
    where.access = actors::http_access(asks_for_tokens);
    caf::anon_send(actor_, std::move(where));
    return {};
  }

 private:
  void start_scrubber(const Config& config, std::string state_file) {
    storage::ScrubberOptions options;
    options.state_file = std::move(state_file);
    options.rate_bytes = config.datanode.scrub_rate;
    options.interval = config.datanode.scrub_interval;
    options.busy = [server = server_.get()] {
      const auto load = server->load();
      return load.active_reads + load.active_writes > 0;
    };
    options.found_bad = [this](const storage::ReplicaInfo& replica, const std::string& reason) {
      changes_.replica_corrupt(replica.block, replica.generation, reason);
    };
    options.finding = [this](const storage::ReplicaInfo& replica) {
      return changes_.finding(replica);
    };
    options.found_whole = [this](const storage::ReplicaInfo& replica, std::uint64_t finding) {
      changes_.replica_whole(replica, finding);
    };
    options.take_called_bad = [this] { return changes_.take_unchecked(); };
    scrubber_ = std::make_unique<storage::Scrubber>(*store_, std::move(options));
  }

  void stop_actors() {
    if (!actor_) return;
    stopping_ = true;
    caf::scoped_actor self{system_};
    self->request(actor_, kGoodbyeTimeout, actors::LeaveAtom{})
        .receive([](bool) {}, [](const caf::error&) {});
    self->send_exit(actor_, caf::exit_reason::user_shutdown);
    self->wait_for(actor_);
    self->send_exit(orders_, caf::exit_reason::user_shutdown);
    self->wait_for(orders_);
    for (const auto& copier : copiers_) self->send_exit(copier, caf::exit_reason::user_shutdown);
    for (const auto& copier : copiers_) self->wait_for(copier);
    actor_ = nullptr;
    orders_ = nullptr;
    copiers_.clear();
  }

  actors::ReplicaChanges changes_;
  std::unique_ptr<storage::BlockStore> store_;
  std::unique_ptr<transfer::DataServer> server_;
  std::unique_ptr<storage::Scrubber> scrubber_;
  std::optional<storage::DatanodeEpoch> epoch_;
  metadata::Endpoint advertised_;
  actors::OrderGate gate_{0};
  std::atomic<bool> stopping_{false};
  SystemConfig system_config_;
  caf::actor_system system_{system_config_};
  actors::OrderActor orders_;
  std::vector<actors::CopyActor> copiers_;
  actors::DatanodeActor actor_;
};

}  // namespace

Result<std::unique_ptr<DatanodeProcess>> DatanodeProcess::start(const Config& config,
                                                                const DatanodeAddresses& addresses,
                                                                FatalHandler on_fatal) {
  auto datanode = std::make_unique<Datanode>();
  MDFS_CHECK(datanode->start(config, addresses, std::move(on_fatal)));
  return std::unique_ptr<DatanodeProcess>(std::move(datanode));
}

}  // namespace minidfs::cli
