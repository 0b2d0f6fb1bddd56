#include "base/suggest.hpp"

#include <array>
#include <catch2/catch.hpp>

namespace minidfs {
namespace {

constexpr std::array<std::string_view, 4> kWords{"put", "status", "checksum", "--replication"};

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("stat", "state") == 1);
  CHECK(edit_distance("sta", "sat") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("a slip of the finger is mended") {
  CHECK(nearest_word("pt", kWords) == "put");
  CHECK(nearest_word("stauts", kWords) == "status");
  CHECK(nearest_word("--replicaton", kWords) == "--replication");
  CHECK(suggestion("cheksum", kWords) == "; did you mean 'checksum'?");
}

TEST_CASE("a word that resembles nothing gets no suggestion") {
  CHECK(nearest_word("frobnicate", kWords).empty());
  CHECK(nearest_word("", kWords).empty());
  CHECK(nearest_word(std::string(10'000, 'p'), kWords).empty());
  CHECK(suggestion("xyzzy", kWords).empty());
}

}  // namespace
}  // namespace minidfs
