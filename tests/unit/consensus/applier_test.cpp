#include "consensus/applier.hpp"

#include "fixture.hpp"

namespace minidfs::consensus::test {
namespace {

CommittedEntry command(Index index, std::optional<Waiter> waiter = {}) {
  return {{index, 1, EntryKind::kCommand, "c" + std::to_string(index)}, waiter};
}

}  // namespace

TEST_CASE("who waits for an entry is answered when its batch is committed, on its channel") {
  MemoryState state;
  Applier applier(state);
  REQUIRE(applier.apply(command(1, Waiter{0, 101})).ok());
  REQUIRE(applier.apply(command(2)).ok());
  REQUIRE(applier.apply(command(3, Waiter{2, 103})).ok());
  CHECK(applier.take_completions().empty());
  REQUIRE(applier.commit().ok());
  const auto answers = applier.take_completions();
  REQUIRE(answers.size() == 3);
  REQUIRE(answers[0].size() == 1);
  CHECK(answers[0][0].token == 101);
  CHECK(answers[0][0].reply.value() == "1");
  CHECK(answers[1].empty());
  CHECK(answers[2][0].token == 103);
}

TEST_CASE("entries that are no commands are passed over, and count") {
  MemoryState state;
  Applier applier(state);
  REQUIRE(applier.apply({{1, 1, EntryKind::kNoOp, {}}, std::nullopt}).ok());
  REQUIRE(applier.apply(command(2)).ok());
  REQUIRE(applier.apply({{3, 1, EntryKind::kMembers, "members"}, std::nullopt}).ok());
  REQUIRE(applier.commit().ok());
  CHECK(applier.index() == 3);
  CHECK(state.numbers == std::vector<std::uint64_t>{2});
}

TEST_CASE("a batch that cannot be committed is answered with the failure, and nothing follows") {
  MemoryState state;
  state.fail_commit = true;
  Applier applier(state);
  REQUIRE(applier.apply(command(1, Waiter{0, 101})).ok());
  CHECK_FALSE(applier.commit().ok());
  CHECK_FALSE(applier.apply(command(2)).ok());
  applier.fail_batch(Error{Errc::kUnavailable, "gone"});
  const auto answers = applier.take_completions();
  REQUIRE(answers.at(0).size() == 1);
  CHECK(answers[0][0].reply.error().code == Errc::kUnavailable);
  CHECK(state.calls_after_failure == 0);
}

}  // namespace minidfs::consensus::test
