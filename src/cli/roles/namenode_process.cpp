#include "cli/roles/namenode_process.hpp"

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <filesystem>
#include <future>
#include <random>

#include "actors/additions.hpp"
#include "actors/backup_actor.hpp"
#include "actors/block_actor.hpp"
#include "actors/control_plane.hpp"
#include "actors/local_hosts.hpp"
#include "actors/members_actor.hpp"
#include "actors/namespace_actor.hpp"
#include "actors/namespace_digests.hpp"
#include "actors/namespace_machine.hpp"
#include "actors/owner_actor.hpp"
#include "actors/peers/caf_peer_link.hpp"
#include "actors/quorum_actor.hpp"
#include "actors/request_switch.hpp"
#include "actors/system_config.hpp"
#include "base/logging.hpp"
#include "base/machine_name.hpp"
#include "cli/roles/advertised.hpp"
#include "cli/roles/descriptor_shares.hpp"
#include "cli/roles/namenode_join.hpp"
#include "cli/roles/rack_table.hpp"
#include "consensus/log.hpp"
#include "storage/namespace/namenode_directory.hpp"
#include "storage/namespace/namespace_store.hpp"

namespace minidfs::cli {
namespace {

// For the first entry of a new leadership: one write and sync of the disk.
constexpr std::chrono::milliseconds kLogPatience{60'000};

struct SystemConfig : actors::ControlSystemConfig {
  SystemConfig() {
    actors::add_message_types(*this);
    actors::add_added_types(*this);
  }
};

actors::BlockManagerOptions manager_options(const Config& config, ClusterId cluster) {
  actors::BlockManagerOptions options;
  options.cluster = cluster;
  options.nodes.stale_after = config.namenode.stale_after;
  options.nodes.dead_after = config.namenode.dead_after;
  options.placement.reserve_bytes = 0;  // The datanodes keep theirs out of what they call free.
  options.sessions.grace = config.namenode.orphan_grace;
  options.orphans.grace = config.namenode.orphan_grace;
  options.safe_mode.threshold = config.namenode.safe_mode_threshold;
  // A datanode copies a few blocks at a time; what it has in hand must last until its next
  // heartbeat brings more.
  options.repair.streams_out_max = 512;
  options.repair.streams_in_max = 512;
  options.repair.stream_bytes_max = std::uint64_t{256} << 20;
  options.repair.copies_max = 10'000;
  options.repair.placement = options.placement;
  options.repair.balance = config.namenode.balance;
  options.repair.balance_threshold = config.namenode.balance_threshold;
  if (!config.namenode.rack_table.empty()) {
    options.rack_of = [path = config.namenode.rack_table](std::span<const std::string> names) {
      return rack_in_file(path, names);
    };
  }
  options.seed = std::random_device{}();
  return options;
}

// Members are declared in the order in which they depend on one another, so that they end in the
// reverse order.
class Namenode final : public NamenodeProcess {
 public:
  // `held`: the port to listen on, if it is known already.
  explicit Namenode(net::Listening held = {}) : held_(std::move(held)) {}
  ~Namenode() override {
    listener_.reset();
    if (machine_) {
      machine_->set_sink(nullptr);
      machine_->set_marked(nullptr);
    }
    stop_actors();
    log_.reset();
  }

  Status start(const Config& config, const std::string& data_dir, std::size_t descriptors,
               auth::CredentialsPtr credentials, FatalHandler on_fatal) {
    MDFS_TRY(auto place, namenode_place(config, data_dir, credentials, system_));
    directory_ = std::move(place.directory);
    const auto shares = namenode_shares(descriptors);
    log_info("namenode", "{} descriptors: {}", descriptors, to_string(shares));
    actors::AdmissionOptions admission;
    admission.host = config.common.listen;
    admission.port = config.namenode.port;
    admission.cluster = directory_.cluster;
    admission.credentials = std::move(credentials);
    admission.process = actors::control_process_id(system_);
    admission.shares.strangers = shares.strangers;
    admission.shares.members = shares.admitted;
    admission.shares.reserved = shares.datanodes;
    if (!place.held.sockets.empty()) held_ = std::move(place.held);
    MDFS_TRY(listener_, actors::ControlListener::open(admission, std::move(held_)));
    MDFS_TRY(store_, storage::NamespaceStore::open(directory_.database_path()));
    machine_ = std::make_unique<actors::NamespaceMachine>(*store_, directory_.cluster);
    digests_ = std::make_unique<actors::NamespaceDigests>(directory_.database_path());
    MDFS_TRY(const bool logged, consensus::Log::exists(directory_.log_path()));
    if (!logged && store_->applied() > 0) {
      log_warn("namenode",
               "{} holds a namespace of {} entries without a log, as a backup does: another life "
               "of the namespace begins",
               directory_.path, store_->applied());
      MDFS_CHECK(store_->begin_again());
    }
    MDFS_CHECK(open_log(config, logged, std::move(on_fatal)));
    MDFS_CHECK(spawn_actors(config));
    // One that is alone leads before anybody knows of it.
    if (log_->quorum().members.size() == 1) MDFS_CHECK(wait_for_office());
    actors::publish_control(system_, switch_, signatures_, *listener_, link_->door());
    log_info("namenode", "listening on {}:{}, data in {}, cluster {}{}, {} entries applied",
             config.common.listen, port(), directory_.path, to_string(directory_.cluster),
             directory_.formatted ? " (new)" : "", store_->applied());
    return {};
  }

  std::uint16_t port() const override { return listener_->port(); }
  client::LocalNamenode local(const metadata::Endpoint& given) const override {
    return {
        {given, advertised_}, directory_.cluster, caf::actor_cast<actors::NamenodeActor>(switch_)};
  }
  void serves_http(bool asks_for_tokens) override {
    http_access_.store(actors::http_access(asks_for_tokens), std::memory_order_relaxed);
  }

 private:
  Status open_log(const Config& config, bool logged, FatalHandler on_fatal) {
    const auto failed = [this, on_fatal](const Error& error) {
      log_error("namenode", "cannot go on: {}", error.message);
      office_known(error);
      on_fatal(error);
    };
    actors::PeerLinkOptions peers;
    peers.dial.cluster = directory_.cluster;
    peers.dial.credentials = listener_->options().credentials;
    peers.dial.on_twin = failed;
    link_ = std::make_unique<actors::CafPeerLink>(std::move(peers), *listener_);
    consensus::LogOptions options;
    options.link = link_.get();
    MDFS_TRY(advertised_, advertised_endpoint(config.namenode.advertise, config.common.listen,
                                              listener_->port()));
    options.address = to_string(advertised_);
    // One whose database is not empty has lost its log, and is as a backup is.
    const auto& joined = directory_.joined;
    if (!logged && joined.member != 0 && store_->applied() == 0) {
      options.joining = consensus::Joining{joined.member, joined.since};
    }
    options.heartbeat = config.namenode.leader_heartbeat;
    options.election_min = config.namenode.election_timeout;
    options.election_max = 2 * config.namenode.election_timeout;
    options.directory = directory_.log_path();
    options.checkpoint_entries = config.namenode.snapshot_threshold;
    options.free_space_min_bytes = config.namenode.reserved_space;
    MDFS_TRY(log_, consensus::Log::open(options, *machine_, failed));
    machine_->set_marked([digests = digests_.get()](std::uint64_t mark) { digests->begin(mark); });
    return {};
  }

  // It has taken its first leadership over, or never will. Any thread; only the first word counts.
  void office_known(Status status) {
    if (!office_told_.exchange(true)) first_office_.set_value(std::move(status));
  }

  Status wait_for_office() {
    auto office = first_office_.get_future();
    if (office.wait_for(kLogPatience) == std::future_status::ready) return office.get();
    return Error{Errc::kTimedOut, "the log did not take the new leadership in " +
                                      std::to_string(kLogPatience.count()) + " ms"};
  }

  Status spawn_actors(const Config& config) {
    const actors::NamenodeLanes lanes;
    MDFS_TRY(std::shared_ptr<storage::NamespaceReader> reader, store_->open_reader());
    auto blocks = std::make_shared<actors::BlockActorParts>();
    MDFS_TRY(blocks->facts, actors::facts_of(*reader));
    MDFS_TRY(const auto last, reader->epoch());
    owners_ = system_.spawn<caf::detached>(actors::owner_actor, std::move(reader));
    blocks->owners = owners_;
    blocks->lanes = lanes;
    blocks->directory = directory_.path;
    blocks->options = manager_options(config, directory_.cluster);
    blocks->options.epoch = last;
    blocks->asks_secret = listener_->options().credentials != nullptr;
    blocks->http_access = [this] { return http_access_.load(std::memory_order_relaxed); };
    blocks->speaks_for_datanodes =
        [is_datanode = listener_->admitted_as(auth::Role::kDatanode)](const caf::node_id& node) {
          return is_datanode(actors::process_of(node));
        };
    blocks->note_life = [this](metadata::LifeId life) {
      return storage::note_life(directory_, life);
    };
    blocks->log = log_.get();
    blocks_ = system_.spawn<caf::detached>(actors::block_actor, std::move(blocks));
    machine_->set_sink([handle = blocks_](actors::NamespaceEffects effects) {
      caf::anon_send(handle, std::move(effects));
    });
    auto names = std::make_shared<actors::NamespaceActorParts>();
    names->log = log_.get();
    MDFS_TRY(names->reader, store_->open_reader());
    names->blocks = blocks_;
    names->lanes = lanes;
    namespace_ = system_.spawn<caf::detached>(actors::namespace_actor, std::move(names));
    backups_ = system_.spawn<caf::detached>(actors::backup_actor, backup_parts(config, lanes));
    quorum_ = system_.spawn(actors::quorum_actor,
                            actors::QuorumParts{log_.get(), owners_, blocks_, namespace_,
                                                lanes.beats, [this] { office_known({}); }});
    members_ = system_.spawn(actors::members_actor, members_parts(lanes));
    publish(lanes);
    return {};
  }

  void publish(const actors::NamenodeLanes& lanes) {
    const actors::NamenodeServers servers{caf::actor_cast<caf::strong_actor_ptr>(namespace_),
                                          caf::actor_cast<caf::strong_actor_ptr>(blocks_),
                                          caf::actor_cast<caf::strong_actor_ptr>(backups_),
                                          caf::actor_cast<caf::strong_actor_ptr>(quorum_),
                                          caf::actor_cast<caf::strong_actor_ptr>(members_)};
    auto routes = actors::namenode_routes(servers, lanes);
    signatures_ = system_.message_types(caf::detail::type_list<actors::NamenodeActor>{});
    actors::serve_additions(system_, servers, lanes, routes, signatures_);
    switch_ = actors::RequestSwitch::make(system_, std::move(routes));
  }

  actors::MembersParts members_parts(const actors::NamenodeLanes& lanes) const {
    actors::MembersParts parts;
    parts.log = log_.get();
    parts.digests = digests_.get();
    parts.cluster = directory_.cluster;
    parts.lane = lanes.admin;
    parts.is_namenode =
        [is_namenode = listener_->admitted_as(auth::Role::kNamenode)](const caf::node_id& node) {
          return is_namenode(actors::process_of(node));
        };
    parts.find_local_hosts = [](const auto& addresses, auto done) {
      actors::find_local_hosts(addresses, machine_name(), std::move(done));
    };
    return parts;
  }

  std::shared_ptr<actors::BackupParts> backup_parts(const Config& config,
                                                    const actors::NamenodeLanes& lanes) const {
    auto parts = std::make_shared<actors::BackupParts>();
    parts->log = log_.get();
    parts->database_path = directory_.database_path();
    parts->copy_path = directory_.copy_path();
    parts->free_min_bytes = config.namenode.reserved_space;
    parts->version_file = [cluster = directory_.cluster](metadata::LifeId life) {
      return storage::namenode_version_file(cluster, life);
    };
    parts->lane = lanes.admin;
    return parts;
  }

  void stop_actors() {
    caf::scoped_actor self{system_};
    const auto stop = [&self](auto& actor) {
      if (!actor) return;
      self->send_exit(actor, caf::exit_reason::user_shutdown);
      self->wait_for(actor);
      actor = nullptr;
    };
    if (switch_) actors::RequestSwitch::close(switch_);
    switch_ = nullptr;
    stop(members_);
    stop(quorum_);
    stop(namespace_);
    stop(backups_);
    stop(blocks_);
    stop(owners_);
  }

  net::Listening held_;
  storage::NamenodeDirectory directory_;
  metadata::Endpoint advertised_;
  std::promise<Status> first_office_;
  std::atomic<bool> office_told_{false};
  SystemConfig system_config_;
  caf::actor_system system_{system_config_};
  std::unique_ptr<storage::NamespaceStore> store_;
  std::unique_ptr<actors::NamespaceDigests> digests_;
  std::unique_ptr<actors::NamespaceMachine> machine_;
  std::unique_ptr<actors::CafPeerLink> link_;
  std::unique_ptr<consensus::Log> log_;
  std::atomic<actors::HttpAccess> http_access_{actors::HttpAccess::kOff};
  actors::OwnerActor owners_;
  actors::BlockActor blocks_;
  actors::BackupActor backups_;
  actors::NamespaceActor namespace_;
  actors::QuorumActor quorum_;
  actors::MembersActor members_;
  caf::strong_actor_ptr switch_;
  std::set<std::string> signatures_;  // Of what the switch serves.
  std::unique_ptr<actors::ControlListener> listener_;
};

}  // namespace

Result<std::unique_ptr<NamenodeProcess>> NamenodeProcess::start(const Config& config,
                                                                const std::string& data_dir,
                                                                std::size_t descriptors,
                                                                auth::CredentialsPtr credentials,
                                                                FatalHandler on_fatal) {
  auto namenode = std::make_unique<Namenode>();
  auto status = namenode->start(config, data_dir, descriptors, credentials, on_fatal);
  if (!status.ok() && status.error().code == Errc::kCorrupt) {
    namenode.reset();  // It has the directory.
    SystemConfig system_config;
    caf::actor_system system{system_config};
    MDFS_TRY(auto held, join_anew(config, data_dir, credentials, system, status.error()));
    if (!held) return status.error();
    namenode = std::make_unique<Namenode>(*std::move(held));
    status = namenode->start(config, data_dir, descriptors, credentials, on_fatal);
  }
  if (!status.ok()) return status.error();
  return std::unique_ptr<NamenodeProcess>(std::move(namenode));
}

}  // namespace minidfs::cli
