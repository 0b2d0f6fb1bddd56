#include "metadata/block_map.hpp"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

namespace minidfs::metadata {
namespace {

constexpr NodeIndex kA{0};
constexpr NodeIndex kB{1};
constexpr NodeIndex kC{2};
constexpr NodeIndex kD{3};

OwnedBlock owned(std::uint64_t id, std::uint64_t generation = 1, std::uint64_t length = 100,
                 std::uint8_t wanted = 3) {
  return {{BlockId{id}, generation, length}, wanted};
}

BlockMap::Reported reported(std::uint64_t id, std::uint64_t generation = 1,
                            std::uint64_t length = 100, bool fresh = false) {
  return {BlockId{id}, generation, length, fresh};
}

BlockMap map_with_nodes(std::uint16_t nodes = 4) {
  BlockMap map;
  for (std::uint16_t i = 0; i < nodes; ++i) map.node_joined(NodeIndex{i}, RackIndex{0});
  return map;
}

std::size_t readable_count(const BlockMap& map, std::uint64_t id) {
  return map.readable_replicas(BlockId{id}).size();
}

ReplicaState state_of(const BlockMap& map, std::uint64_t id, NodeIndex node) {
  const auto view = map.find(BlockId{id});
  REQUIRE(view);
  for (const Replica& replica : view->replicas) {
    if (replica.node == node) return replica.state;
  }
  FAIL("no such replica");
  return ReplicaState::kGood;
}

}  // namespace

TEST_CASE("A committed block can be read at once from the nodes that acknowledged it") {
  BlockMap map = map_with_nodes();
  const std::vector<NodeIndex> acknowledged{kB, kA};
  REQUIRE(map.commit_block(owned(7), acknowledged));
  CHECK(readable_count(map, 7) == 2);
  CHECK(map.counts(1).with_live_replica == 1);
  CHECK(map.counts(1).under_replicated == 1);
  CHECK(map.counts(3).missing == 2);
  CHECK(map.needing(Need::kOneShort).contains(BlockId{7}));
}

TEST_CASE("A commit and the report of the same replica give the same map in both orders") {
  for (const bool commit_first : {true, false}) {
    BlockMap map = map_with_nodes();
    const std::vector<NodeIndex> acknowledged{kA};
    if (commit_first) REQUIRE(map.commit_block(owned(7), acknowledged));
    REQUIRE(map.add_reported(kA, reported(7), nullptr) == ReplicaState::kGood);
    REQUIRE(map.add_reported(kB, reported(7), nullptr) == ReplicaState::kGood);
    if (!commit_first) {
      CHECK(map.unowned().contains(BlockId{7}));
      CHECK(readable_count(map, 7) == 0);
      REQUIRE(map.commit_block(owned(7), acknowledged));
    }
    CHECK(readable_count(map, 7) == 2);
    CHECK(map.unowned().empty());
    CHECK(map.replica_count(kA) == 1);
    CHECK(map.needing(Need::kOneShort).contains(BlockId{7}));
  }
}

TEST_CASE("A replica reported ahead of its commit is good once the commit arrives") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7, 1, 100), std::vector{kA, kB, kC}));
  CHECK(map.add_reported(kA, reported(7, 2, 150), nullptr) == ReplicaState::kAhead);
  CHECK(readable_count(map, 7) == 2);
  REQUIRE(map.commit_block(owned(7, 2, 150), std::vector<NodeIndex>{}));
  CHECK(state_of(map, 7, kA) == ReplicaState::kGood);
  CHECK(state_of(map, 7, kB) == ReplicaState::kStale);
  CHECK(readable_count(map, 7) == 1);
  CHECK(map.needing(Need::kOneLeft).contains(BlockId{7}));
}

TEST_CASE("A commit of an older generation than the owned one is ignored") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7, 5), std::vector{kA}));
  CHECK_FALSE(map.commit_block(owned(7, 4), std::vector{kB}));
  CHECK(map.find(BlockId{7})->block.generation == 5);
  CHECK(map.find(BlockId{7})->replicas.size() == 1);
}

TEST_CASE("A node that returns with an older generation is neither counted nor served") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7, 1), std::vector{kA, kB, kC}));
  map.node_dead(kC);
  REQUIRE(map.commit_block(owned(7, 2, 120, 2), std::vector{kA, kB}));
  map.node_joined(kC, RackIndex{0});
  CHECK(map.add_reported(kC, reported(7, 1), nullptr) == ReplicaState::kStale);
  CHECK(readable_count(map, 7) == 2);
  CHECK(map.needing(Need::kDirty).contains(BlockId{7}));
  // It is deleted by its own generation, so that a newer one that it gets meanwhile survives.
  CHECK(map.mark_deleting(kC, BlockId{7}) == ReplicaDelete{BlockId{7}, 1, kC});
}

TEST_CASE("The acknowledgement of a new generation survives an older report that comes late") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7, 2), std::vector{kA}));
  map.add_reported(kA, reported(7, 1), nullptr);
  CHECK(state_of(map, 7, kA) == ReplicaState::kGood);
}

TEST_CASE("A replica of a wrong length counts as corrupt and is not served") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC}));
  CHECK(map.add_reported(kD, reported(7, 1, 99), nullptr) == ReplicaState::kCorrupt);
  CHECK(readable_count(map, 7) == 3);
  CHECK(map.counts(1).corrupt == 1);
}

TEST_CASE("Lengths that were reported before the commit are judged by the commit") {
  BlockMap map = map_with_nodes();
  map.add_reported(kA, reported(7, 1, 50), nullptr);   // What a broken pipeline left.
  map.add_reported(kB, reported(7, 1, 100), nullptr);  // What the writer finished.
  REQUIRE(map.commit_block(owned(7, 1, 100), std::vector{kB}));
  CHECK(state_of(map, 7, kA) == ReplicaState::kCorrupt);
  CHECK(state_of(map, 7, kB) == ReplicaState::kGood);
}

TEST_CASE("A finding of corruption stays until the node stores the replica anew") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC}));
  CHECK_FALSE(map.mark_corrupt(kA, BlockId{7}, 2));  // Of a generation it does not have.
  REQUIRE(map.mark_corrupt(kA, BlockId{7}, 1));
  CHECK_FALSE(map.mark_corrupt(kA, BlockId{7}, 1));
  map.add_reported(kA, reported(7), nullptr);
  CHECK(state_of(map, 7, kA) == ReplicaState::kCorrupt);
  map.commit_block(owned(7), std::vector{kA});
  CHECK(state_of(map, 7, kA) == ReplicaState::kCorrupt);
  map.add_reported(kA, reported(7, 1, 100, true), nullptr);
  CHECK(state_of(map, 7, kA) == ReplicaState::kGood);
}

TEST_CASE("A block whose file is deleted hands out all its replicas and is gone with the last") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC, kD}));
  const auto deletes = map.free_block(BlockId{7});
  REQUIRE(deletes.size() == 4);
  CHECK(deletes[3] == ReplicaDelete{BlockId{7}, 1, kD});
  CHECK(map.counts(0).known_owned == 0);
  CHECK(map.unowned().contains(BlockId{7}));
  // A report that was under way, with what the namespace said before, does not revive it.
  const OwnedBlock old = owned(7);
  map.add_reported(kA, reported(7), &old);
  CHECK_FALSE(map.is_owned(BlockId{7}));
  CHECK_FALSE(map.commit_block(old, std::vector{kA}));
  for (const NodeIndex node : {kA, kB, kC, kD}) CHECK(map.remove_replica(node, BlockId{7}, 1));
  CHECK(map.size() == 0);
  CHECK(map.unowned().empty());
  CHECK(map.free_block(BlockId{7}).empty());
}

TEST_CASE("A confirmation of an old deletion does not remove a newer replica") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7, 2), std::vector{kA, kB}));
  CHECK_FALSE(map.remove_replica(kA, BlockId{7}, 1));
  CHECK(readable_count(map, 7) == 2);
  CHECK(map.remove_replica(kA, BlockId{7}, 2));
  CHECK(readable_count(map, 7) == 1);
}

TEST_CASE("A replica being deleted no longer counts although it is still there") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC, kD}));
  CHECK(map.needing(Need::kSurplus).contains(BlockId{7}));
  REQUIRE(map.mark_deleting(kD, BlockId{7}));
  CHECK(map.needing(Need::kSurplus).empty());
  CHECK(readable_count(map, 7) == 3);
  CHECK(map.replica_count(kD) == 1);
  map.add_reported(kD, reported(7), nullptr);
  CHECK(state_of(map, 7, kD) == ReplicaState::kDeleting);
}

TEST_CASE("A deletion that is cancelled leaves the replica as what it is known to be") {
  for (const bool corrupt_before : {true, false}) {
    BlockMap map = map_with_nodes();
    REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC, kD}));
    CHECK_FALSE(map.cancel_deleting(kA, BlockId{7}));
    if (corrupt_before) REQUIRE(map.mark_corrupt(kA, BlockId{7}, 1));
    REQUIRE(map.mark_deleting(kA, BlockId{7}) == ReplicaDelete{BlockId{7}, 1, kA});
    REQUIRE(map.mark_deleting(kB, BlockId{7}));
    CHECK(map.deletes_good(kA, BlockId{7}) == !corrupt_before);
    if (!corrupt_before) CHECK_FALSE(map.mark_corrupt(kA, BlockId{7}, 1));
    CHECK_FALSE(map.deletes_good(kA, BlockId{7}));
    CHECK(map.deletes_good(kB, BlockId{7}));
    CHECK(map.cancel_deleting(kA, BlockId{7}));
    CHECK(map.cancel_deleting(kB, BlockId{7}));
    map.add_reported(kA, reported(7), nullptr);
    CHECK(state_of(map, 7, kA) == ReplicaState::kCorrupt);
    CHECK(state_of(map, 7, kB) == ReplicaState::kGood);
  }
}

TEST_CASE("The deletion of what was called bad and is whole is that of a good replica") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(7), std::vector{kA, kB, kC, kD}));
  REQUIRE(map.mark_corrupt(kA, BlockId{7}, 1));
  REQUIRE(map.mark_deleting(kA, BlockId{7}));
  map.add_reported(kA, reported(7), nullptr);
  CHECK_FALSE(map.deletes_good(kA, BlockId{7}));  // Told before anybody read it.
  auto read_again = reported(7);
  read_again.fresh = true;
  map.add_reported(kA, read_again, nullptr);
  CHECK(map.deletes_good(kA, BlockId{7}));
  // Out of reach it may be good when it comes back.
  REQUIRE(map.mark_unreachable(kA, BlockId{7}, 1));
  CHECK(map.deletes_good(kA, BlockId{7}));
  CHECK(map.cancel_deleting(kA, BlockId{7}));
  CHECK_FALSE(map.deletes_good(kA, BlockId{7}));
}

TEST_CASE("The replicas of a dead node are forgotten and its late reports ignored") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(1), std::vector{kA, kB, kC}));
  REQUIRE(map.commit_block(owned(2, 1, 100, 1), std::vector{kA}));
  map.add_reported(kA, reported(3), nullptr);
  map.node_dead(kA);
  CHECK(map.replica_count(kA) == 0);
  CHECK(map.needing(Need::kOneShort).contains(BlockId{1}));
  CHECK(map.needing(Need::kMissing).contains(BlockId{2}));
  CHECK_FALSE(map.find(BlockId{3}));
  CHECK_FALSE(map.add_reported(kA, reported(1), nullptr));
  REQUIRE(map.commit_block(owned(4), std::vector{kA, kB}));
  CHECK(readable_count(map, 4) == 1);
}

TEST_CASE("Replicas on a decommissioning node are readable but do not count as copies") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(1, 1, 100, 2), std::vector{kA, kB}));
  map.set_node_mode(kA, NodeMode::kDraining);
  CHECK(readable_count(map, 1) == 2);
  CHECK(map.counts(1).under_replicated == 1);
  CHECK(map.needing(Need::kOneShort).contains(BlockId{1}));
  map.set_node_mode(kA, NodeMode::kCounted);
  CHECK(map.counts(1).under_replicated == 0);
}

TEST_CASE("Copies on a node away for maintenance are not replaced and not served") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(1, 1, 100, 2), std::vector{kA, kB}));
  map.set_node_mode(kA, NodeMode::kAway);
  CHECK(readable_count(map, 1) == 1);
  CHECK(map.counts(1).under_replicated == 0);
  map.set_node_mode(kA, NodeMode::kGone);
  CHECK(map.needing(Need::kOneLeft).contains(BlockId{1}));
}

TEST_CASE("Blocks on one rack are misplaced once there are several racks") {
  BlockMap map = map_with_nodes(3);
  map.node_joined(kD, RackIndex{1});
  REQUIRE(map.commit_block(owned(1), std::vector{kA, kB, kC}));
  REQUIRE(map.commit_block(owned(2), std::vector{kA, kB, kD}));
  CHECK(map.needing(Need::kMisplaced).empty());
  map.set_several_racks(true);
  CHECK(map.needing(Need::kMisplaced).contains(BlockId{1}));
  CHECK(map.needing(Need::kMisplaced).size() == 1);
  map.node_joined(kC, RackIndex{1});
  CHECK(map.needing(Need::kMisplaced).empty());
}

TEST_CASE("A changed number of wanted copies moves the block between the needs") {
  BlockMap map = map_with_nodes();
  REQUIRE(map.commit_block(owned(1), std::vector{kA, kB, kC}));
  map.set_wanted(BlockId{1}, 2);
  CHECK(map.needing(Need::kSurplus).contains(BlockId{1}));
  CHECK(map.counts(1).over_replicated == 1);
  map.set_wanted(BlockId{1}, 5);
  CHECK(map.needing(Need::kTwoShort).contains(BlockId{1}));
  map.set_wanted(BlockId{1}, 0);  // Means one: a file never asks for none.
  CHECK(map.find(BlockId{1})->wanted == 1);
}

TEST_CASE("Values too large for an entry are refused and leave nothing behind") {
  BlockMap map = map_with_nodes();
  CHECK_FALSE(map.add_reported(kA, reported(1, BlockMap::kGenerationMax + 1), nullptr));
  CHECK_FALSE(map.add_reported(kA, reported(1, 1, BlockMap::kLengthMax + 1), nullptr));
  CHECK(map.size() == 0);
  CHECK(map.add_reported(kA, reported(1, BlockMap::kGenerationMax, BlockMap::kLengthMax), nullptr));
  CHECK(map.find(BlockId{1})->block.length == BlockMap::kLengthMax);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("A million blocks with three replicas take less than 60 MB") {
  constexpr std::uint64_t kBlocks = 1'000'000;
  // In order, as ids are handed out, and with ids spread as after many deletions.
  for (const std::uint64_t stride : {1ULL, 0x9E3779B97F4A7C15ULL}) {
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    BlockMap map = map_with_nodes();
    for (std::uint64_t i = 1; i <= kBlocks; ++i) {
      map.commit_block(owned(i * stride), std::vector{kA, kB, kC});
    }
    const std::size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    INFO("bytes a block: " << static_cast<double>(used) / kBlocks);
    CHECK(used < 60'000'000);
  }
}
#endif

}  // namespace minidfs::metadata
