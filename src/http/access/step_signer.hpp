// The second step of an operation of WebHDFS is asked without the token: clients replay nothing of
// the first but the URL that they were redirected to, and perhaps to another process. So that URL
// carries a signature: who has it may do what it says, there, for ten minutes (docs/formats.md,
// "Signed steps"). Pure but for the random key of a process without a secret; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "auth/credentials.hpp"
#include "http/message.hpp"

namespace minidfs::http::access {

inline constexpr std::chrono::seconds kStepLifetime{600};

class StepSigner {
 public:
  // With a secret, or a client's key of it, whoever has the same one permits what this signs, and
  // who has the secret what a client's key has signed. Null: nobody but this object does.
  explicit StepSigner(auth::CredentialsPtr credentials);

  // Whether others permit what this signs.
  bool is_shared() const { return credentials_ != nullptr; }
  // The URL ("http://HOST:PORT/PATH?QUERY") with its signature. `now_s`: since 1970.
  std::string sign(std::string url, std::int64_t now_s) const;
  // Whether the request is for exactly what was signed, and in time.
  bool permits(const RequestHead& request, std::int64_t now_s) const;

 private:
  std::optional<auth::Key> find_key(auth::KeyId id) const;

  auth::CredentialsPtr credentials_;
  auth::NamedKey own_;
};

}  // namespace minidfs::http::access
