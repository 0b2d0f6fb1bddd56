#include "consensus/raft/log_view.hpp"

#include <catch2/catch.hpp>

namespace minidfs::consensus {
namespace {

// Entries 11 to 16 of the terms 2 2 4 4 4 7, of 100 bytes each.
LogView some_log() {
  LogView log;
  log.reset({1, 10});
  for (const Term term : {2, 2, 4, 4, 4, 7}) log.append(term, 100);
  return log;
}

constexpr std::uint64_t kEach = 100 + LogView::kHeadBytes;

}  // namespace

TEST_CASE("A view of a log knows the term of each entry, and of the one before the first") {
  const auto log = some_log();
  CHECK(log.before() == Position{1, 10});
  CHECK(log.last() == Position{7, 16});
  CHECK(log.term_at(9) == std::nullopt);
  CHECK(log.term_at(10) == 1);
  CHECK(log.term_at(11) == 2);
  CHECK(log.term_at(12) == 2);
  CHECK(log.term_at(13) == 4);
  CHECK(log.term_at(15) == 4);
  CHECK(log.term_at(16) == 7);
  CHECK(log.term_at(17) == std::nullopt);
  CHECK(log.contains({4, 14}));
  CHECK_FALSE(log.contains({5, 14}));
}

TEST_CASE("An empty log ends with the entry before its first") {
  LogView log;
  CHECK(log.last() == Position{});
  CHECK(log.term_at(0) == 0);
  CHECK(log.term_at(1) == std::nullopt);
  log.reset({3, 7});
  CHECK(log.empty());
  CHECK(log.last() == Position{3, 7});
  CHECK(log.first_index() == 8);
}

TEST_CASE("The end of a log is cut off, and goes on with other terms") {
  auto log = some_log();
  log.cut(14);
  CHECK(log.last() == Position{4, 13});
  log.append(9, 100);
  CHECK(log.term_at(13) == 4);
  CHECK(log.term_at(14) == 9);
  log.cut(13);
  CHECK(log.last() == Position{2, 12});
  log.cut(11);
  CHECK(log.last() == Position{1, 10});
  log.cut(20);  // Of nothing.
  CHECK(log.last_index() == 10);
}

TEST_CASE("The front of a log is dropped, in the middle of a term and at its end") {
  auto log = some_log();
  log.trim(5);
  CHECK(log.before() == Position{1, 10});
  log.trim(13);
  CHECK(log.before() == Position{4, 13});
  CHECK(log.term_at(12) == std::nullopt);
  CHECK(log.term_at(14) == 4);
  CHECK(log.term_at(16) == 7);
  log.trim(15);
  CHECK(log.before() == Position{4, 15});
  CHECK(log.term_at(16) == 7);
  log.trim(16);
  CHECK(log.empty());
  CHECK(log.last() == Position{7, 16});
  log.append(7, 100);
  CHECK(log.last() == Position{7, 17});
}

TEST_CASE("Where logs may still agree is found by terms") {
  const auto log = some_log();
  CHECK(log.last_not_above({9, 99}) == Position{7, 16});
  CHECK(log.last_not_above({6, 99}) == Position{4, 15});
  CHECK(log.last_not_above({4, 14}) == Position{4, 14});
  CHECK(log.last_not_above({3, 14}) == Position{2, 12});
  CHECK(log.last_not_above({2, 11}) == Position{2, 11});
  CHECK(log.last_not_above({1, 16}) == Position{1, 10});
  CHECK(log.last_not_above({7, 3}) == Position{1, 10});
}

TEST_CASE("What fits into a message is counted in bytes, and one entry always fits") {
  const auto log = some_log();
  CHECK(log.range_from(11, 2 * kEach).last == 12);
  CHECK(log.range_from(11, 2 * kEach).bytes == 2 * kEach);
  CHECK(log.range_from(11, 2 * kEach - 1).last == 11);
  CHECK(log.range_from(13, 1).last == 13);
  CHECK(log.range_from(14, 1'000'000).last == 16);
  CHECK(log.range_from(17, 1'000'000).last == 16);
  CHECK(log.range_from(17, 1'000'000).bytes == 0);
}

}  // namespace minidfs::consensus
