// A log whose newest segment is made durable in the background.
#include <future>

#include "log_fixture.hpp"

namespace minidfs::consensus::test {
namespace {

// Begins one, and waits until its end can be taken.
void sync_in_background(SegmentedLog& log) {
  std::promise<void> ended;
  REQUIRE(log.begin_sync([&] { ended.set_value(); }).ok());
  ended.get_future().wait();
}

}  // namespace

TEST_CASE("what is appended while the log is synced is not taken for durable") {
  TemporaryDirectory directory;
  const auto log = new_segments(small_segments(directory.path()));
  REQUIRE(log->append(next_entries(*log, 1, 3), 0).ok());
  std::promise<void> ended;
  REQUIRE(log->begin_sync([&] { ended.set_value(); }).ok());
  REQUIRE(log->append(next_entries(*log, 1, 2), 0).ok());
  CHECK(log->synced().index == 0);
  ended.get_future().wait();
  CHECK(log->is_syncing());
  REQUIRE(log->end_sync().ok());
  CHECK_FALSE(log->is_syncing());
  CHECK(log->synced() == Position{1, 3});
  REQUIRE(log->sync().ok());
  CHECK(log->synced() == Position{1, 5});
}

TEST_CASE("what needs the disk itself waits for a sync that is under way, and takes its end") {
  TemporaryDirectory directory;
  const auto options = small_segments(directory.path());
  auto log = new_segments(options);
  REQUIRE(log->append(next_entries(*log, 1, 3), 0).ok());
  REQUIRE(log->begin_sync([] {}).ok());
  SECTION("another sync") { REQUIRE(log->sync().ok()); }
  SECTION("the next segment") { REQUIRE(log->append(next_entries(*log, 1, 40), 0).ok()); }
  SECTION("a cut") { REQUIRE(log->cut_from(2).ok()); }
  SECTION("another beginning") { REQUIRE(log->begin_again({2, 100}, {}).ok()); }
  SECTION("the end in order") { REQUIRE(log->store_floor().ok()); }
  CHECK_FALSE(log->is_syncing());
  const auto last = log->last();
  CHECK((log->synced().index == last.index || last.index == 43));
  REQUIRE(log->sync().ok());
  log = open_segments(options, log->before().index);
  CHECK(log->last() == last);
}

TEST_CASE("a sync in the background that fails is the end of the log, whoever takes its end") {
  TemporaryDirectory directory;
  const auto log = new_segments(small_segments(directory.path()));
  REQUIRE(log->append(next_entries(*log, 1, 3), 0).ok());
  FileRecorder recorder(directory.path());
  recorder.fail_from(0);
  sync_in_background(*log);
  recorder.fail_from(~std::size_t{0});  // The kernel tells it once.
  SECTION("the owner") { CHECK_FALSE(log->end_sync().ok()); }
  SECTION("another sync") { CHECK_FALSE(log->sync().ok()); }
  SECTION("a cut") { CHECK_FALSE(log->cut_from(2).ok()); }
  SECTION("the next segment") { CHECK_FALSE(log->append(next_entries(*log, 1, 40), 0).ok()); }
  CHECK(log->synced().index == 0);
  CHECK_FALSE(log->append(next_entries(*log, 1, 1), 0).ok());
  CHECK_FALSE(log->begin_sync([] {}).ok());
}

}  // namespace minidfs::consensus::test
