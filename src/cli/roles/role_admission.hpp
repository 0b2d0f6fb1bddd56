// Whom a role lets in: those who know the secret that it was given, or, where no other machine can
// reach it or its operator says so, everybody.
#pragma once

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "base/result.hpp"

namespace minidfs::cli {

// The secret, or null to let everybody in. Looks the host to listen on up. kInvalidArgument when it
// would need a secret and has none, or has one and --insecure; the errors of the file.
Result<auth::CredentialsPtr> role_admission(const CommonConfig& common);

// One line of the log about it.
void log_admission(const CommonConfig& common, const auth::CredentialsPtr& credentials);

// Whether only this machine's processes reach what listens on `host`.
Result<bool> is_local(const std::string& host);

}  // namespace minidfs::cli
