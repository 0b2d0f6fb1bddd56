#include "auth/credentials.hpp"

#include <string>

#include "base/random_id.hpp"

namespace minidfs::auth {
namespace {

constexpr std::string_view kPurpose = "minidfs admission 1";

Error no_client_key_makes(Role role) {
  return {Errc::kPermissionDenied, "a client's key does not make a " +
                                       std::string(to_string(role)) +
                                       ": that takes the cluster's secret"};
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kClient:
      return "client";
    case Role::kDatanode:
      return "datanode";
    case Role::kNamenode:
      return "namenode";
  }
  return "unknown";
}

Key Credentials::derived(Role role, KeyId id) const {
  std::string purpose(kPurpose);
  purpose += '\0';
  purpose += static_cast<char>(role);
  purpose.append(reinterpret_cast<const char*>(&id.high), sizeof id.high);
  purpose.append(reinterpret_cast<const char*>(&id.low), sizeof id.low);
  return derive_key(held_.key, purpose);
}

Result<NamedKey> Credentials::own(Role role) const {
  if (holds_secret_) return NamedKey{KeyId{}, derived(role, KeyId{})};
  if (role == Role::kClient) return held_;
  return no_client_key_makes(role);
}

Result<Key> Credentials::of_peer(Role role, KeyId id) const {
  if (!holds_secret_) {
    return Error{Errc::kPermissionDenied, "a client's key proves nothing about others"};
  }
  if (role != Role::kClient && !id.is_none()) return no_client_key_makes(role);
  return derived(role, id);
}

NamedKey Credentials::make_client_key() const {
  MDFS_ASSERT(holds_secret_);
  const auto id = random_id<KeyId>();
  return {id, derived(Role::kClient, id)};
}

}  // namespace minidfs::auth
