// As crypto.cpp: without libcrypto's providers.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth/md5.hpp"

#include <openssl/md5.h>

#include "base/error.hpp"

namespace minidfs::auth {

struct Md5::State {
  MD5_CTX context;
};

Md5::Md5() : state_(std::make_unique<State>()) { MDFS_ASSERT(MD5_Init(&state_->context) == 1); }

Md5::~Md5() = default;
Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;

void Md5::add(std::span<const std::byte> bytes) {
  MDFS_ASSERT(MD5_Update(&state_->context, bytes.data(), bytes.size()) == 1);
}

Md5::Digest Md5::take() {
  Digest digest;
  MDFS_ASSERT(MD5_Final(reinterpret_cast<unsigned char*>(digest.data()), &state_->context) == 1);
  MDFS_ASSERT(MD5_Init(&state_->context) == 1);
  return digest;
}

}  // namespace minidfs::auth
