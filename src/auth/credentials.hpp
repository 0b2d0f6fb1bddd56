// What a process was given to prove who it is: the cluster's secret, or a client's key that was
// derived from it. Immutable and shared by all that dial or listen; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "auth/crypto.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace minidfs::auth {

// As what a process connects. On the wire, and in keys: do not renumber.
enum class Role : std::uint8_t { kClient = 1, kDatanode = 2, kNamenode = 3 };
std::string_view to_string(Role role);
constexpr bool is_role(std::uint8_t value) { return value >= 1 && value <= 3; }

// How a process proves who it is. On the wire: do not renumber.
enum class Method : std::uint8_t { kNone = 0, kSecret = 1 };
constexpr bool is_method(std::uint8_t value) { return value <= 1; }

struct KeyIdTag;
// Random, of a key that was derived for a client; none: of those who have the secret itself.
using KeyId = Id128<KeyIdTag>;

struct NamedKey {
  KeyId id;
  Key key;
};

class Credentials {
 public:
  explicit Credentials(Key secret) : Credentials(true, {KeyId{}, std::move(secret)}) {}
  // Of a client; see Credentials::make_client_key().
  explicit Credentials(NamedKey client_key) : Credentials(false, std::move(client_key)) {}

  bool holds_secret() const { return holds_secret_; }

  // By what this process proves that it is `role`. kPermissionDenied when it holds a client's key
  // and would be anything else.
  Result<NamedKey> own(Role role) const;

  // By what a peer proves that it is `role` under the key `id`. kPermissionDenied for an id of a
  // role that has none, or when this process cannot know it.
  Result<Key> of_peer(Role role, KeyId id) const;

  // REQUIRES: holds_secret().
  NamedKey make_client_key() const;

 private:
  Credentials(bool holds_secret, NamedKey held)
      : holds_secret_(holds_secret), held_(std::move(held)) {}
  Key derived(Role role, KeyId id) const;

  bool holds_secret_;
  NamedKey held_;  // The secret, or the client's key.
};

// Null: without a secret, who reaches the port is let in.
using CredentialsPtr = std::shared_ptr<const Credentials>;

}  // namespace minidfs::auth
