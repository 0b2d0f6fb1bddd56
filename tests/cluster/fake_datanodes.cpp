#include "cluster/fake_datanodes.hpp"

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "actors/control_plane.hpp"
#include "actors/interfaces.hpp"
#include "actors/system_config.hpp"
#include "base/random_id.hpp"

namespace minidfs::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{10'000};
constexpr milliseconds kRequestTimeout{60'000};
constexpr milliseconds kLook{50};
constexpr milliseconds kRetry{200};

using TickAtom = caf::atom_constant<caf::atom("tick")>;
using RegisterAtom = caf::atom_constant<caf::atom("register")>;
using ReportAtom = caf::atom_constant<caf::atom("report")>;

struct SystemConfig : actors::ControlSystemConfig {
  SystemConfig() { actors::add_message_types(*this); }
};

// What all of them have done; any thread.
class Record {
 public:
  void registered(std::size_t node) {
    const std::lock_guard lock(mutex_);
    registered_.insert(node);
    if (!first_answer_) first_answer_ = Clock::now();
  }
  void reported(std::size_t node) {
    const std::lock_guard lock(mutex_);
    reported_.insert(node);
  }
  void failed() {
    const std::lock_guard lock(mutex_);
    ++figures_.failures;
  }
  void answered(Clock::time_point sent) {
    const std::lock_guard lock(mutex_);
    ++figures_.heartbeats;
    if (!first_answer_ || sent < *first_answer_) return;
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - sent);
    figures_.slowest_heartbeat = std::max(figures_.slowest_heartbeat, took);
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    figures_ = {};
    registered_.clear();
    reported_.clear();
    first_answer_.reset();
  }
  FakeDatanodes::Figures figures() const {
    const std::lock_guard lock(mutex_);
    auto figures = figures_;
    figures.registered = registered_.size();
    figures.reported = reported_.size();
    return figures;
  }

 private:
  mutable std::mutex mutex_;
  FakeDatanodes::Figures figures_;
  std::set<std::size_t> registered_;
  std::set<std::size_t> reported_;
  std::optional<Clock::time_point> first_answer_;
};

struct Identity {
  std::size_t number = 0;
  NodeId id = random_id<NodeId>();
  std::uint64_t incarnation = random_128().low;

  std::mutex mutex;
  std::vector<metadata::Block> replicas;

  std::vector<metadata::Block> replicas_from(BlockId first, std::size_t limit) {
    const std::lock_guard lock(mutex);
    const auto begin = std::lower_bound(
        replicas.begin(), replicas.end(), first,
        [](const metadata::Block& block, BlockId wanted) { return block.id < wanted; });
    const auto count =
        std::min<std::size_t>(limit, static_cast<std::size_t>(replicas.end() - begin));
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
  }
};

struct NodeState {
  std::uint64_t report = 0;  // The one under way; 0: none.
  metadata::ReportChunk chunk;
  bool registered = false;
  bool beating = false;
};

// One identity, as long as its connection lasts.
class Node {
 public:
  using Self = caf::stateful_actor<NodeState>;

  Node(Self* self, actors::NamenodeActor namenode, std::shared_ptr<Identity> identity,
       std::shared_ptr<Record> record, milliseconds interval)
      : self_(self),
        namenode_(std::move(namenode)),
        identity_(std::move(identity)),
        record_(std::move(record)),
        interval_(interval) {}

  void enrol() const {
    actors::RegisterNode request;
    request.node = identity_->id;
    request.incarnation = identity_->incarnation;
    request.host = "fake" + std::to_string(identity_->number);
    request.data = {"127.0.0.1", static_cast<std::uint16_t>(1 + identity_->number % 60'000)};
    request.rack = "/default";
    request.capacity_bytes = request.free_bytes = std::uint64_t{1} << 40;
    self_->request(namenode_, kRequestTimeout, std::move(request))
        .then(
            [node = *this](const actors::Registered& answer) {
              node.record_->registered(node.identity_->number);
              if (!std::exchange(node.self_->state.registered, true)) node.tick();
              node.begin_report(answer.report, answer.from);
            },
            [node = *this](const caf::error&) { node.retry(RegisterAtom::value); });
  }

  void beat() const {
    tick();
    if (std::exchange(self_->state.beating, true)) return;
    actors::Heartbeat beat;
    beat.node = identity_->id;
    beat.incarnation = identity_->incarnation;
    beat.capacity_bytes = beat.free_bytes = std::uint64_t{1} << 40;
    self_->request(namenode_, kRequestTimeout, std::move(beat))
        .then(
            [node = *this, sent = Clock::now()](const actors::HeartbeatReply& answer) {
              node.self_->state.beating = false;
              node.record_->answered(sent);
              if (answer.register_again) return node.enrol();
              if (answer.report != node.self_->state.report) {
                node.begin_report(answer.report, answer.from);
              }
            },
            [node = *this](const caf::error&) {
              node.self_->state.beating = false;
              node.record_->failed();
            });
  }

  void send_chunk() const {
    const auto& chunk = self_->state.chunk;
    actors::BlockReportPart part;
    part.node = identity_->id;
    part.incarnation = identity_->incarnation;
    part.chunk = metadata::encode_report_chunk(chunk);
    self_->request(namenode_, kRequestTimeout, std::move(part))
        .then(
            [node = *this, report = chunk.report, sequence = chunk.sequence](actors::Accepted) {
              auto& state = node.self_->state;
              if (state.report != report || state.chunk.sequence != sequence) return;
              if (!state.chunk.ends_report()) return node.next_chunk();
              node.record_->reported(node.identity_->number);
            },
            [node = *this](const caf::error&) { node.retry(ReportAtom::value); });
  }

 private:
  void tick() const { self_->delayed_send(self_, interval_, TickAtom::value); }

  template <class Atom>
  void retry(Atom what) const {
    record_->failed();
    self_->delayed_send(self_, kRetry, what);
  }

  void begin_report(std::uint64_t report, const metadata::ReportPosition& from) const {
    if (report == 0) return;
    self_->state.report = report;
    self_->state.chunk = metadata::report_chunk_at(
        report, from, identity_->replicas_from(from.first, metadata::kReportChunkReplicasMax));
    send_chunk();
  }

  void next_chunk() const {
    auto& chunk = self_->state.chunk;
    chunk = metadata::next_report_chunk(
        chunk.report, &chunk,
        identity_->replicas_from(BlockId{chunk.last.value + 1}, metadata::kReportChunkReplicasMax));
    send_chunk();
  }

  Self* self_;
  actors::NamenodeActor namenode_;
  std::shared_ptr<Identity> identity_;
  std::shared_ptr<Record> record_;
  milliseconds interval_;
};

caf::behavior fake_node(Node::Self* self, actors::NamenodeActor namenode,
                        std::shared_ptr<Identity> identity, std::shared_ptr<Record> record,
                        milliseconds interval) {
  const Node node(self, std::move(namenode), std::move(identity), std::move(record), interval);
  node.enrol();
  return {[node](TickAtom) { node.beat(); }, [node](RegisterAtom) { node.enrol(); },
          [node](ReportAtom) { node.send_chunk(); }};
}

// A process of its own, as far as the namenode can tell.
class FakeProcess {
 public:
  FakeProcess(const FakeDatanodesOptions& options, std::vector<std::shared_ptr<Identity>> nodes,
              std::shared_ptr<Record> record)
      : options_(options),
        nodes_(std::move(nodes)),
        record_(std::move(record)),
        thread_([this] { run(); }) {}
  ~FakeProcess() {
    stop_ = true;
    thread_.join();
  }
  FakeProcess(const FakeProcess&) = delete;
  FakeProcess& operator=(const FakeProcess&) = delete;

 private:
  void run() {
    SystemConfig config;
    caf::actor_system system{config};
    while (!stop_) {
      auto connection = actors::connect_control<actors::NamenodeActor>(
          system, "127.0.0.1", options_.namenode_port,
          {.role = auth::Role::kDatanode, .timeout = kConnectTimeout});
      caf::scoped_actor self{system};
      if (connection.ok()) {
        serve(system, self, std::move(connection->handle));
      } else {
        self->receive([](TickAtom) {}, caf::after(kRetry) >> [] {});
      }
    }
  }

  // Until the connection is lost.
  void serve(caf::actor_system& system, caf::scoped_actor& self, actors::NamenodeActor namenode) {
    self->monitor(namenode);
    std::vector<caf::actor> actors;
    for (const auto& node : nodes_) {
      actors.push_back(
          system.spawn(fake_node, namenode, node, record_, options_.heartbeat_interval));
    }
    bool down = false;
    while (!stop_ && !down) {
      self->receive([&](const caf::down_msg&) { down = true; }, caf::after(kLook) >> [] {});
    }
    self->demonitor(namenode.address());
    for (const auto& actor : actors) self->send_exit(actor, caf::exit_reason::user_shutdown);
    for (const auto& actor : actors) self->wait_for(actor);
  }

  const FakeDatanodesOptions options_;
  const std::vector<std::shared_ptr<Identity>> nodes_;
  const std::shared_ptr<Record> record_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace

class FakeDatanodes::Impl {
 public:
  explicit Impl(const FakeDatanodesOptions& options) {
    for (std::size_t i = 0; i < options.nodes; ++i) {
      nodes.push_back(std::make_shared<Identity>());
      nodes.back()->number = i;
    }
    for (std::size_t i = 0; i < options.connections; ++i) {
      std::vector<std::shared_ptr<Identity>> mine;
      for (std::size_t k = i; k < options.nodes; k += options.connections) mine.push_back(nodes[k]);
      processes.push_back(std::make_unique<FakeProcess>(options, std::move(mine), record));
    }
  }

  const std::shared_ptr<Record> record = std::make_shared<Record>();
  std::vector<std::shared_ptr<Identity>> nodes;
  std::vector<std::unique_ptr<FakeProcess>> processes;
};

FakeDatanodes::FakeDatanodes(const FakeDatanodesOptions& options)
    : impl_(std::make_unique<Impl>(options)) {}
FakeDatanodes::~FakeDatanodes() = default;

NodeId FakeDatanodes::id(std::size_t node) const { return impl_->nodes[node]->id; }

void FakeDatanodes::give(std::size_t node, std::vector<metadata::Block> replicas) {
  auto& identity = *impl_->nodes[node];
  const std::lock_guard lock(identity.mutex);
  identity.replicas = std::move(replicas);
}

FakeDatanodes::Figures FakeDatanodes::figures() const { return impl_->record->figures(); }
void FakeDatanodes::forget() { impl_->record->forget(); }

}  // namespace minidfs::test
