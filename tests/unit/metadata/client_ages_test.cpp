// Which clients are remembered, and which are told from new ones. With a database around it:
// unit/storage/namespace/namespace_clients_test.cpp.
#include "metadata/client_ages.hpp"

#include <catch2/catch.hpp>

#include "metadata/namespace_times.hpp"

namespace minidfs::metadata {
namespace {

using Clients = std::vector<ClientId>;

ClientAges ages(std::int64_t idle_ms, std::size_t clients_max) {
  return ClientAges({idle_ms, clients_max});
}

TEST_CASE("a client is forgotten once it was silent for longer than it is remembered") {
  auto clients = ages(100, 10);
  const auto silent = born_client(0, 1);
  const auto other = born_client(0, 2);
  CHECK(clients.seen(silent, 1000).empty());
  CHECK(clients.seen(other, 1100).empty());
  CHECK(clients.is_known(silent));
  CHECK(clients.seen(other, 1101) == Clients{silent});
  CHECK(clients.forgotten_ms() == 1000);
  CHECK(clients.may_be_forgotten(silent, 1101));
  CHECK_FALSE(clients.may_be_forgotten(other, 1101));
}

TEST_CASE("of too many clients the most silent one is forgotten, never the one that asks") {
  auto clients = ages(1000, 2);
  const auto first = born_client(0, 1);
  const auto second = born_client(0, 2);
  const auto third = born_client(0, 3);
  clients.seen(first, 10);
  clients.seen(second, 11);
  clients.seen(first, 12);
  CHECK(clients.seen(third, 13) == Clients{second});
  CHECK(clients.size() == 2);
  // All at one time: the one that asks stays all the same.
  auto at_once = ages(1000, 1);
  at_once.seen(third, 5);
  CHECK(at_once.seen(first, 5) == Clients{third});
  CHECK(at_once.is_known(first));
}

TEST_CASE("an unknown client is new only when it was born after all that was forgotten") {
  auto clients = ages(100, 10);
  CHECK_FALSE(clients.may_be_forgotten(born_client(0, 1), 0));  // Nobody was forgotten yet.
  clients.seen(born_client(0, 1), 50);
  clients.seen(born_client(0, 2), 500);
  CHECK(clients.may_be_forgotten(born_client(50, 3), 500));
  CHECK_FALSE(clients.may_be_forgotten(born_client(51, 3), 500));
}

TEST_CASE("an unknown client from a time that the namespace has not come to is not taken for new") {
  auto clients = ages(100, 10);
  const auto of_the_future = born_client(501, 3);
  CHECK(clients.may_be_forgotten(of_the_future, 500));
  // Once it is taken for new it is also told from new ones when it was forgotten.
  CHECK_FALSE(clients.may_be_forgotten(of_the_future, 501));
  clients.seen(of_the_future, 501);
  clients.seen(born_client(0, 2), 1000);
  CHECK_FALSE(clients.is_known(of_the_future));
  CHECK(clients.may_be_forgotten(of_the_future, 1000));
}

TEST_CASE("what was kept of clients goes on as it was") {
  auto clients = ages(100, 10);
  clients.restore(40);
  clients.restore(born_client(0, 1), 60);
  CHECK(clients.forgotten_ms() == 40);
  CHECK(clients.seen_ms(born_client(0, 1)) == 60);
  CHECK(clients.may_be_forgotten(born_client(40, 2), 60));
  CHECK(clients.seen(born_client(41, 2), 161) == Clients{born_client(0, 1)});
}

}  // namespace
}  // namespace minidfs::metadata
