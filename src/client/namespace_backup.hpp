// Takes a backup of the namespace of a running namenode into a local directory.
#pragma once

#include <string>

#include "base/result.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {

// `directory` appears when it is whole and on stable storage: it is missing, or empty, before. An
// interruption leaves at most a hidden directory beside it. Errors: kNotEmpty, kNotADirectory for
// what stands there already, and those of the namenode and of the local disk.
Result<BackupReport> back_up_namespace(ClientContext& context, const std::string& directory);

}  // namespace minidfs::client
