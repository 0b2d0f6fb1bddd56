#include "metadata/staged_sessions.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {
namespace {

using Sessions = std::vector<SessionId>;
constexpr SessionId kOne{1};
constexpr SessionId kTwo{2};

TEST_CASE("The staged file of a session that ends is dropped once") {
  StagedSessions sessions;
  sessions.ended(kOne);  // It had none.
  sessions.staged(kOne, true);
  sessions.staged(kTwo, true);
  CHECK(sessions.take_fallen(10).empty());
  sessions.ended(kOne);
  sessions.ended(kOne);
  CHECK(sessions.take_fallen(10) == Sessions{kOne});
  CHECK(sessions.take_fallen(10).empty());
  sessions.drop_failed(kOne);
  CHECK(sessions.take_fallen(10) == Sessions{kOne});
  sessions.gone(kOne);
  sessions.drop_failed(kOne);  // It was committed before the drop.
  CHECK(sessions.take_fallen(10).empty());
  CHECK(sessions.size() == 1);
}

TEST_CASE("What is staged for a session that has ended before is dropped") {
  StagedSessions sessions;
  sessions.staged(kOne, false);
  sessions.staged(kTwo, false);
  CHECK(sessions.take_fallen(1) == Sessions{kOne});
  CHECK(sessions.take_fallen(1) == Sessions{kTwo});
}

TEST_CASE("A file that is committed at the last moment is not dropped") {
  StagedSessions sessions;
  sessions.staged(kOne, true);
  sessions.ended(kOne);
  sessions.gone(kOne);
  CHECK(sessions.take_fallen(10).empty());
  CHECK(sessions.size() == 0);
}

}  // namespace
}  // namespace minidfs::metadata
