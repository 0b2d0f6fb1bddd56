#include "metadata/block_report.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace minidfs::metadata {
namespace {

constexpr NodeIndex kA{0};
constexpr NodeIndex kB{1};

Block block(std::uint64_t id, std::uint64_t generation = 1, std::uint64_t length = 100) {
  return {BlockId{id}, generation, length};
}

OwnedBlock owned(std::uint64_t id, std::uint64_t generation = 1, std::uint8_t wanted = 2) {
  return {block(id, generation), wanted};
}

ReportChunk whole_report(std::vector<Block> replicas) {
  return next_report_chunk(77, nullptr, std::move(replicas));
}

BlockMap map_with_nodes() {
  BlockMap map;
  for (const NodeIndex node : {kA, kB}) map.node_joined(node, RackIndex{0});
  return map;
}

}  // namespace

TEST_CASE("A chunk survives its encoding, at the edges of its values too") {
  const std::vector<ReportChunk> chunks{
      {1, 0, BlockId{0}, BlockId{~0ULL}, {}},
      {~0ULL, 7, BlockId{5}, BlockId{9}, {block(5), block(9, 3, 0)}},
      {1, 0, BlockId{0}, BlockId{~0ULL}, {block(0, 0, 0), block(1), block(~0ULL)}},
      {1, 0, BlockId{3}, BlockId{3}, {block(3, BlockMap::kGenerationMax, BlockMap::kLengthMax)}},
  };
  for (const ReportChunk& chunk : chunks) {
    const auto decoded = decode_report_chunk(encode_report_chunk(chunk));
    REQUIRE(decoded.ok());
    CHECK(*decoded == chunk);
  }
}

TEST_CASE("Replicas that follow one another take about four bytes each") {
  std::vector<Block> replicas;
  for (std::uint64_t i = 0; i < 2'000; ++i) replicas.push_back(block(1'000'000 + i, 1, 64 << 20));
  CHECK(encode_report_chunk(whole_report(replicas)).size() < 3 * replicas.size() + 64);
}

TEST_CASE("Chunks that break the rules of the format are refused") {
  const ReportChunk good{1, 0, BlockId{10}, BlockId{20}, {block(10), block(20)}};
  const std::string bytes = encode_report_chunk(good);
  const auto refused = [](std::string changed) { return !decode_report_chunk(changed).ok(); };
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(refused(bytes.substr(0, size)));
  CHECK(refused(bytes + '\0'));
  std::string version = bytes;
  version[0] = 2;
  CHECK(decode_report_chunk(version).error().code == Errc::kUnsupported);
  // Offsets: version 1, report 8, sequence 4, first 8, last 8, count 4.
  std::string last = bytes;
  last[21] = 19;  // The second replica lies beyond the range now.
  CHECK(refused(last));
  last[21] = 9;  // Below the first id.
  CHECK(refused(last));
  std::string count = bytes;
  count[31] = 100;  // 2^22 replicas announced.
  CHECK(refused(count));
}

TEST_CASE("Random and mutated chunks never do more than fail") {
  Random random(3);
  std::vector<Block> replicas;
  for (std::uint64_t i = 1; i < 50; ++i) replicas.push_back(block(i * i, i, i * 1000));
  const std::string bytes = encode_report_chunk(whole_report(replicas));
  std::size_t decoded_count = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    for (std::uint64_t flips = 1 + random_below(random, 4); flips > 0; --flips) {
      changed[random_below(random, changed.size())] = static_cast<char>(random_below(random, 256));
    }
    const auto decoded = decode_report_chunk(changed);
    if (!decoded.ok()) continue;
    ++decoded_count;
    REQUIRE(decoded->replicas.size() <= kReportChunkReplicasMax);
    // What decodes holds to the invariants, so it can be encoded again.
    const auto again = decode_report_chunk(encode_report_chunk(*decoded));
    REQUIRE(again.ok());
    REQUIRE(*again == *decoded);
  }
  CHECK(decoded_count > 0);
}

TEST_CASE("A report is cut so that its chunks cover all ids without gaps") {
  std::vector<Block> all;
  for (std::uint64_t i = 1; i <= 5'000; ++i) all.push_back(block(3 * i));
  ReportProgress progress(77);
  std::vector<ReportChunk> chunks;
  auto at = all.begin();
  do {
    const auto left = static_cast<std::size_t>(all.end() - at);
    const auto take = static_cast<std::ptrdiff_t>(std::min(left, kReportChunkReplicasMax));
    chunks.push_back(next_report_chunk(77, chunks.empty() ? nullptr : &chunks.back(),
                                       std::vector<Block>(at, at + take)));
    at += take;
    REQUIRE(progress.accept(chunks.back()).ok());
  } while (!chunks.back().ends_report());
  CHECK(chunks.size() == 3);
  CHECK(progress.complete());
  CHECK(progress.accept(chunks[2]).error().code == Errc::kStale);
}

TEST_CASE("Chunks that repeat, skip or belong to another report are told apart") {
  ReportProgress progress(77);
  const ReportChunk first{77, 0, BlockId{0}, BlockId{10}, {}};
  const ReportChunk second{77, 1, BlockId{11}, BlockId{20}, {}};
  CHECK(progress.accept({76, 0, BlockId{0}, BlockId{10}, {}}).error().code == Errc::kStale);
  CHECK(progress.accept(second).error().code == Errc::kProtocol);
  REQUIRE(progress.accept(first).ok());
  CHECK(progress.accept(first).error().code == Errc::kStale);
  CHECK(progress.accept({77, 1, BlockId{12}, BlockId{20}, {}}).error().code == Errc::kProtocol);
  REQUIRE(progress.accept(second).ok());
  CHECK_FALSE(progress.complete());
}

TEST_CASE("A full report adds what is new, removes what is absent and names what nobody owns") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1), std::vector{kA, kB});
  map.commit_block(owned(2), std::vector{kA});
  map.commit_block(owned(4, 5), {});
  const auto chunk = whole_report({block(2), block(3), block(4, 4), block(5)});
  CHECK(blocks_to_look_up(map, chunk.replicas) == std::vector{BlockId{3}, BlockId{5}});
  const auto result = merge_report_chunk(map, kA, chunk, std::vector{owned(3)});
  CHECK(result.added == 3);
  CHECK(result.removed == 1);
  CHECK(result.unowned == std::vector{BlockId{5}});
  CHECK(result.stale == std::vector{BlockId{4}});
  CHECK(map.readable_replicas(BlockId{1}).size() == 1);
  CHECK(map.readable_replicas(BlockId{3}).size() == 1);
  CHECK(map.find(BlockId{3})->wanted == 2);
}

TEST_CASE("A chunk removes nothing outside its range of ids") {
  BlockMap map = map_with_nodes();
  for (std::uint64_t id = 1; id <= 5; ++id) map.commit_block(owned(id), std::vector{kA});
  const ReportChunk chunk{77, 1, BlockId{2}, BlockId{4}, {block(3)}};
  CHECK(merge_report_chunk(map, kA, chunk, {}).removed == 2);
  CHECK(map.blocks_of(kA, BlockId{0}, BlockId{~0ULL}) ==
        std::vector{BlockId{1}, BlockId{3}, BlockId{5}});
}

TEST_CASE("What changed since the report began is newer than the report") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1), std::vector{kA});
  map.begin_report(kA);
  map.commit_block(owned(2), std::vector{kA});  // Acknowledged after the report was made.
  map.add_reported(kA, {BlockId{3}, 1, 100, true}, nullptr);  // Stored after it was made.
  map.remove_replica(kA, BlockId{1}, 1);                      // Deleted after it was made.
  map.remove_replica(kA, BlockId{9}, 1);  // The same, though the map knew nothing.
  const auto result =
      merge_report_chunk(map, kA, whole_report({block(1), block(9)}), std::vector{owned(9)});
  CHECK(result.added == 0);
  CHECK(result.removed == 0);
  CHECK(map.readable_replicas(BlockId{1}).empty());
  CHECK(map.readable_replicas(BlockId{2}).size() == 1);
  CHECK(map.unowned().contains(BlockId{3}));
  CHECK(map.needing(Need::kMissing).contains(BlockId{9}));
  map.end_report(kA);
  // The next report is believed again.
  map.begin_report(kA);
  CHECK(merge_report_chunk(map, kA, whole_report({}), {}).removed == 2);
}

TEST_CASE("A changed replica whose report brings its owner is owned from then on") {
  BlockMap map = map_with_nodes();
  map.begin_report(kA);
  map.add_reported(kA, {BlockId{3}, 1, 100, true}, nullptr);
  merge_report_chunk(map, kA, whole_report({block(3)}), std::vector{owned(3)});
  CHECK(map.is_owned(BlockId{3}));
  CHECK(map.readable_replicas(BlockId{3}).size() == 1);
}

TEST_CASE("A report made before a deletion was carried out does not undo the decision") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1, 1, 1), std::vector{kA, kB});
  REQUIRE(map.mark_deleting(kA, BlockId{1}));
  merge_report_chunk(map, kA, whole_report({block(1)}), {});
  CHECK(map.readable_replicas(BlockId{1}).size() == 1);
}

TEST_CASE("Reports of a node that is gone change nothing") {
  BlockMap map = map_with_nodes();
  map.node_dead(kA);
  const auto result = merge_report_chunk(map, kA, whole_report({block(1)}), std::vector{owned(1)});
  CHECK(result.added == 0);
  CHECK(map.size() == 0);
}

TEST_CASE("An incremental report adds, removes and marks as corrupt") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1), std::vector{kA});
  map.commit_block(owned(2), std::vector{kA});
  map.commit_block(owned(3), std::vector{kA, kB});
  IncrementalReport report;
  report.added = {block(3), block(4), block(5)};
  report.removed = {block(1), block(3)};  // Block 3 was removed and stored again.
  report.corrupt = {block(2), block(6)};  // Of block 6 the map knows nothing yet.
  const auto result = apply_incremental(map, kA, report, std::vector{owned(5), owned(6)});
  CHECK(result.unowned == std::vector{BlockId{4}});
  CHECK(map.find(BlockId{1})->replicas.empty());
  CHECK(map.counts(9).corrupt == 2);
  CHECK(map.readable_replicas(BlockId{3}).size() == 2);
  CHECK(map.readable_replicas(BlockId{5}).size() == 1);
  CHECK(map.find(BlockId{6})->replicas.at(0).state == ReplicaState::kCorrupt);
}

TEST_CASE("A replica that was called bad counts again when its node says that it is whole") {
  BlockMap map = map_with_nodes();
  const auto state = [&](std::uint64_t id) { return map.find(BlockId{id})->replicas.at(0).state; };
  map.commit_block(owned(1), std::vector{kA});
  IncrementalReport bad;
  bad.corrupt = {{BlockId{1}, 1, 0}, {BlockId{2}, 1, 0}};  // Of block 2 nothing is known yet.
  apply_incremental(map, kA, bad, {});
  CHECK(state(1) == ReplicaState::kCorrupt);
  // That it is there and as long as it should be says nothing.
  map.begin_report(kA);
  auto merged =
      merge_report_chunk(map, kA, whole_report({block(1), block(2)}), std::vector{owned(2)});
  map.end_report(kA);
  CHECK(merged.doubted == std::vector{block(1), block(2)});
  CHECK(state(1) == ReplicaState::kCorrupt);
  CHECK(state(2) == ReplicaState::kCorrupt);
  CHECK(map.readable_replicas(BlockId{2}).empty());
  IncrementalReport whole;
  whole.added = {block(1), block(2)};
  apply_incremental(map, kA, whole, {});
  CHECK(map.readable_replicas(BlockId{1}).size() == 1);
  CHECK(map.readable_replicas(BlockId{2}).size() == 1);
  CHECK(map.counts(2).corrupt == 0);
  merged = merge_report_chunk(map, kA, whole_report({block(1), block(2)}), {});
  CHECK(merged.doubted.empty());
}

TEST_CASE("A finding about a newer replica than is known stands when a report names the replica") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1, 2), std::vector{kB});
  map.add_reported(kA, {BlockId{1}, 1, 100, false}, nullptr);
  map.begin_report(kA);
  IncrementalReport bad;
  bad.corrupt = {block(1, 2)};
  apply_incremental(map, kA, bad, {});
  merge_report_chunk(map, kA, whole_report({block(1, 2)}), {});
  map.end_report(kA);
  CHECK(map.find(BlockId{1})->replicas.at(0).state == ReplicaState::kCorrupt);
  // One about an older replica than is known says nothing.
  bad.corrupt = {block(1, 1)};
  apply_incremental(map, kB, bad, {});
  CHECK(map.find(BlockId{1})->replicas.at(1).state == ReplicaState::kGood);
}

TEST_CASE("A bad replica that is whole after all and was to go is good when it may stay") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1), std::vector{kA, kB});
  REQUIRE(map.mark_corrupt(kA, BlockId{1}, 1));
  REQUIRE(map.mark_deleting(kA, BlockId{1}));
  const bool whole = GENERATE(true, false);
  if (whole) map.add_reported(kA, {BlockId{1}, 1, 100, true}, nullptr);
  CHECK(map.find(BlockId{1})->replicas.at(0).state == ReplicaState::kDeleting);
  REQUIRE(map.cancel_deleting(kA, BlockId{1}));
  CHECK(map.find(BlockId{1})->replicas.at(0).state ==
        (whole ? ReplicaState::kGood : ReplicaState::kCorrupt));
}

TEST_CASE("A replica that is out of reach comes back as it was, however its report was made") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1), std::vector{kA, kB});
  map.begin_report(kA);
  IncrementalReport away;
  away.unreachable = {block(1), block(2)};  // Of block 2 the map knows nothing yet.
  apply_incremental(map, kA, away, {});
  // Cut before the disk hung.
  merge_report_chunk(map, kA, whole_report({block(1), block(2)}), std::vector{owned(2)});
  map.end_report(kA);
  CHECK(map.find(BlockId{1})->replicas.at(0).state == ReplicaState::kUnreachable);
  CHECK(map.readable_replicas(BlockId{1}).size() == 1);
  CHECK(map.readable_replicas(BlockId{2}).empty());
  // A writer heard of it before.
  map.acknowledge(block(1), std::vector{kA});
  CHECK(map.readable_replicas(BlockId{1}).size() == 1);
  IncrementalReport back;
  back.back = away.unreachable;
  CHECK(blocks_to_look_up(map, back).empty());
  apply_incremental(map, kA, back, {});
  CHECK(map.readable_replicas(BlockId{1}).size() == 2);
  CHECK(map.readable_replicas(BlockId{2}).size() == 1);
}

TEST_CASE("A deletion stands while the disk hangs and after it is back") {
  BlockMap map = map_with_nodes();
  map.commit_block(owned(1, 1, 1), std::vector{kA, kB});
  const auto state = [&] { return map.find(BlockId{1})->replicas.at(0).state; };
  REQUIRE(map.mark_deleting(kA, BlockId{1}));
  REQUIRE(map.mark_unreachable(kA, BlockId{1}, 1));
  CHECK(state() == ReplicaState::kDeleting);
  SECTION("given up while the disk hangs, the replica is out of reach") {
    REQUIRE(map.cancel_deleting(kA, BlockId{1}));
    CHECK(state() == ReplicaState::kUnreachable);
    map.add_reported(kA, {BlockId{1}, 1, 100, false}, nullptr);
    CHECK(state() == ReplicaState::kGood);
  }
  SECTION("given up after the disk is back, it is good") {
    map.add_reported(kA, {BlockId{1}, 1, 100, false}, nullptr);
    CHECK(state() == ReplicaState::kDeleting);
    REQUIRE(map.cancel_deleting(kA, BlockId{1}));
    CHECK(state() == ReplicaState::kGood);
  }
}

TEST_CASE("Of a replica whose disk hangs and comes back the last state is told, and no more") {
  ChangeCollector changes;
  changes.stored(block(1));
  changes.unreachable(block(1));
  changes.unreachable(block(2));
  changes.back(block(2));
  changes.found_corrupt(block(2));
  changes.unreachable(block(3));
  changes.found_corrupt(block(3));  // By a reader that began before.
  const auto report = changes.take(10);
  CHECK(report.added.empty());
  CHECK(report.unreachable == std::vector{block(1), block(3)});
  CHECK(report.back == std::vector{block(2)});
  CHECK(report.corrupt == std::vector{block(2)});
  changes.back(block(3));
  changes.put_back(report);
  const auto again = changes.take(10);
  CHECK(again.unreachable == std::vector{block(1)});
  CHECK(again.back == std::vector{block(2), block(3)});
  CHECK(again.corrupt == std::vector{block(2)});
}

}  // namespace minidfs::metadata
