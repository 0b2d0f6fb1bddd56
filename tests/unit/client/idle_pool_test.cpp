#include "client/idle_pool.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

namespace minidfs::client {
namespace {

using Pool = IdlePool<std::string, std::unique_ptr<int>>;

void give(Pool& pool, const std::string& key, int number) {
  pool.give_back(key, std::make_unique<int>(number));
}

int take(Pool& pool, const std::string& key) {
  const auto taken = pool.take(key);
  return taken ? **taken : 0;
}

TEST_CASE("The connection that stood idle for the shortest time is taken again, once") {
  Pool pool(8);
  give(pool, "a", 1);
  give(pool, "b", 2);
  give(pool, "a", 3);
  CHECK(take(pool, "a") == 3);
  CHECK(take(pool, "a") == 1);
  CHECK(take(pool, "a") == 0);
  CHECK(take(pool, "b") == 2);
}

TEST_CASE("Of too many idle connections the longest idle one is closed") {
  Pool pool(2);
  for (int i = 1; i <= 3; ++i) give(pool, "a", i);
  CHECK(take(pool, "a") == 3);
  CHECK(take(pool, "a") == 2);
  CHECK(take(pool, "a") == 0);
}

TEST_CASE("Idle connections that lead to what has failed are closed, and no others") {
  Pool pool(8);
  for (const char* key : {"a", "ab", "b", "a"}) give(pool, key, 1);
  pool.close_if([](const std::string& key) { return key.find('a') != key.npos; });
  CHECK(take(pool, "a") == 0);
  CHECK(take(pool, "ab") == 0);
  CHECK(take(pool, "b") == 1);
}

}  // namespace
}  // namespace minidfs::client
