// Whether full block reports hold up others: datanodes that are none register at a running namenode
// and report replicas that no file owns, while one more sends heartbeats and a client asks for the
// status of /. Prints how long these two waited, alone and during the reports.
//
//   report_bench --namenode 127.0.0.1:8020 --nodes 30 --replicas 100000
#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <cstdio>
#include <cxxopts.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "base/random_id.hpp"
#include "base/units.hpp"
#include "client/link/namenode_link.hpp"
#include "metadata/block_report.hpp"

namespace minidfs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

using NextAtom = caf::atom_constant<caf::atom("next")>;
using AgainAtom = caf::atom_constant<caf::atom("again")>;

constexpr milliseconds kBeatInterval{500};
constexpr milliseconds kRetry{100};  // After an error: "busy", for example.

struct Settings {
  std::string host;
  std::uint16_t port = 0;
  std::uint64_t nodes = 30;
  std::uint64_t replicas = 100'000;
};

struct SystemConfig : actors::ControlSystemConfig {
  SystemConfig() { add_message_types<caf::id_block::minidfs>(); }
};

// A connection of its own to the namenode, as another process has one.
struct Peer {
  SystemConfig config;
  caf::actor_system system{config};
  actors::NamenodeActor namenode;

  Status connect(const Settings& settings, auth::Role role) {
    actors::ConnectOptions options;
    options.role = role;
    MDFS_TRY(auto connection, actors::connect_control<actors::NamenodeActor>(
                                  system, settings.host, settings.port, options));
    namenode = std::move(connection.handle);
    return {};
  }
};

actors::RegisterNode registration(NodeId id, std::uint64_t number) {
  actors::RegisterNode request;
  request.node = id;
  request.incarnation = 1;
  request.host = "bench" + std::to_string(number);
  request.data = {"192.0.2.1", static_cast<std::uint16_t>(1 + number)};
  request.rack = "/bench";
  request.capacity_bytes = 1ULL << 40;
  return request;  // Without free space: nobody is to write to it.
}

actors::Heartbeat heartbeat(NodeId id) {
  actors::Heartbeat request;
  request.node = id;
  request.incarnation = 1;
  request.capacity_bytes = 1ULL << 40;
  return request;
}

// One datanode that registers, waits until it may report, reports, and goes on with heartbeats.
struct Reporter {
  static inline const char* name = "reporter";
  actors::NamenodeActor namenode;
  NodeId id;
  std::uint64_t number = 0;
  std::uint64_t replicas = 0;
  metadata::ReportChunk chunk;  // The last one sent; of report 0 before the first.
  std::atomic<std::uint64_t>* done = nullptr;
};
using ReporterActor = caf::stateful_actor<Reporter>;

void next_chunk(ReporterActor* self, std::uint64_t report, const metadata::ReportPosition& from);

void send_chunk(ReporterActor* self) {
  auto& state = self->state;
  actors::BlockReportPart part{state.id, 1, metadata::encode_report_chunk(state.chunk)};
  self->request(state.namenode, caf::infinite, std::move(part))
      .then(
          [self](const actors::Accepted&) {
            const auto& sent = self->state.chunk;
            if (!sent.ends_report()) {
              return next_chunk(self, sent.report, metadata::position_after(sent));
            }
            ++*self->state.done;
          },
          [self](const caf::error&) { self->delayed_send(self, kRetry, AgainAtom::value); });
}

// Neighbours of these replicas are on other nodes, as those of one file's blocks are.
void next_chunk(ReporterActor* self, std::uint64_t report, const metadata::ReportPosition& from) {
  auto& state = self->state;
  const auto told = from.sequence * metadata::kReportChunkReplicasMax;
  const auto count =
      std::min<std::uint64_t>(metadata::kReportChunkReplicasMax, state.replicas - told);
  std::vector<metadata::Block> blocks;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t id = (1ULL << 40) + (told + i) * 16 + state.number % 16;
    blocks.push_back({BlockId{id}, 1, 64ULL << 20});
  }
  state.chunk = metadata::report_chunk_at(report, from, std::move(blocks));
  send_chunk(self);
}

void may_report(ReporterActor* self, std::uint64_t report, const metadata::ReportPosition& from) {
  if (report != 0 && report != self->state.chunk.report) next_chunk(self, report, from);
}

void beat(ReporterActor* self) {
  self->delayed_send(self, kBeatInterval, NextAtom::value);
  self->request(self->state.namenode, caf::infinite, heartbeat(self->state.id))
      .then(
          [self](const actors::HeartbeatReply& reply) {
            may_report(self, reply.report, reply.from);
          },
          [](const caf::error&) {});
}

caf::behavior reporter(ReporterActor* self, actors::NamenodeActor namenode, std::uint64_t number,
                       std::uint64_t replicas, std::atomic<std::uint64_t>* done) {
  self->state.namenode = std::move(namenode);
  self->state.id = random_id<NodeId>();
  self->state.number = number;
  self->state.replicas = replicas;
  self->state.done = done;
  self->request(self->state.namenode, caf::infinite, registration(self->state.id, number))
      .then(
          [self](const actors::Registered& registered) {
            may_report(self, registered.report, registered.from);
            beat(self);
          },
          [](const caf::error& error) {
            std::fprintf(stderr, "a registration: %s\n", actors::from_caf(error).message.c_str());
          });
  return {[self](NextAtom) { beat(self); }, [self](AgainAtom) { send_chunk(self); }};
}

// Milliseconds that single requests took, one at a time.
class Waits {
 public:
  void add(Clock::duration took) {
    took_.push_back(std::chrono::duration<double, std::milli>(took).count());
  }
  void print(const char* name) {
    if (took_.empty()) return;
    std::sort(took_.begin(), took_.end());
    std::printf("%-34s %6zu asked, ms: median %.2f p99 %.2f max %.2f\n", name, took_.size(),
                took_[took_.size() / 2], took_[took_.size() - 1 - took_.size() / 100],
                took_.back());
  }

 private:
  std::vector<double> took_;
};

// Asks every 10 ms until `ended`.
template <class Ask, class Ended>
void ask_on(const char* name, Ask ask, Ended ended) {
  Waits waits;
  while (!ended()) {
    const auto start = Clock::now();
    ask();
    waits.add(Clock::now() - start);
    std::this_thread::sleep_for(milliseconds(10));
  }
  waits.print(name);
}

Status run(const Settings& settings) {
  Peer pulse;
  MDFS_CHECK(pulse.connect(settings, auth::Role::kDatanode));
  const auto id = random_id<NodeId>();
  caf::scoped_actor self{pulse.system};
  self->request(pulse.namenode, caf::infinite, registration(id, settings.nodes))
      .receive([](const actors::Registered&) {}, [](const caf::error&) {});
  const auto beat_once = [&] {
    self->request(pulse.namenode, caf::infinite, heartbeat(id))
        .receive([](const actors::HeartbeatReply&) {}, [](const caf::error&) {});
  };
  client::LinkOptions link_options;
  link_options.namenodes = {{settings.host, settings.port}};
  client::NamenodeLink link(link_options);
  const auto stat_once = [&] {
    static_cast<void>(link.call(actors::StatRequest{"/"}, std::chrono::seconds(60)));
  };
  const auto quiet_until = Clock::now() + std::chrono::seconds(2);
  const auto quiet_ended = [&] { return Clock::now() >= quiet_until; };
  std::thread quiet([&] { ask_on("stat /, alone", stat_once, quiet_ended); });
  ask_on("heartbeats, alone", beat_once, quiet_ended);
  quiet.join();

  Peer reports;
  MDFS_CHECK(reports.connect(settings, auth::Role::kDatanode));
  std::atomic<std::uint64_t> done{0};
  const auto start = Clock::now();
  std::vector<caf::actor> nodes;
  for (std::uint64_t i = 0; i < settings.nodes; ++i) {
    nodes.push_back(reports.system.spawn(reporter, reports.namenode, i, settings.replicas, &done));
  }
  const auto reported = [&] { return done == settings.nodes; };
  std::thread stats([&] { ask_on("stat /, during the reports", stat_once, reported); });
  ask_on("heartbeats, during the reports", beat_once, reported);
  stats.join();
  const std::chrono::duration<double> took = Clock::now() - start;
  const auto count = settings.nodes * settings.replicas;
  std::printf("%llu replicas of %llu nodes reported in %.2f s, %.0f a second\n",
              static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(settings.nodes), took.count(),
              static_cast<double>(count) / took.count());
  for (const auto& node : nodes) caf::anon_send_exit(node, caf::exit_reason::kill);
  return {};
}

Status run(int argc, char** argv) {
  cxxopts::Options flags("report_bench", "Full block reports against a running namenode");
  flags.add_options()("namenode", "HOST:PORT",
                      cxxopts::value<std::string>()->default_value("127.0.0.1:8020"))(
      "nodes", "Datanodes that report", cxxopts::value<std::uint64_t>()->default_value("30"))(
      "replicas", "Of each", cxxopts::value<std::uint64_t>()->default_value("100000"))("help", "");
  const auto arguments = flags.parse(argc, argv);
  if (arguments.count("help") != 0) {
    std::printf("%s", flags.help().c_str());
    return {};
  }
  MDFS_TRY(const auto address,
           parse_host_port(arguments["namenode"].as<std::string>(), std::uint16_t{8020}));
  Settings settings;
  settings.host = address.host;
  settings.port = address.port;
  settings.nodes = arguments["nodes"].as<std::uint64_t>();
  settings.replicas = arguments["replicas"].as<std::uint64_t>();
  return run(settings);
}

}  // namespace
}  // namespace minidfs

int main(int argc, char** argv) {
  try {
    const auto status = minidfs::run(argc, argv);
    if (status.ok()) return 0;
    std::fprintf(stderr, "report_bench: %s\n", status.error().message.c_str());
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "report_bench: %s\n", problem.what());
  }
  return 1;
}
