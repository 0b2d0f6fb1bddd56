#include "cli/roles/namenode_join.hpp"

#include <future>
#include <memory>

#include "actors/joining.hpp"
#include "actors/local_hosts.hpp"
#include "base/logging.hpp"
#include "base/machine_name.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "cli/roles/advertised.hpp"
#include "consensus/log.hpp"
#include "metadata/types.hpp"

namespace minidfs::cli {
namespace {

constexpr std::chrono::seconds kLookUpPatience{2};
constexpr std::chrono::seconds kPortPatience{5};

// Nobody listens yet, so asking itself would be waiting for itself.
Result<std::vector<metadata::Endpoint>> others_of(const std::vector<std::string>& texts,
                                                  const metadata::Endpoint& own) {
  std::vector<metadata::Endpoint> others;
  for (const auto& text : texts) {
    MDFS_TRY(const auto parsed, parse_host_port(text, std::nullopt));
    const metadata::Endpoint endpoint{parsed.host, parsed.port};
    if (!(endpoint == own)) others.push_back(endpoint);
  }
  if (!others.empty()) return others;
  return Error{Errc::kInvalidArgument, "--join names only this namenode itself (" + to_string(own) +
                                           "): the first one of a cluster starts without it"};
}

// Whom others cannot reach does not even ask them. What is not known soon is left to the leader.
Status check_own_reach(const Config& config, const metadata::Endpoint& own,
                       const std::vector<metadata::Endpoint>& others) {
  std::vector<std::string> addresses{to_string(own)};
  for (const auto& other : others) addresses.push_back(to_string(other));
  // A name that is listened on means here what it leads to here.
  const bool listened_on = config.namenode.advertise.empty() && own.host == config.common.listen;
  const auto promise = std::make_shared<std::promise<actors::LocalHosts>>();
  auto found = promise->get_future();
  actors::find_local_hosts(
      addresses, listened_on ? "" : machine_name(),
      [promise](actors::LocalHosts hosts) { promise->set_value(std::move(hosts)); });
  if (found.wait_for(kLookUpPatience) != std::future_status::ready) return {};
  const auto hosts = found.get();
  if (!actors::is_of_one_machine(addresses.front(), hosts)) return {};
  for (const auto& other : others) {
    if (actors::is_of_one_machine(to_string(other), hosts)) return {};
  }
  return actors::check_reach(to_string(others.front()), addresses.front(), hosts);
}

// The port as it will be, before anybody is told of it.
Result<net::Listening> hold_port(const Config& config) {
  return net::hold_port({config.common.listen, config.namenode.port},
                        std::chrono::steady_clock::now() + kPortPatience);
}

Result<actors::JoinedCluster> ask_to_join(const Config& config,
                                          const std::vector<std::string>& members,
                                          std::uint16_t port,
                                          const auth::CredentialsPtr& credentials,
                                          caf::actor_system& system) {
  MDFS_TRY(const auto own,
           advertised_endpoint(config.namenode.advertise, config.common.listen, port));
  actors::JoinOptions options;
  MDFS_TRY(options.members, others_of(members, own));
  MDFS_CHECK(check_own_reach(config, own, options.members));
  options.address = to_string(own);
  options.credentials = credentials;
  log_info("namenode", "asks to join the cluster as {}", options.address);
  return actors::join_cluster(system, options);
}

}  // namespace

Result<NamenodePlace> namenode_place(const Config& config, const std::string& data_dir,
                                     const auth::CredentialsPtr& credentials,
                                     caf::actor_system& system) {
  const auto& join = config.namenode.join;
  NamenodePlace place;
  auto& directory = place.directory;
  MDFS_TRY(directory,
           storage::claim_namenode_directory(
               data_dir, join.empty() ? storage::Blank::kFormat : storage::Blank::kKeep));
  if (!directory.blank) {
    if (!join.empty()) {
      log_info("namenode", "{} belongs to cluster {} already: --join is not needed any more",
               directory.path, to_string(directory.cluster));
    }
    return place;
  }
  MDFS_TRY(place.held, hold_port(config));
  const auto joined = ask_to_join(config, join, place.held.port, credentials, system);
  if (!joined.ok()) return Error{joined.error().code, "--join: " + joined.error().message};
  MDFS_CHECK(storage::format_joined(directory, joined->cluster, {joined->member, joined->since}));
  log_info("namenode", "is member {} of cluster {}", hex_64(joined->member),
           to_string(joined->cluster));
  return place;
}

Result<std::optional<net::Listening>> join_anew(const Config& config, const std::string& data_dir,
                                                const auth::CredentialsPtr& credentials,
                                                caf::actor_system& system, const Error& why) {
  using None = std::optional<net::Listening>;
  MDFS_TRY(auto directory, storage::claim_namenode_directory(data_dir, storage::Blank::kKeep));
  if (directory.blank) return None();
  const auto others = consensus::Log::others_known(directory.log_path());
  if (!others.ok() || others->empty()) return None();
  log_error("namenode", "{}", why.message);
  log_warn("namenode", "{}: asks the other namenodes to be taken in anew", directory.path);
  std::vector<std::string> addresses;
  for (const auto& other : *others) addresses.push_back(other.address);
  MDFS_TRY(auto held, hold_port(config));
  const auto joined = ask_to_join(config, addresses, held.port, credentials, system);
  if (!joined.ok()) {
    return Error{why.code, why.message + "; nor is it taken in anew: " + joined.error().message};
  }
  if (joined->cluster != directory.cluster) {
    return Error{Errc::kWrongCluster, directory.path + ": belongs to cluster " +
                                          to_string(directory.cluster) +
                                          ", and at the addresses of its namenodes is cluster " +
                                          to_string(joined->cluster)};
  }
  MDFS_CHECK(storage::begin_as(directory, {joined->member, joined->since}));
  MDFS_CHECK(consensus::Log::discard(directory.log_path()));
  log_info("namenode", "{}: is member {} now", directory.path, hex_64(joined->member));
  return std::optional(std::move(held));
}

}  // namespace minidfs::cli
