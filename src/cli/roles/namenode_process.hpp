// A namenode with everything it consists of, wired together and running on its own threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "base/result.hpp"
#include "client/local_namenode.hpp"
#include "metadata/types.hpp"

namespace minidfs::cli {

// Called from any thread, at most once, when a part fails for good; the owner should then stop the
// process with a non-zero exit code. The error has been logged.
using FatalHandler = std::function<void(const Error&)>;

class NamenodeProcess {
 public:
  // `descriptors`: of the process, for this role. `credentials`: asked of those who connect; null
  // lets everybody in. Errors: everything that keeps it from starting, naming the file, directory
  // or address.
  static Result<std::unique_ptr<NamenodeProcess>> start(const Config& config,
                                                        const std::string& data_dir,
                                                        std::size_t descriptors,
                                                        auth::CredentialsPtr credentials,
                                                        FatalHandler on_fatal);
  // Stops in order: no new connections, then the actors, then the log.
  virtual ~NamenodeProcess() = default;

  virtual std::uint16_t port() const = 0;
  // For clients in this process, which must end before it; `given`: how they name it.
  virtual client::LocalNamenode local(const metadata::Endpoint& given) const = 0;
  // Operators are told from now on that HTTP is served, and whether it asks for tokens.
  virtual void serves_http(bool asks_for_tokens) = 0;
};

}  // namespace minidfs::cli
