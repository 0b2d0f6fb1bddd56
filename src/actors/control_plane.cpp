#include "actors/control_plane.hpp"

#include <algorithm>
#include <caf/atom.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/make_counted.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <cstring>
#include <future>
#include <map>
#include <mutex>

#include "actors/control_scribe.hpp"
#include "actors/system_config.hpp"
#include "actors/tcp.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"

namespace minidfs::actors {
namespace {

using caf::io::network::default_multiplexer;

using NodeData = caf::node_id::default_data;

// CAF makes a node id of process number and MAC addresses. Two containers may share both, and then
// take each other for themselves; a process that was restarted may get its old number back, and
// then old proxies seem to live on. So the id is random instead. CAF has no setting for this, but a
// module's init() runs before any actor exists that would have copied the id.
void randomize_node(caf::actor_system& system) {
  const auto id = random_id<ProcessId>();
  NodeData::host_id_type host{};
  std::memcpy(host.data(), &id.high, 8);
  std::memcpy(host.data() + 8, &id.low, 8);
  const auto* previous = dynamic_cast<const NodeData*>(&*system.node());
  const std::uint32_t pid = previous != nullptr ? previous->process_id() : 1;
  const_cast<caf::node_id&>(system.node()) = caf::node_id{caf::make_counted<NodeData>(pid, host)};
}

// CAF's middleman on its default multiplexer, in a process with a random identity.
class ControlMiddleman final : public caf::io::middleman {
 public:
  explicit ControlMiddleman(caf::actor_system& system)
      : caf::io::middleman(system), multiplexer_(&system) {}

  void init(caf::actor_system_config& config) override {
    caf::io::middleman::init(config);  // Makes the id that is not wanted.
    randomize_node(system());
  }

  caf::io::network::multiplexer& backend() override { return multiplexer_; }

  // Of all connections of the system.
  const ControlMemory& memory() const { return memory_; }

 private:
  default_multiplexer multiplexer_;
  const ControlMemory memory_;
};

caf::actor_system::module* make_middleman(caf::actor_system& system) {
  return new ControlMiddleman(system);  // The actor system owns its modules.
}

// CAF's BASP broker takes scribes, and the actor to publish to them, by message; so neither its
// doormen nor its middleman actor are needed. The broker exists since the system's start, so this
// only looks it up.
caf::actor basp_broker(caf::actor_system& system) {
  return system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
}

caf::io::scribe_ptr make_scribe(caf::actor_system& system, UniqueFd fd,
                                ConnectionRegistry::Slot slot, BaspGuard::Side side,
                                std::uint64_t published = 0) {
  auto& middleman = static_cast<ControlMiddleman&>(system.middleman());
  auto& multiplexer = static_cast<default_multiplexer&>(middleman.backend());
  return caf::make_counted<ControlScribe>(multiplexer, std::move(fd), std::move(slot), side,
                                          middleman.memory(), published);
}

// The connections that this process has opened, of all its systems.
ConnectionRegistry& opened_connections() {
  static const auto registry = std::make_shared<ConnectionRegistry>();
  return *registry;
}

std::chrono::milliseconds left_until(Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

using Reached = PublishedActor;

// What this process knows of its connection to another. CAF loses replies when two connections
// between a pair of processes come up at once, so connecting to one process happens under a lock,
// and the actor that its one connection has led to is kept.
struct PeerState {
  std::timed_mutex mutex;
  std::uint16_t port = 0;
  caf::weak_actor_ptr actor;  // Weak, because it must not outlive its system.
  std::set<std::string> signatures;
};

std::shared_ptr<PeerState> peer_state(const Link& link) {
  static std::mutex mutex;
  static std::map<Link, std::shared_ptr<PeerState>> states;
  const std::lock_guard lock(mutex);
  std::erase_if(states, [&](const auto& entry) {
    return entry.second.use_count() == 1 && !opened_connections().contains(entry.first);
  });
  auto& state = states[link];
  if (!state) state = std::make_shared<PeerState>();
  return state;
}

// The actor at `port` that the living connection of `link` has led to, if any.
Reached known_actor(const PeerState& state, const Link& link, std::uint16_t port) {
  if (state.port != port || !opened_connections().contains(link)) return {};
  auto actor = caf::actor_cast<caf::strong_actor_ptr>(state.actor);
  if (!actor || actor->get()->getf(caf::abstract_actor::is_terminated_flag)) return {};
  return {std::move(actor), state.signatures};
}

// Hands the scribe to CAF and waits until the peer's BASP handshake names the published actor.
Result<Reached> reach_actor(caf::actor_system& system, caf::io::scribe_ptr scribe,
                            std::uint16_t port, Deadline deadline) {
  Result<Reached> result = Error{Errc::kInternal, "no answer from the middleman"};
  caf::scoped_actor self{system};
  self->request(basp_broker(system), left_until(deadline), caf::connect_atom::value,
                std::move(scribe), port)
      .receive(
          [&](caf::node_id&, caf::strong_actor_ptr& actor, std::set<std::string>& signatures) {
            result = Reached{std::move(actor), std::move(signatures)};
          },
          [&](caf::error& error) {
            const bool timed_out = error == caf::sec::request_timeout;
            result =
                Error{timed_out ? Errc::kTimedOut : Errc::kUnavailable,
                      timed_out ? "admitted, but no answer in time"
                                : "admitted, but the connection ended: " + system.render(error)};
          });
  return result;
}

// Lets CAF finish with an earlier connection to the same process, which is gone already. The broker
// took its proxies down then, and each of them has posted, on the event loop's own thread, to have
// the proxy with its number forgotten. That would hit the new one: a request to it would vanish
// without an answer. What the loop's thread posts itself is done in its order, so a function that
// is posted there now comes after all of it; one that another thread posts may come before.
void settle(caf::actor_system& system, Deadline deadline) {
  auto& loop = system.middleman().backend();
  const auto settled = std::make_shared<std::promise<void>>();
  loop.post([&loop, settled] { loop.post([settled] { settled->set_value(); }); });
  settled->get_future().wait_until(deadline);
}

// Uses `dialed` to reach the actor at `port` of the peer, unless the connection that there is
// already has led to it; then `dialed` has shown that the peer lives, and is closed. Errors lack
// the address.
Result<Reached> reach_by(caf::actor_system& system, DialedConnection dialed, const Link& link,
                         std::uint16_t port, bool replace, Deadline deadline) {
  const auto state = peer_state(link);
  const std::unique_lock lock(state->mutex, deadline);
  if (!lock) return Error{Errc::kTimedOut, "another connect to it has not ended in time"};
  auto& opened = opened_connections();
  if (replace) {
    opened.cut(link);
    if (!opened.wait_until_gone(link, left_until(deadline))) {
      return Error{Errc::kTimedOut, "the previous connection did not end in time"};
    }
  }
  if (auto known = known_actor(*state, link, port); known.actor) return known;
  const bool is_only_one = !opened.contains(link);
  if (is_only_one) settle(system, deadline);
  auto slot = opened.add(link, dialed.fd.get());
  MDFS_CHECK(confirm_control(dialed, is_only_one ? Confirmation::kReplace : Confirmation::kAdd));
  auto scribe =
      make_scribe(system, std::move(dialed.fd), std::move(slot), BaspGuard::Side::kConnecting);
  MDFS_TRY(auto reached, reach_actor(system, std::move(scribe), port, deadline));
  state->port = port;
  state->actor = caf::actor_cast<caf::weak_actor_ptr>(reached.actor);
  state->signatures = reached.signatures;
  return reached;
}

}  // namespace

ControlSystemConfig::ControlSystemConfig() {
  module_factories.push_back(make_middleman);
  // One worker that sleeps when there is nothing to do.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", 1);
  // Payloads are decoded on the multiplexer's thread: no hand-over for small messages.
  set("middleman.workers", 0);
  // The middleman's helper needs no thread of its own, because it never blocks here.
  set("middleman.attach-utility-actors", true);
  set("middleman.enable-automatic-connections", false);
  set("middleman.heartbeat-interval", caf::timespan{0});
  set("logger.verbosity", caf::atom("quiet"));
  set("logger.file-verbosity", caf::atom("quiet"));
  set("logger.console", caf::atom("none"));
}

ProcessId control_process_id(const caf::actor_system& system) {
  const auto id = process_of(system.node());
  MDFS_ASSERT(!id.is_none());
  return id;
}

ProcessId process_of(const caf::node_id& node) {
  const auto* data = node ? dynamic_cast<const NodeData*>(&*node) : nullptr;
  ProcessId id;
  if (data == nullptr) return id;
  const auto host = data->host_id();
  std::memcpy(&id.high, host.data(), 8);
  std::memcpy(&id.low, host.data() + 8, 8);
  return id;
}

void publish_control(caf::actor_system& system, caf::strong_actor_ptr whom,
                     std::set<std::string> signatures, ControlListener& listener,
                     std::optional<MemberDoor> members) {
  MDFS_ASSERT(listener.options().process == control_process_id(system));
  auto admit = [&system, port = listener.port(), broker = basp_broker(system),
                whom = std::move(whom),
                signatures = std::move(signatures)](AdmittedConnection connection) {
    auto scribe = make_scribe(system, std::move(connection.fd), std::move(connection.slot),
                              BaspGuard::Side::kListening, whom->id());
    caf::anon_send(broker, caf::publish_atom::value, std::move(scribe), port, whom, signatures);
  };
  listener.start(std::move(admit), std::move(members));
}

// Two posts, as in settle().
void admit_settled(caf::actor_system& system, caf::strong_actor_ptr whom,
                   std::set<std::string> signatures, std::uint16_t port,
                   AdmittedConnection connection) {
  auto scribe = make_scribe(system, std::move(connection.fd), std::move(connection.slot),
                            BaspGuard::Side::kListening, whom->id());
  auto& loop = system.middleman().backend();
  loop.post([&loop, port, broker = basp_broker(system), scribe = std::move(scribe),
             whom = std::move(whom), signatures = std::move(signatures)] {
    loop.post([port, broker, scribe, whom, signatures] {
      caf::anon_send(broker, caf::publish_atom::value, scribe, port, whom, signatures);
    });
  });
}

Result<PublishedActor> enter_control(caf::actor_system& system, UniqueFd fd,
                                     ConnectionRegistry::Slot slot, std::uint16_t port,
                                     Deadline deadline) {
  settle(system, deadline);
  auto scribe = make_scribe(system, std::move(fd), std::move(slot), BaspGuard::Side::kConnecting);
  return reach_actor(system, std::move(scribe), port, deadline);
}

Result<ControlConnection<caf::strong_actor_ptr>> connect_control(
    caf::actor_system& system, const std::string& host, std::uint16_t port,
    const std::set<std::string>& signatures, const ConnectOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  const auto where = format_host_port(host, port);
  const auto local = control_process_id(system);
  DialOptions dial{options.role, options.cluster, local, options.timeout, options.credentials};
  dial.cancelled = options.cancelled;
  dial.versions = options.versions;
  MDFS_TRY(auto dialed, dial_control(host, port, dial));
  const auto cluster = dialed.cluster;
  const auto version = dialed.version;  // Of that process, whichever connection leads to it.
  const Link link{local, dialed.process};
  auto reached = reach_by(system, std::move(dialed), link, port, options.replace, deadline);
  if (!reached.ok()) return Error{reached.error().code, where + ": " + reached.error().message};
  if (!reached->actor || !system.assignable(reached->signatures, signatures)) {
    return Error{Errc::kProtocol, where + ": the published actor has not the wanted interface"};
  }
  return ControlConnection<caf::strong_actor_ptr>{std::move(reached->actor), cluster, version};
}

}  // namespace minidfs::actors
