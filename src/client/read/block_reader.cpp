#include "client/read/block_reader.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <utility>

namespace minidfs::client {
namespace {

using Kind = ReadCommand::Kind;

// A request that has waited longer may have lost its connection for that reason alone.
constexpr std::chrono::milliseconds kAheadMax{500};

// Second requests of all readers of one client at a time.
constexpr int kHedgesMax = 16;

class CountedHedge {
 public:
  explicit CountedHedge(std::atomic<int>& count) : count_(count), number_(++count) {}
  ~CountedHedge() { --count_; }
  CountedHedge(const CountedHedge&) = delete;
  CountedHedge& operator=(const CountedHedge&) = delete;
  int number() const { return number_; }

 private:
  std::atomic<int>& count_;
  int number_;
};

}  // namespace

BlockReader::BlockReader(ClientContext& context, const std::string& path, FailedNodes& failed_nodes,
                         const metadata::LocatedBlock& block, std::uint64_t offset,
                         std::uint64_t length)
    : context_(context),
      path_(path),
      failed_nodes_(failed_nodes),
      block_(block.block),
      block_begin_(block.offset),
      offset_(offset),
      length_(length),
      policy_(block.block.id, block.locations, context.options.hedge_after,
              context.options.timeout) {}

bool BlockReader::is_suspect(NodeId node) const {
  return failed_nodes_.contains(node) || context_.health.is_suspect(node);
}

void BlockReader::tell(const ReadEvent& event) {
  obey(policy_.step(
      command_.epoch, event, [this](NodeId node) { return is_suspect(node); },
      std::chrono::steady_clock::now()));
}

void BlockReader::obey(ReadCommand command) {
  command_ = std::move(command);
  if (!command_.blamed) return;
  failed_nodes_.insert(*command_.blamed);
  context_.health.note_slow(*command_.blamed);
}

void BlockReader::tell_failed(Error why, bool opening, bool stood_still) {
  connection_.client.reset();
  if (why.code == Errc::kCorrupt) bad_at_ = done_;
  ReplicaFailed failed;
  failed.why = std::move(why);
  failed.bytes = done_;
  failed.opening = opening;
  failed.stood_still = stood_still;
  failed.random = std::random_device{}();
  tell(failed);
}

void BlockReader::cancel(Error why) {
  cancelled_ = true;
  tell(ReadCancelled{std::move(why)});
}

transfer::ReadRequest BlockReader::missing() const {
  return {block_.id, block_.generation, offset_ + done_, length_ - done_, block_.length};
}

void BlockReader::open() {
  auto connection =
      context_.replicas.take(command_.location->data, command_.fresh, command_.patience);
  if (!connection.ok()) return tell_failed(std::move(connection).error(), true, false);
  connection_ = std::move(*connection);
  requested_at_ = std::chrono::steady_clock::now();
  auto requested = connection_.client->request(missing());
  if (!requested.ok()) tell_failed(std::move(requested).error(), true, connection_.reused);
}

void BlockReader::request_ahead() {
  obey(policy_.start([this](NodeId node) { return is_suspect(node); }));
  if (command_.kind == Kind::kAsk) open();
}

void BlockReader::avoid_failed_node() {
  if (!is_open() || !failed_nodes_.contains(command_.location->node)) return;
  connection_.client.reset();
  tell(Withdrawn{});
}

Status BlockReader::receive(const transfer::ByteSink& sink) {
  for (;;) {
    switch (command_.kind) {
      case Kind::kAsk:
        if (!is_open()) open();
        if (is_open()) receive_from(sink);
        break;
      case Kind::kSwitch:
        receive_from(sink);
        break;
      case Kind::kAskMode:
        ask_mode();
        break;
      case Kind::kLocate:
        locate();
        break;
      case Kind::kDone:
        return {};
      default:
        return command_.error;
    }
  }
}

void BlockReader::receive_from(const transfer::ByteSink& sink) {
  const auto place = *command_.location;
  const bool stood_still =
      connection_.reused || std::chrono::steady_clock::now() - requested_at_ > kAheadMax;
  bool sink_failed = false;
  const auto counting = [&](std::span<const std::byte> bytes) {
    auto taken = sink(bytes);
    sink_failed = !taken.ok();
    if (taken.ok()) done_ += bytes.size();
    return taken;
  };
  const auto hedge_after =
      command_.may_race ? context_.options.hedge_after : std::chrono::milliseconds(0);
  auto status = connection_.client->receive(counting, {hedge_after, [this] { return race(); }});
  if (connection_.client->usable() && !sink_failed) {
    context_.replicas.give_back(place.data, std::move(connection_));
  }
  connection_.client.reset();
  if (sink_failed) return cancel(std::move(status).error());
  if (command_.kind == Kind::kSwitch && rival_.client != nullptr) {
    connection_ = std::move(rival_);
    requested_at_ = std::chrono::steady_clock::now();
    return;
  }
  if (status.ok() && done_ == length_) return tell(PartEnded{});
  if (status.ok()) {
    status = Error{Errc::kProtocol,
                   "sent " + std::to_string(done_) + " of " + std::to_string(length_) + " bytes"};
  }
  tell_failed(std::move(status).error(), false, stood_still);
}

// Called while the first connection gives nothing; an error makes it be left.
Status BlockReader::race() {
  const CountedHedge counted(context_.hedges);
  if (counted.number() > kHedgesMax) return {};
  tell(ReplicaStalled{});
  while (command_.kind == Kind::kRace) {
    auto rival = context_.replicas.take(command_.location->data, false, command_.patience);
    const auto requested = rival.ok() ? rival->client->request(missing()) : Status(rival.error());
    if (!requested.ok()) {
      tell(RivalFailed{requested.error()});
      continue;
    }
    // When neither gives a byte the time-out of the first decides.
    const auto after = context_.options.hedge_after;
    const auto limit = std::max(context_.options.progress_timeout - after, after);
    rival_ = std::move(*rival);
    const auto* first =
        transfer::ReplicaClient::wait_for_either(*connection_.client, *rival_.client, limit);
    tell(RaceEnded{first == rival_.client.get()});
  }
  if (command_.kind == Kind::kSwitch) return Error{Errc::kTimedOut, "another was quicker"};
  rival_.client.reset();
  return {};
}

void BlockReader::ask_mode() {
  const auto status = context_.link.call(actors::StatusRequest{});
  if (!status.ok()) return cancel(status.error());
  tell(ModeTold{status->safe_mode});
}

void BlockReader::locate() {
  std::this_thread::sleep_for(command_.delay);
  auto located =
      context_.link.call(actors::LocateRequest{path_, context_.host, block_begin_, corrupt_ones_});
  if (!located.ok()) return cancel(std::move(located).error());
  const auto found = std::find_if(located->blocks.begin(), located->blocks.end(),
                                  [&](const auto& it) { return it.block == block_; });
  if (found == located->blocks.end()) {
    return cancel({Errc::kStale, "the file was changed while it was read"});
  }
  tell(PlacesTold{std::move(found->locations)});
}

}  // namespace minidfs::client
