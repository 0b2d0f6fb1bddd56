#include "base/interface_version.hpp"

#include <catch2/catch.hpp>

using namespace minidfs;

TEST_CASE("two sides speak the newest version that both know, whoever listens") {
  struct Pair {
    InterfaceVersions one;
    InterfaceVersions other;
    InterfaceVersion version;  // 0: none.
  };
  const auto pair =
      GENERATE(Pair{{1, 1}, {1, 1}, 1}, Pair{{1, 1}, {2, 1}, 1}, Pair{{2, 1}, {3, 2}, 2},
               Pair{{7, 3}, {5, 2}, 5}, Pair{{1, 1}, {3, 2}, 0}, Pair{{2, 1}, {4, 3}, 0},
               Pair{{1, 1}, {0, 0}, 0}, Pair{{0, 0}, {0, 0}, 0});
  for (const auto& [a, b] : {std::pair(pair.one, pair.other), std::pair(pair.other, pair.one)}) {
    const auto version = common_version(a, b);
    CHECK(version.ok() == (pair.version != 0));
    if (version.ok()) CHECK(*version == pair.version);
    if (!version.ok()) CHECK(version.error().code == Errc::kUnsupported);
  }
}

TEST_CASE("without a version in common the error names those of both sides") {
  CHECK(common_version({1, 1}, {3, 2}).error().message ==
        "no version of the interface in common: the listening side speaks version 1, the "
        "connecting side versions 2 to 3");
  CHECK(to_string(InterfaceVersions{}) == "a version of before there were numbers");
}

TEST_CASE("a build speaks its own version and the one before, if there is one") {
  const auto own = own_versions();
  CHECK(own.oldest >= 1);
  CHECK(own.newest - own.oldest == (own.newest > 1 ? 1 : 0));
}
