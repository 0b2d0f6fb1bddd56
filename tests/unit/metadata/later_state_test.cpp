// When a namenode is behind what its datanodes know.
#include "metadata/later_state.hpp"

#include <catch2/catch.hpp>

#include "metadata/namespace_history.hpp"

namespace minidfs::metadata {
namespace {

using Standing = LifeFacts::Standing;

const LifeId kLife{1, 2};

ToldState told(std::uint64_t leadership, std::uint64_t change, bool met = false) {
  return {{{kLife, leadership}, change}, met};
}

bool later(const ToldState& told, const LifeFacts& facts, bool strange = false) {
  return knows_later_state(told, facts, strange);
}

}  // namespace

TEST_CASE("a namenode that was killed and started is not behind what it has told") {
  // Leadership 3 told change 100; leadership 4 began with entry 101 or a later one.
  CHECK_FALSE(later(told(3, 100), {Standing::kOwn, 4, 100}));
  CHECK_FALSE(later(told(3, 40), {Standing::kOwn, 4, 100}));
  CHECK_FALSE(later(told(2, 7), {Standing::kOwn, 4, 9}));
  // And of the present leadership a datanode knows what it was told.
  CHECK_FALSE(later(told(4, 120, true), {Standing::kOwn, 4, 120}));
}

TEST_CASE("a namenode without the newest changes is behind, whatever it did since") {
  // A copy from the time of leadership 3: 4 began with entry 96, and 200 are applied by now.
  CHECK(later(told(3, 100), {Standing::kOwn, 4, 95}));
  // A copy of a time before leadership 3: this process is a third one as well, or a second.
  CHECK(later(told(3, 100), {Standing::kOwn, 3, 200}));
  CHECK(later(told(3, 100), {Standing::kOwn, 2, 200}));
  CHECK(later(told(3, 201, true), {Standing::kOwn, 3, 200}));
}

TEST_CASE("a life that the namespace has never heard of is a later one, unless it was given up") {
  CHECK(later(told(1, 1), {}));
  CHECK_FALSE(later(told(9, 999), {Standing::kGivenUp, 0, 0}));
  CHECK_FALSE(later(told(9, 999), {Standing::kGivenUp, 0, 0}, true));
}

TEST_CASE(
    "a namespace from a backup is behind those who know more of the life that it comes from") {
  const LifeFacts facts{Standing::kEarlier, 3, 50};
  CHECK_FALSE(later(told(3, 50), facts));
  CHECK(later(told(3, 51), facts));
  CHECK(later(told(4, 50), facts));
  CHECK(later(told(2, 10), facts, true));
}

TEST_CASE("of a datanode that knows of no life only its replicas tell") {
  const ToldState blank;
  CHECK_FALSE(later(blank, {}));
  CHECK(later(blank, {}, true));
  // One that knows no more than the namespace may hold left-overs, or what any client wrote there.
  CHECK_FALSE(later(told(3, 100), {Standing::kOwn, 4, 100}, true));
}

TEST_CASE("what the datanodes know is gathered, told, and can be given up") {
  LaterState state;
  CHECK_FALSE(state.any());
  const std::vector<BlockMark> marks{7, 9};
  state.note({{LifeId{5, 5}, 1}, 10}, marks);
  state.note({{kLife, 4}, 300}, std::vector<BlockMark>{9, 11});
  state.note({}, {});
  CHECK(state.any());
  CHECK(state.lives() == std::vector<LifeId>{kLife, LifeId{5, 5}});
  CHECK(state.marks() == std::vector<BlockMark>{7, 9, 11});
  const auto text = state.text(kLife, 250, 12);
  CHECK_THAT(text, Catch::Contains("a later state of this cluster, up to change 300"));
  CHECK_THAT(text, Catch::Contains("12 blocks that this namespace does not know"));
  CHECK_THAT(text, Catch::Contains("safemode leave --accept-older-namespace"));
  CHECK_THAT(state.text(LifeId{8, 8}, 250, 12), Catch::Contains("another life"));
}

TEST_CASE("a leadership of another namespace is told from those of this one by its number alone") {
  NamespaceHistory history({kLife, 90}, 1);
  history.add_beginning({kLife, 40}, 10);
  history.add_beginning({kLife, 90}, 20);
  CHECK(history.facts({kLife, 40}, 30).standing == Standing::kOwn);
  CHECK(history.facts({kLife, 40}, 30).change == 19);
  CHECK(history.facts({kLife, 90}, 30).standing == Standing::kOwn);
  // It had what this one has, and went on from there.
  CHECK(history.facts({kLife, 60}, 30).standing == Standing::kUnknown);
  // From before leaderships were recorded.
  CHECK(history.facts({kLife, 3}, 30).standing == Standing::kOwn);
}

}  // namespace minidfs::metadata
