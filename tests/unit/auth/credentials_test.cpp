#include "auth/credentials.hpp"

#include <catch2/catch.hpp>
#include <set>

namespace minidfs::auth {
namespace {

const Credentials kSecret{Key(Bytes32{std::byte{1}, std::byte{2}})};

TEST_CASE("each role, and each client's key, has bytes of its own") {
  std::set<Bytes32> keys;
  for (const auto role : {Role::kClient, Role::kDatanode, Role::kNamenode}) {
    const auto own = kSecret.own(role);
    REQUIRE(own.ok());
    CHECK(own->id.is_none());
    CHECK(kSecret.of_peer(role, KeyId{})->bytes() == own->key.bytes());
    keys.insert(own->key.bytes());
  }
  for (int i = 0; i < 3; ++i) keys.insert(kSecret.make_client_key().key.bytes());
  CHECK(keys.size() == 6);
}

TEST_CASE("a client's key is known from its id to those who have the secret, and to no others") {
  const auto key = kSecret.make_client_key();
  CHECK_FALSE(key.id.is_none());
  CHECK(kSecret.of_peer(Role::kClient, key.id)->bytes() == key.key.bytes());
  const Credentials client(key);
  CHECK_FALSE(client.holds_secret());
  CHECK(client.own(Role::kClient)->id == key.id);
  CHECK(client.own(Role::kClient)->key.bytes() == key.key.bytes());
  CHECK(client.of_peer(Role::kClient, key.id).error().code == Errc::kPermissionDenied);
}

TEST_CASE("a client's key makes nothing but a client") {
  const Credentials client(kSecret.make_client_key());
  for (const auto role : {Role::kDatanode, Role::kNamenode}) {
    const auto own = client.own(role);
    REQUIRE_FALSE(own.ok());
    CHECK(own.error().code == Errc::kPermissionDenied);
    // A peer that pretends to have one is not believed to be anything either.
    CHECK_FALSE(kSecret.of_peer(role, client.own(Role::kClient)->id).ok());
  }
}

}  // namespace
}  // namespace minidfs::auth
