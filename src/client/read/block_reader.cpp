#include "client/read/block_reader.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace minidfs::client {
namespace {

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

// The replica itself is bad, as opposed to its node being out of reach.
bool is_bad_replica(Errc code) {
  return code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kStale;
}

}  // namespace

bool BlockReader::is_suspect(NodeId node) const {
  return failed_nodes_.contains(node) || context_.health.is_suspect(node);
}

const metadata::ReplicaLocation* BlockReader::unsuspected_location(NodeId node) const {
  for (const auto& location : block_.locations) {
    if (location.node == node || refused_.contains(location.node)) continue;
    if (!is_suspect(location.node)) return &location;
  }
  return nullptr;
}

// A node is hurried only while there is another to turn to. 0: not at all.
std::chrono::milliseconds BlockReader::patience_with(
    const metadata::ReplicaLocation& location) const {
  if (is_suspect(location.node) || unsuspected_location(location.node) == nullptr) return {};
  return context_.options.hedge_after;
}

transfer::ReadRequest BlockReader::missing() const {
  return {block_.block.id, block_.block.generation, offset_ + done_, length_ - done_};
}

const metadata::ReplicaLocation* BlockReader::best_location() const {
  const metadata::ReplicaLocation* last_choice = nullptr;
  for (const auto& location : block_.locations) {
    if (refused_.contains(location.node)) continue;
    if (!is_suspect(location.node)) return &location;
    if (last_choice == nullptr) last_choice = &location;
  }
  return last_choice;
}

Status BlockReader::open(const metadata::ReplicaLocation& location, bool fresh) {
  requested_.reset();
  connection_ = {};
  const auto patience = patience_with(location);
  auto connection = context_.replicas.take(location.data, fresh, patience);
  if (!connection.ok()) {
    lost_patience_ = patience.count() > 0 && connection.error().code == Errc::kTimedOut;
    return std::move(connection).error();
  }
  connection_ = std::move(*connection);
  MDFS_CHECK(connection_.client->request(missing()));
  requested_ = location;
  requested_at_ = std::chrono::steady_clock::now();
  return {};
}

void BlockReader::request_ahead() {
  const auto* location = best_location();
  if (location == nullptr) return;
  auto opened = open(*location, false);
  if (!opened.ok() && !connection_.reused) refuse(*location, std::move(opened).error());
}

void BlockReader::avoid_failed_node() {
  if (!requested_ || !failed_nodes_.contains(requested_->node)) return;
  requested_.reset();
  connection_ = {};
}

void BlockReader::refuse(const metadata::ReplicaLocation& location, Error error) {
  if (!is_bad_replica(error.code)) {
    failed_nodes_[location.node] = error.code;
    context_.health.note_slow(location.node);
  }
  if (std::exchange(lost_patience_, false)) return;
  const auto where = metadata::to_string(location.data);
  if (error.message.find(where) == std::string::npos) error.message = where + ": " + error.message;
  refused_[location.node] = std::move(error);
}

// An error is final for this replica; requested_ is then empty.
Status BlockReader::receive_from(const metadata::ReplicaLocation& location,
                                 const transfer::ByteSink& sink) {
  // A datanode closes connections that stand still: idle ones, those of a request made far ahead,
  // those of a slow sink. So the failure of such a one only means: connect again.
  bool fresh = false;
  if (requested_ && requested_->node != location.node) requested_.reset();
  for (;;) {
    if (!requested_) {
      auto opened = open(location, fresh);
      if (!opened.ok() && connection_.reused) opened = open(location, true);
      MDFS_CHECK(opened);
    }
    const bool stood_still =
        connection_.reused || std::chrono::steady_clock::now() - requested_at_ > kAheadMax;
    const auto before = done_;
    const auto counting = [&](std::span<const std::byte> bytes) {
      auto taken = sink(bytes);
      sink_failed_ = !taken.ok();
      if (taken.ok()) done_ += bytes.size();
      return taken;
    };
    const auto hedge_after = hedged_ ? std::chrono::milliseconds(0) : context_.options.hedge_after;
    auto status =
        connection_.client->receive(counting, {hedge_after, [&] { return race(location); }});
    requested_.reset();
    if (connection_.client->usable() && !sink_failed_) {
      context_.replicas.give_back(location.data, std::move(connection_));
    }
    connection_.client.reset();
    if (status.ok() && done_ != length_) {
      return Error{Errc::kProtocol,
                   "sent " + std::to_string(done_) + " of " + std::to_string(length_) + " bytes"};
    }
    if (status.ok() || sink_failed_) return status;
    // One that says nothing is slow, and left for another.
    const bool closed =
        !is_bad_replica(status.error().code) && status.error().code != Errc::kTimedOut;
    if (!closed || !(stood_still || done_ > before)) return status;
    fresh = true;
  }
}

Status BlockReader::receive(const transfer::ByteSink& sink) {
  while (done_ < length_) {
    const metadata::ReplicaLocation* next = requested_ ? &*requested_ : best_location();
    if (next == nullptr) return Error{Errc::kUnavailable, reasons()};
    const auto location = *next;
    auto status = receive_from(location, sink);
    if (status.ok() || sink_failed_) return status;
    refuse(location, std::move(status).error());
    if (rival_) {
      connection_ = std::move(rival_->connection);
      requested_ = std::move(rival_->location);
      requested_at_ = std::chrono::steady_clock::now();
      rival_.reset();
    }
  }
  return {};
}

// Sends what is missing as a second request to another node, or none when there is no such node.
std::optional<BlockReader::Rival> BlockReader::request_from_another(NodeId node) {
  while (const auto* other = unsuspected_location(node)) {
    auto connection = context_.replicas.take(other->data, false, context_.options.hedge_after);
    const auto requested =
        connection.ok() ? connection->client->request(missing()) : Status(connection.error());
    if (requested.ok()) return Rival{std::move(*connection), *other};
    failed_nodes_[other->node] = requested.error().code;
  }
  return {};
}

Status BlockReader::race(const metadata::ReplicaLocation& location) {
  const CountedHedge counted(context_.hedges);
  if (counted.number() > kHedgesMax) return {};
  hedged_ = true;
  auto rival = request_from_another(location.node);
  if (!rival) return {};
  // When neither gives a byte the time-out of the first decides.
  const auto after = context_.options.hedge_after;
  const auto limit = std::max(context_.options.progress_timeout - after, after);
  const auto* second = rival->connection.client.get();
  if (transfer::ReplicaClient::wait_for_either(*connection_.client, *second, limit) != second) {
    return {};
  }
  rival_ = std::move(rival);
  return Error{Errc::kTimedOut, metadata::to_string(location.data) + ": no byte for " +
                                    std::to_string(after.count()) +
                                    " ms, while another datanode answered"};
}

void BlockReader::relocate(std::vector<metadata::ReplicaLocation> locations) {
  block_.locations = std::move(locations);
  std::erase_if(refused_, [](const auto& entry) { return !is_bad_replica(entry.second.code); });
}

bool BlockReader::may_come_back() const {
  for (const auto& [node, error] : refused_) {
    if (!is_bad_replica(error.code)) return true;
  }
  return false;
}

std::string BlockReader::reasons() const {
  std::string text;
  for (const auto& [node, error] : refused_) {
    text += (text.empty() ? "" : "; ") + error.message;
  }
  return text.empty() ? "no live datanode has it" : text;
}

}  // namespace minidfs::client
