#include "metadata/placement.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

namespace minidfs::metadata {
namespace {

bool contains(const std::vector<NodeIndex>& nodes, NodeIndex node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// What is left when all of these are taken; none when they are more than there is. Each is bounded
// by what the ones before leave, so nothing wraps however large a value is.
std::optional<std::uint64_t> free_after(std::uint64_t free_bytes,
                                        std::initializer_list<std::uint64_t> taken) {
  for (const std::uint64_t bytes : taken) {
    if (bytes > free_bytes) return std::nullopt;
    free_bytes -= bytes;
  }
  return free_bytes;
}

// Whether the block fits as long as nothing placed since the last heartbeat takes its space.
bool would_fit_alone(const Node& node, std::uint64_t block_bytes, const PlacementOptions& options) {
  return node.takes_blocks() &&
         free_after(node.usage.free_bytes, {options.reserve_bytes, block_bytes}).has_value();
}

struct Candidate {
  const Node* node;
  std::uint64_t weight;
};

// Chooses the targets one after another; every choice narrows what the next may be.
class Chooser {
 public:
  Chooser(const NodeRegistry& registry, const PlacementRequest& request,
          const PlacementOptions& options, Random& random)
      : request_(request), random_(random) {
    for (const Node& node : registry.nodes()) {
      if (contains(request.existing, node.index)) holders_.push_back(&node);
      if (contains(request.existing, node.index) || contains(request.excluded, node.index)) {
        continue;
      }
      std::uint64_t weight = placement_weight(node, request.block_bytes, options);
      // What was promised to writers is most often more than they take.
      if (weight == 0 && would_fit_alone(node, request.block_bytes, options)) weight = 1;
      if (weight > 0) candidates_.push_back({&node, weight});
    }
  }

  std::vector<NodeIndex> choose() {
    std::vector<NodeIndex> chosen;
    while (chosen.size() < request_.wanted) {
      const Node* next = choose_next();
      if (next == nullptr) break;
      chosen.push_back(next->index);
      holders_.push_back(next);
      std::erase_if(candidates_, [&](const Candidate& c) { return c.node == next; });
    }
    return chosen;
  }

 private:
  // The rules from strict to none; live nodes pass all of them before a stale one is considered.
  const Node* choose_next() {
    for (const NodeState state : {NodeState::kLive, NodeState::kStale}) {
      const auto in_state = [state](const Node& n) { return n.state == state; };
      const auto by_rack = [&](const Node& n) { return in_state(n) && fits_rack(n); };
      const auto new_host = [&](const Node& n) { return !host_used(n); };
      if (holders_.empty()) {
        const auto own = [&](const Node& n) {
          return in_state(n) && n.index == request_.writer_node;
        };
        if (const Node* node = request_.writer_node ? pick(own) : nullptr) return node;
        const auto beside = [&](const Node& n) { return in_state(n) && n.host == writer(); };
        if (const Node* node = writer().empty() ? nullptr : pick(beside)) return node;
      }
      const Node* node = pick([&](const Node& n) { return by_rack(n) && new_host(n); });
      if (node == nullptr) node = pick(by_rack);
      if (node == nullptr) node = pick([&](const Node& n) { return in_state(n) && new_host(n); });
      if (node == nullptr) node = pick(in_state);
      if (node != nullptr) return node;
    }
    return nullptr;
  }

  // HDFS's default policy: the second off the rack of the first, the third with the second unless
  // both share a rack already.
  bool fits_rack(const Node& node) const {
    const std::size_t position = holders_.size();
    if (position == 0) return true;
    const RackIndex first = holders_[0]->rack_index;
    const bool together = std::all_of(holders_.begin(), holders_.end(),
                                      [&](const Node* h) { return h->rack_index == first; });
    if (together) return node.rack_index != first;
    if (position == 2) return node.rack_index == holders_[1]->rack_index;
    return true;
  }

  bool host_used(const Node& node) const {
    return std::any_of(holders_.begin(), holders_.end(),
                       [&](const Node* h) { return h->host == node.host; });
  }

  template <class Predicate>
  const Node* pick(const Predicate& allowed) {
    std::uint64_t sum = 0;
    for (const Candidate& c : candidates_) sum += allowed(*c.node) ? c.weight : 0;
    if (sum == 0) return nullptr;
    std::uint64_t at = random_below(random_, sum);
    for (const Candidate& c : candidates_) {
      if (!allowed(*c.node)) continue;
      if (at < c.weight) return c.node;
      at -= c.weight;
    }
    return nullptr;
  }

  const std::string& writer() const { return request_.writer_host; }

  const PlacementRequest& request_;
  Random& random_;
  std::vector<const Node*> holders_;   // Existing replicas, then those chosen.
  std::vector<Candidate> candidates_;  // In order of index.
};

}  // namespace

std::uint64_t placement_weight(const Node& node, std::uint64_t block_bytes,
                               const PlacementOptions& options) {
  if (!node.takes_blocks()) return 0;
  const auto free_bytes =
      free_after(node.usage.free_bytes, {node.placed_bytes, options.reserve_bytes, block_bytes});
  if (!free_bytes) return 0;
  const std::uint64_t load = std::uint64_t{4} + 4ULL * node.usage.active_writes +
                             4ULL * node.placed_blocks + node.usage.active_reads;
  // In MiB, so that the sum over 65,535 nodes of 2^64 bytes stays below 2^64.
  const std::uint64_t free_mib = (*free_bytes >> 20) + 1;
  return std::max<std::uint64_t>(1, (free_mib * 4) / load);
}

std::vector<NodeIndex> choose_targets(const NodeRegistry& registry, const PlacementRequest& request,
                                      const PlacementOptions& options, Random& random) {
  return Chooser(registry, request, options, random).choose();
}

Error no_target(const NodeRegistry& registry, const PlacementRequest& request,
                const PlacementOptions& options) {
  std::uint32_t full = 0;
  std::uint32_t excluded = 0;
  std::uint32_t out_of_service = 0;
  std::uint32_t dead = 0;
  for (const Node& node : registry.nodes()) {
    if (node.state == NodeState::kDead) {
      dead += node.forgotten ? 0 : 1;
    } else if (!node.takes_blocks()) {
      ++out_of_service;
    } else if (contains(request.excluded, node.index)) {
      ++excluded;
    } else if (!would_fit_alone(node, request.block_bytes, options)) {
      ++full;
    }
  }
  std::string others;
  const auto add = [&](std::uint32_t count, const char* what) {
    if (count == 0) return;
    others += (others.empty() ? "" : ", ") + std::to_string(count) + what;
  };
  add(out_of_service, " taken out of service");
  add(excluded, " excluded by the writer");
  add(dead, " dead");
  if (full > 0) {
    return {Errc::kNoSpace, "none of the " + std::to_string(full) + " datanodes in service has " +
                                std::to_string(request.block_bytes) + " bytes free" +
                                (others.empty() ? "" : " (" + others + ")")};
  }
  return {Errc::kNoDatanode, "no datanode can take the block: " +
                                 (others.empty() ? std::string("there are none") : others)};
}

std::vector<NodeIndex> order_for_reading(const NodeRegistry& registry,
                                         std::span<const Replica> replicas,
                                         const ReaderPosition& reader, Random& random) {
  std::string rack = reader.rack;
  for (const Node& node : registry.nodes()) {
    if (rack.empty() && !reader.host.empty() && node.host == reader.host) rack = node.rack;
  }
  std::vector<std::pair<int, NodeIndex>> ranked;
  for (const Replica& replica : replicas) {
    const Node& node = registry.get(replica.node);
    if (replica.state != ReplicaState::kGood || node.state == NodeState::kDead) continue;
    int distance = 3;
    if (!rack.empty() && node.rack == rack) distance = 2;
    if (!reader.host.empty() && node.host == reader.host) distance = 1;
    if (node.index == reader.node) distance = 0;
    ranked.emplace_back(node.state == NodeState::kStale ? 4 + distance : distance, node.index);
  }
  for (std::size_t i = ranked.size(); i > 1; --i) {
    std::swap(ranked[i - 1], ranked[random_below(random, i)]);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<NodeIndex> order;
  order.reserve(ranked.size());
  for (const auto& [rank, node] : ranked) order.push_back(node);
  return order;
}

}  // namespace minidfs::metadata
