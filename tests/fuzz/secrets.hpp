// Secrets for the fuzz targets of handshakes: the bytes of a peer who has none of ours.
#pragma once

#include <memory>

#include "auth/credentials.hpp"

namespace minidfs::fuzz {

inline auth::CredentialsPtr secret() {
  static const auto made =
      std::make_shared<const auth::Credentials>(auth::Key(auth::Bytes32{std::byte{1}}));
  return made;
}

}  // namespace minidfs::fuzz
