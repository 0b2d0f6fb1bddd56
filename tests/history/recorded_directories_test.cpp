#include "history/recorded_directories.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>

namespace minidfs::history {
namespace {

TEST_CASE(
    "A directory is used by at most 8 clients for at most 300 operations, the last look included") {
  RecordedDirectories directories("/h", 10, 16);
  std::mt19937_64 random(1);
  std::set<std::string> made;
  const auto make = [&](const std::string& path) {
    CHECK(made.insert(path).second);
    return Status();
  };
  std::map<std::string, std::set<std::uint32_t>> clients;
  std::map<std::string, std::uint32_t> used;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    const auto path = directories.take(i % 16, random, make);
    if (!path) continue;
    REQUIRE(made.contains(*path));
    clients[*path].insert(i % 16);
    ++used[*path];
  }
  std::size_t looks = 0;
  for (std::uint32_t client = 0; client < 16; ++client) {
    for (const auto& path : directories.last_look(client)) {
      clients[path].insert(client);
      ++used[path];
      ++looks;
    }
  }
  CHECK(looks == made.size());
  CHECK(made.size() > 100);
  for (const auto& [path, users] : clients) CHECK(users.size() <= kClientsOfDirectory);
  for (const auto& [path, count] : used) CHECK(count <= kOperationsOfDirectory);
}

TEST_CASE("A directory that was left is used no more, but looked at") {
  RecordedDirectories directories("/h", 1, 1);
  std::mt19937_64 random(1);
  const auto make = [](const std::string&) { return Status(); };
  CHECK_FALSE(directories.take(0, random, make));
  CHECK(directories.take(0, random, make) == "/h/d0-1");
  directories.leave("/h/d0-1");
  CHECK_FALSE(directories.take(0, random, make));
  directories.leave("/h/d0-1");
  CHECK(directories.take(0, random, make) == "/h/d0-2");
  CHECK(directories.last_look(0) == std::vector<std::string>{"/h/d0-1", "/h/d0-2"});
}

TEST_CASE("A directory that could not be made is tried again, and not used before") {
  RecordedDirectories directories("/h", 1, 1);
  std::mt19937_64 random(1);
  const auto fail = [](const std::string&) { return Status(Error{Errc::kTimedOut, "later"}); };
  CHECK_FALSE(directories.take(0, random, fail));
  CHECK_FALSE(directories.take(0, random, fail));
  CHECK(directories.last_look(0).empty());
  const auto make = [](const std::string&) { return Status(); };
  CHECK_FALSE(directories.take(0, random, make));
  CHECK(directories.take(0, random, make) == "/h/d0-1");
}

}  // namespace
}  // namespace minidfs::history
