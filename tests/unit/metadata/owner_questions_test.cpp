#include "metadata/owner_questions.hpp"

#include <catch2/catch.hpp>

namespace minidfs::metadata {

TEST_CASE("An answer holds unless a change has said something of its blocks meanwhile") {
  OwnerQuestions questions;
  questions.touched(BlockId{5});  // Before it is asked the database knows of it.
  const auto first = questions.begin({BlockId{1}, BlockId{5}, BlockId{9}});
  const auto second = questions.begin({BlockId{2}, BlockId{9}});
  questions.touched(BlockId{5});
  questions.touched(BlockId{7});
  CHECK_FALSE(questions.end(first));
  CHECK(questions.open() == 1);
  CHECK(questions.end(second));
  const auto again = questions.begin({BlockId{1}, BlockId{5}, BlockId{9}});
  CHECK(questions.end(again));
}

}  // namespace minidfs::metadata
