// Tables over all replica states, and random walks compared with a naive recount.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <vector>

#include "metadata/block_map.hpp"

namespace minidfs::metadata {
namespace {

constexpr std::array kStates{ReplicaState::kGood,     ReplicaState::kStale,
                             ReplicaState::kAhead,    ReplicaState::kCorrupt,
                             ReplicaState::kDeleting, ReplicaState::kUnreachable};
constexpr std::uint64_t kId = 9;
constexpr std::uint64_t kGeneration = 5;
constexpr std::uint64_t kLength = 100;

OwnedBlock owned_block(std::uint8_t wanted) {
  return {{BlockId{kId}, kGeneration, kLength}, wanted};
}

// Brings the replica on `node` into `state`; the block is committed already.
void put_state(BlockMap& map, NodeIndex node, ReplicaState state) {
  const std::uint64_t generation = state == ReplicaState::kStale   ? kGeneration - 1
                                   : state == ReplicaState::kAhead ? kGeneration + 1
                                                                   : kGeneration;
  map.add_reported(node, {BlockId{kId}, generation, kLength, true}, nullptr);
  if (state == ReplicaState::kCorrupt) map.mark_corrupt(node, BlockId{kId}, kGeneration);
  if (state == ReplicaState::kDeleting) map.mark_deleting(node, BlockId{kId});
  if (state == ReplicaState::kUnreachable) map.mark_unreachable(node, BlockId{kId}, kGeneration);
}

std::optional<ReplicaState> state_on(const BlockMap& map, NodeIndex node) {
  const auto view = map.find(BlockId{kId});
  if (!view) return std::nullopt;
  for (const Replica& replica : view->replicas) {
    if (replica.node == node) return replica.state;
  }
  return std::nullopt;
}

// The rules of needs, written out once more over a plain list.
Need expected_need(const std::vector<ReplicaState>& states, std::uint8_t wanted) {
  const auto count = [&](ReplicaState s) { return std::count(states.begin(), states.end(), s); };
  const auto good = count(ReplicaState::kGood);
  if (good == 0) return Need::kMissing;
  if (good < wanted) {
    if (good == 1) return Need::kOneLeft;
    if (wanted - good == 1) return Need::kOneShort;
    return wanted - good == 2 ? Need::kTwoShort : Need::kFarBelow;
  }
  if (good > wanted) return Need::kSurplus;
  const bool dirty = count(ReplicaState::kCorrupt) + count(ReplicaState::kStale) > 0;
  return dirty ? Need::kDirty : Need::kNone;
}

void check_needs(const std::vector<ReplicaState>& states) {
  for (std::uint8_t wanted = 1; wanted <= 6; ++wanted) {
    BlockMap map;
    map.commit_block(owned_block(wanted), {});
    for (std::uint16_t i = 0; i < states.size(); ++i) {
      map.node_joined(NodeIndex{i}, RackIndex{0});
      put_state(map, NodeIndex{i}, states[i]);
      REQUIRE(state_on(map, NodeIndex{i}) == states[i]);
    }
    const Need expected = expected_need(states, wanted);
    INFO("states " << states.size() << ", wanted " << int{wanted});
    CHECK(map.find(BlockId{kId})->need == expected);
    for (std::size_t need = 0; need < kNeeds; ++need) {
      const bool in = map.needing(static_cast<Need>(need)).contains(BlockId{kId});
      CHECK(in == (static_cast<Need>(need) == expected));
    }
    const auto good = std::count(states.begin(), states.end(), ReplicaState::kGood);
    CHECK(map.readable_replicas(BlockId{kId}).size() == static_cast<std::size_t>(good));
  }
}

}  // namespace

TEST_CASE(
    "The need of a block follows from the states of its replicas, for every pair and triple") {
  for (const ReplicaState a : kStates) {
    check_needs({a});
    for (const ReplicaState b : kStates) {
      check_needs({a, b});
      for (const ReplicaState c : kStates) check_needs({a, b, c, ReplicaState::kGood});
    }
  }
}

TEST_CASE("Every state of a replica answers every event as the table says") {
  using S = ReplicaState;
  struct Row {
    S from;
    std::optional<S> same, fresh_same, older, newer, other_length, found_corrupt, unreachable,
        acknowledged, committed_newer;
  };
  // Events: the node reports the block's form; stores it anew; reports an older generation, a newer
  // one, another length; it is found corrupt; its disk hangs; a writer says that it has it; a newer
  // generation is committed without the node.
  const std::vector<Row> table{
      {S::kGood, S::kGood, S::kGood, S::kGood, S::kAhead, S::kCorrupt, S::kCorrupt, S::kUnreachable,
       S::kGood, S::kStale},
      {S::kStale, S::kGood, S::kGood, S::kStale, S::kAhead, S::kCorrupt, S::kStale, S::kUnreachable,
       S::kGood, S::kStale},
      {S::kAhead, S::kAhead, S::kAhead, S::kAhead, S::kAhead, S::kAhead, S::kAhead, S::kAhead,
       S::kAhead, S::kGood},
      {S::kCorrupt, S::kCorrupt, S::kGood, S::kCorrupt, S::kAhead, S::kCorrupt, S::kCorrupt,
       S::kUnreachable, S::kCorrupt, S::kStale},
      {S::kDeleting, S::kDeleting, S::kDeleting, S::kDeleting, S::kAhead, S::kDeleting,
       S::kDeleting, S::kDeleting, S::kDeleting, S::kDeleting},
      {S::kUnreachable, S::kGood, S::kGood, S::kUnreachable, S::kAhead, S::kCorrupt,
       S::kUnreachable, S::kUnreachable, S::kUnreachable, S::kUnreachable},
  };
  const NodeIndex node{0};
  const auto after = [&](S from, auto event) {
    BlockMap map;
    map.node_joined(node, RackIndex{0});
    map.commit_block(owned_block(3), {});
    put_state(map, node, from);
    event(map);
    return state_on(map, node);
  };
  const auto report = [&](std::uint64_t generation, std::uint64_t length, bool fresh) {
    return [=](BlockMap& map) {
      map.add_reported(node, {BlockId{kId}, generation, length, fresh}, nullptr);
    };
  };
  for (const Row& row : table) {
    INFO("from state " << static_cast<int>(row.from));
    CHECK(after(row.from, report(kGeneration, kLength, false)) == row.same);
    CHECK(after(row.from, report(kGeneration, kLength, true)) == row.fresh_same);
    CHECK(after(row.from, report(kGeneration - 1, kLength, false)) == row.older);
    CHECK(after(row.from, report(kGeneration + 1, kLength, false)) == row.newer);
    CHECK(after(row.from, report(kGeneration, kLength + 1, true)) == row.other_length);
    CHECK(after(row.from, [&](BlockMap& map) {
            map.mark_corrupt(node, BlockId{kId}, kGeneration);
          }) == row.found_corrupt);
    CHECK(after(row.from, [&](BlockMap& map) {
            map.mark_unreachable(node, BlockId{kId}, kGeneration);
          }) == row.unreachable);
    CHECK(after(row.from, [&](BlockMap& map) {
            map.acknowledge(owned_block(3).block, std::vector{node});
          }) == row.acknowledged);
    CHECK(after(row.from, [&](BlockMap& map) {
            OwnedBlock newer = owned_block(3);
            newer.block.generation += 1;
            map.commit_block(newer, {});
          }) == row.committed_newer);
    CHECK_FALSE(after(row.from, [&](BlockMap& map) { map.node_dead(node); }));
  }
}

namespace {

// Everything the map counts, counted again from its entries.
void check_against_recount(const BlockMap& map, std::uint16_t nodes) {
  BlockMapCounts expected;
  std::vector<std::uint64_t> replicas(nodes, 0);
  std::vector<std::uint64_t> draining(nodes, 0);
  std::array<std::set<BlockId>, kNeeds> needs;
  std::set<BlockId> unowned;
  for (auto view = map.next(BlockId{0}); view; view = map.next(BlockId{view->block.id.value + 1})) {
    const ReplicaTally tally = map.tally(*view);
    for (const Replica& replica : view->replicas) ++replicas[replica.node.value];
    if (view->need != Need::kNone)
      needs[static_cast<std::size_t>(view->need)].insert(view->block.id);
    if (!view->owned) {
      unowned.insert(view->block.id);
      REQUIRE_FALSE(view->replicas.empty());
      continue;
    }
    ++expected.known_owned;
    ++(tally.readable() > 0 ? expected.with_live_replica : expected.missing_known);
    const bool under = tally.live + tally.away < view->wanted;
    if (tally.readable() > 0 && under) {
      ++expected.under_replicated;
      if (tally.draining > 0 && !map.is_sweeping()) {
        for (const Replica& replica : view->replicas) {
          const bool counts = replica.state == ReplicaState::kGood &&
                              map.node_mode(replica.node) == NodeMode::kDraining;
          draining[replica.node.value] += counts ? 1 : 0;
        }
      }
    }
    if (tally.live > view->wanted) ++expected.over_replicated;
    if (tally.corrupt > 0) ++expected.corrupt;
  }
  expected.total = 100;
  expected.missing = 100 - expected.with_live_replica;
  expected.unowned = unowned.size();
  for (std::uint16_t node = 0; node < nodes && !map.is_sweeping(); ++node) {
    REQUIRE(map.draining_blocks(NodeIndex{node}) == draining[node]);
  }
  REQUIRE(map.counts(100) == expected);
  REQUIRE(std::equal(unowned.begin(), unowned.end(), map.unowned().begin(), map.unowned().end()));
  for (std::size_t i = 0; i < kNeeds; ++i) {
    const auto& kept = map.needing(static_cast<Need>(i));
    REQUIRE(std::equal(needs[i].begin(), needs[i].end(), kept.begin(), kept.end()));
  }
  for (std::uint16_t i = 0; i < nodes; ++i) {
    REQUIRE(map.replica_count(NodeIndex{i}) == replicas[i]);
    REQUIRE(map.blocks_of(NodeIndex{i}, BlockId{0}, BlockId{~0ULL}).size() == replicas[i]);
  }
}

void random_step(BlockMap& map, Random& random, std::uint16_t nodes) {
  const NodeIndex node{static_cast<std::uint16_t>(random_below(random, nodes))};
  const BlockId block{1 + random_below(random, 20)};
  const std::uint64_t generation = 1 + random_below(random, 3);
  const std::uint64_t length = 100 + random_below(random, 2);
  const auto wanted = static_cast<std::uint8_t>(1 + random_below(random, 4));
  const OwnedBlock owned{{block, generation, length}, wanted};
  switch (random_below(random, 16)) {
    case 0:
    case 1:
      map.commit_block(owned, std::vector{node});
      break;
    case 2:
      map.commit_block(owned, std::vector{node, NodeIndex{0}, NodeIndex{1}, NodeIndex{2}});
      break;
    case 3:
    case 4:
      map.add_reported(node, {block, generation, length, random_below(random, 2) == 0}, nullptr);
      break;
    case 5:
      map.add_reported(node, {block, generation, length, false}, &owned);
      break;
    case 6:
      map.add_from_report(node, {block, generation, length, false}, &owned);
      break;
    case 7:
      map.remove_replica(node, block, generation);
      break;
    case 8:
      map.mark_corrupt(node, block, generation);
      break;
    case 9:
      map.mark_deleting(node, block);
      break;
    case 10:
      map.set_wanted(block, wanted);
      break;
    case 11:
      map.free_block(block);
      break;
    case 12:
      map.set_node_mode(node, static_cast<NodeMode>(random_below(random, 4)));
      break;
    case 14:
      map.cancel_deleting(node, block);
      break;
    case 15:
      map.mark_unreachable(node, block, generation);
      break;
    case 13:
      map.set_several_racks(random_below(random, 2) == 0);
      break;
  }
  if (random_below(random, 3) == 0) {
    map.node_joined(node, RackIndex{static_cast<std::uint16_t>(random_below(random, 2))});
  }
}

}  // namespace

TEST_CASE("Counters and need sets agree with a recount after any sequence of changes") {
  constexpr std::uint16_t kNodes = 6;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    BlockMap map;
    for (int step = 0; step < 150; ++step) {
      random_step(map, random, kNodes);
      check_against_recount(map, kNodes);
    }
  }
}

TEST_CASE("A sweep in small steps comes to the same, whatever changes before it is through") {
  constexpr std::uint16_t kNodes = 6;
  std::size_t steps_on_the_way = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    BlockMap map(2);
    for (int step = 0; step < 150; ++step) {
      random_step(map, random, kNodes);
      if (random_below(random, 2) == 0) map.sweep();
      steps_on_the_way += map.is_sweeping() ? 1 : 0;
      check_against_recount(map, kNodes);  // What it has not reached counts as before.
      if (random_below(random, 10) != 0) continue;
      while (map.is_sweeping()) map.sweep();
      check_against_recount(map, kNodes);
      for (std::uint16_t node = 0; node < kNodes; ++node) {
        const bool gone = map.node_mode(NodeIndex{node}) == NodeMode::kGone;
        if (gone) REQUIRE(map.replica_count(NodeIndex{node}) == 0);
      }
    }
  }
  CHECK(steps_on_the_way > 1000);
}

TEST_CASE("A node that died is read from no more before the sweep has been everywhere") {
  constexpr std::uint64_t kBlocks = 1000;
  BlockMap map(10);
  for (std::uint16_t node = 0; node < 2; ++node) map.node_joined(NodeIndex{node}, RackIndex{0});
  for (std::uint64_t id = 1; id <= kBlocks; ++id) {
    map.commit_block({{BlockId{id}, 1, 100}, 2}, std::vector{NodeIndex{0}, NodeIndex{1}});
  }
  map.node_dead(NodeIndex{0});
  CHECK(map.is_sweeping());
  CHECK(map.needing(Need::kOneLeft).size() < kBlocks);
  CHECK(map.readable_replicas(BlockId{kBlocks}).size() == 1);
  std::size_t steps = 0;
  for (; map.is_sweeping(); ++steps) map.sweep();
  CHECK(steps >= kBlocks / 10 - 1);
  CHECK(map.needing(Need::kOneLeft).size() == kBlocks);
  CHECK(map.replica_count(NodeIndex{0}) == 0);
}

}  // namespace minidfs::metadata
