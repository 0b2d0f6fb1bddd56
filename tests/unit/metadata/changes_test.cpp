#include "metadata/changes.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "base/codec.hpp"
#include "unit/metadata/namespace_model.hpp"

namespace minidfs::metadata {
namespace {

TEST_CASE("Every change decodes to what was encoded") {
  test::RandomChanges changes(11, true);
  std::array<int, std::variant_size_v<Change>> seen{};
  for (int i = 0; i < 5000; ++i) {
    const Change change = changes.next();
    const std::string entry = encode_change(change);
    CHECK(entry[0] == static_cast<char>(change.index() + 1));
    const auto decoded = decode_change(entry);
    REQUIRE(decoded.ok());
    CHECK(encode_change(*decoded) == entry);
    ++seen[change.index()];
  }
  for (const int count : seen) CHECK(count > 0);
}

TEST_CASE("The bytes of an entry are those of the formats document") {
  const Remove remove{{ClientId{1, 2}, 3, 4}, 5, "/a", true};
  const std::string expected(
      "\x04"
      "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0"
      "\5\0\0\0\0\0\0\0\2\0\0\0/a\1",
      48);
  CHECK(encode_change(remove) == expected);
}

TEST_CASE("An entry may carry the cluster time when it was proposed") {
  test::RandomChanges changes(14, true);
  for (int i = 0; i < 200; ++i) {
    const Change change = changes.next();
    const std::string entry = encode_change(change, 1'700'000 + i);
    CHECK(static_cast<unsigned char>(entry[0]) == change.index() + 1 + 128);
    CHECK(entry.substr(9) == encode_change(change).substr(1));
    const auto decoded = decode_entry(entry);
    REQUIRE(decoded.ok());
    CHECK(decoded->cluster_ms == 1'700'000 + i);
    CHECK(encode_change(decoded->change) == encode_change(change));
    for (const std::size_t size : {1, 5, 8}) {
      CHECK_FALSE(decode_entry(std::string_view(entry).substr(0, size)).ok());
    }
  }
  CHECK(decode_entry(encode_change(PurgeRemoved{1})).value().cluster_ms == 0);
}

TEST_CASE("What version 2 has added is for members that all know it") {
  test::RandomChanges changes(15, true);
  for (int i = 0; i < 1000; ++i) {
    const Change change = changes.next();
    const bool added = change.index() >= 17;
    CHECK(known_since(change) == (added ? 2 : 1));
    CHECK(check_known(change, 1).ok() == !added);
    CHECK(check_known(change, 2).ok());
    if (added) CHECK(check_known(change, 1).error().code == Errc::kUnsupported);
  }
}

TEST_CASE("An answer of forgotten requests is told from other expiries") {
  CHECK(is_forgotten(forgotten({ClientId{1, 2}, 3, 4})));
  CHECK_FALSE(is_forgotten({{{static_cast<std::uint8_t>(Errc::kExpired), "a block", 0}}}));
  CHECK_FALSE(is_forgotten({{{0, "", 1}}}));
}

TEST_CASE("Cut and unknown entries are refused") {
  test::RandomChanges changes(12, true);
  for (int i = 0; i < 50; ++i) {
    const std::string entry = encode_change(changes.next());
    for (std::size_t size = 0; size < entry.size(); ++size) {
      REQUIRE_FALSE(decode_change(std::string_view(entry).substr(0, size)).ok());
    }
    CHECK_FALSE(decode_change(entry + "x").ok());
  }
  CHECK(decode_change(std::string(1, '\x63')).error().code == Errc::kUnsupported);
  // The first kind of the next version, with and without a time; no version has kind 0.
  const char next = static_cast<char>(std::variant_size_v<Change> + 1);
  CHECK(decode_change(std::string(20, next)).error().code == Errc::kUnsupported);
  CHECK(decode_change(std::string(20, static_cast<char>(next | 0x80))).error().code ==
        Errc::kUnsupported);
  CHECK(decode_change(std::string(20, '\0')).error().code == Errc::kCorrupt);
  CHECK(decode_change("").error().code == Errc::kCorrupt);
}

TEST_CASE("Garbage never decodes to more than its own size allows") {
  std::mt19937_64 random(13);
  for (int i = 0; i < 20'000; ++i) {
    std::string entry(random() % 100, '\0');
    for (char& c : entry) c = static_cast<char>(random());
    if (!entry.empty()) entry[0] = static_cast<char>(1 + random() % std::variant_size_v<Change>);
    const auto decoded = decode_change(entry);
    if (decoded) CHECK(encode_change(*decoded) == entry);
  }
}

TEST_CASE("An outcome becomes a result") {
  CHECK(to_result({0, "", 7}).value() == 7);
  const auto error = to_result({3, "/a: already exists", 0});
  CHECK(error.error().code == Errc::kAlreadyExists);
  CHECK(error.error().message == "/a: already exists");
  CHECK(to_result({200, "?", 0}).error().code == Errc::kInternal);
}

TEST_CASE("An endpoint is written with brackets around an IPv6 address") {
  CHECK(to_string(Endpoint{"host", 9866}) == "host:9866");
  CHECK(to_string(Endpoint{"::1", 80}) == "[::1]:80");
}

}  // namespace
}  // namespace minidfs::metadata
