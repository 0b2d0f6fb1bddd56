#include "sim/whole/orders.hpp"

#include <algorithm>

#include "sim/whole/cluster.hpp"

namespace minidfs::sim {
namespace {

// What the namenode has heard is entered by then, and its orders of before are decided anew.
constexpr milliseconds kEntered{3000};

}  // namespace

void Orders::leadership_begins() {
  told_.clear();
  for (const auto& [id, owned] : cluster_.namenode.state().table().owned()) {
    told_[id] = owned.wanted;
  }
}

void Orders::note_effects(std::span<const metadata::BlockEffect> effects) {
  for (const auto& effect : effects) {
    if (effect.kind == metadata::BlockEffect::Kind::kFreed) continue;
    told_[effect.block.id] = effect.replication;
  }
}

std::uint8_t Orders::wanted(const metadata::OwnedBlock& owned) const {
  const auto told = told_.find(owned.block.id);
  return told == told_.end() ? owned.wanted : told->second;
}

std::vector<OrderPtr> Orders::given(Place node, std::uint64_t life, std::uint64_t connection,
                                    const actors::HeartbeatReply& reply) {
  std::erase_if(given_, [](const auto& each) { return each.expired(); });
  note_counted_again();
  std::vector<OrderPtr> orders;
  for (const auto& order : reply.remove) {
    orders.push_back(std::make_shared<GivenOrder>(
        GivenOrder{node, life, connection, order, reply.epoch, cluster_.world.now()}));
    if (is_ordered(node, order.block)) {
      cluster_.world.note("an order given again while the first is under way");
    }
    judge(*orders.back());
    given_.emplace_back(orders.back());
  }
  return orders;
}

// What comes over a connection that was hung up is not obeyed; what is queued may be.
bool Orders::under_way(const GivenOrder& order) const {
  auto& node = *cluster_.nodes[static_cast<std::size_t>(order.node - 1)];
  return node.process().up() && node.process().life() == order.life &&
         (order.queued || node.connection() == order.connection);
}

bool Orders::is_ordered(Place node, BlockId block) const {
  return std::any_of(given_.begin(), given_.end(), [&](const auto& each) {
    const auto order = each.lock();
    return order != nullptr && order->node == node && order->order.block == block &&
           under_way(*order);
  });
}

void Orders::note_counted_again() const {
  const auto& owned = cluster_.namenode.state().table().owned();
  for (const auto& each : given_) {
    const auto order = each.lock();
    if (order == nullptr || !order->queued || !under_way(*order)) continue;
    const auto found = owned.find(order->order.block);
    if (found == owned.end() || !is_there(order->node, found->second.block)) continue;
    if (!cluster_.namenode.reads_from(found->second.block, order->node)) continue;
    cluster_.world.note("a replica that counts again while its removal is under way");
  }
}

bool Orders::is_there(Place node, const metadata::Block& block) const {
  if (lost_.contains({node, block.id})) return true;
  const auto& replicas = cluster_.nodes[static_cast<std::size_t>(node - 1)]->disk().replicas;
  const auto there = replicas.find(block.id);
  return there != replicas.end() && there->second.block == block;
}

std::vector<Place> Orders::nodes_alive() const {
  std::vector<Place> alive;
  for (const auto& node : cluster_.namenode.status().nodes) {
    if (node.state != "dead") alive.push_back(static_cast<Place>(node.node.low));
  }
  return alive;
}

std::size_t Orders::left_without(Place node, const metadata::Block& block) const {
  const auto alive = nodes_alive();
  return static_cast<std::size_t>(std::count_if(alive.begin(), alive.end(), [&](Place other) {
    return other != node && is_there(other, block) && !is_ordered(other, block.id);
  }));
}

void Orders::judge(const GivenOrder& given) {
  const auto& owned = cluster_.namenode.state().table().owned();
  const auto found = owned.find(given.order.block);
  if (found == owned.end() || cluster_.ledger.may_be_lost(found->first)) return;
  const auto& block = found->second.block;
  if (given.order.generation < block.generation || !is_there(given.node, block)) return;
  const auto left = left_without(given.node, block);
  const bool bad = bad_.contains({given.node, block.id});
  const std::size_t needed = bad ? 1 : wanted(found->second);
  if (left >= needed) return;
  cluster_.world.violated("node " + std::to_string(given.node) + " is ordered to remove what " +
                          std::to_string(needed) + " are needed of, and " + std::to_string(left) +
                          " would be left: " + cluster_.describe(block));
}

void Orders::heard(Place node, const metadata::IncrementalReport& news) {
  for (const auto& added : news.added) {
    if (whole_.erase({node, added.id}) == 0) continue;
    cluster_.world.after(kEntered, [this, node, block = added.id] {
      auto& there = *cluster_.nodes[static_cast<std::size_t>(node - 1)];
      if (!there.is_bad(block)) bad_.erase({node, block});
    });
  }
}

void Orders::lists_replicas(Place node, const metadata::Epoch& epoch) {
  listed_[node] = {epoch, cluster_.world.now()};
}

void Orders::stored(Place node, BlockId block) {
  bad_.erase({node, block});
  stored_[{node, block}] = cluster_.world.now();
}

void Orders::carried_out(const GivenOrder& order) {
  judge_epoch(order);
  judge_replica(order);
}

void Orders::judge_epoch(const GivenOrder& order) const {
  const auto listed = listed_.find(order.node);
  if (listed == listed_.end() || listed->second.epoch == order.epoch) return;
  if (order.at > listed->second.at) return;
  cluster_.world.violated("node " + std::to_string(order.node) + " removes block " +
                          to_string(order.order.block) +
                          " for a leadership, and has listed it for a later one");
}

void Orders::judge_replica(const GivenOrder& order) const {
  const auto block = order.order.block;
  const auto& replicas = cluster_.nodes[static_cast<std::size_t>(order.node - 1)]->disk().replicas;
  const auto there = replicas.find(block);
  if (there == replicas.end() || there->second.block.generation > order.order.generation) return;
  const auto stored = stored_.find({order.node, block});
  if (stored == stored_.end() || stored->second <= order.at) return;
  cluster_.world.violated("node " + std::to_string(order.node) + " removes its replica of block " +
                          to_string(block) + ", which was stored after that was ordered");
}

}  // namespace minidfs::sim
