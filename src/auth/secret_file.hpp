// Files with a cluster's secret or a client's key: docs/formats.md, "Secret files". They are for
// their owner's eyes only: written with mode 0600, and refused when anybody else has any right.
#pragma once

#include <string>
#include <string_view>

#include "auth/credentials.hpp"
#include "base/result.hpp"

namespace minidfs::auth {

// kPermissionDenied for a file that others may use, kCorrupt for one that holds no secret,
// kUnsupported for one of a newer format; all name the file.
Result<CredentialsPtr> load_credentials(const std::string& path);

// The same without the file. `name` is for errors.
Result<Credentials> parse_credentials(std::string_view text, const std::string& name);

// What stands in the file of a secret, or of a client's key.
std::string secret_text(const Key& secret);
std::string client_key_text(const NamedKey& client_key);

// On stable storage when this returns. kAlreadyExists: no secret is ever overwritten.
Status write_secret_file(const std::string& path, std::string_view text);

}  // namespace minidfs::auth
