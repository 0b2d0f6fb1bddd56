// A datanode with everything it consists of, wired together and running on its own threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "auth/credentials.hpp"
#include "base/config.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "cli/roles/namenode_process.hpp"
#include "client/local_datanode.hpp"

namespace minidfs::cli {

// What one datanode of a process has for itself.
struct DatanodeAddresses {
  std::uint16_t port = 0;  // 0: any free one.
  std::vector<std::string> data_dirs;
  std::vector<std::string> namenodes;  // "host:port".
  std::size_t descriptors = 1024;      // Of the process, for this role.
  auth::CredentialsPtr credentials{};  // Of all connections, both ways; null: without a secret.
};

class DatanodeProcess {
 public:
  // Errors: everything that keeps it from starting, naming the file, directory or address. That no
  // namenode can be reached is none of them: it goes on trying. `on_fatal` is called when it can be
  // of no use any more: it belongs to another cluster, or its last data directory has failed
  // (kIoError).
  static Result<std::unique_ptr<DatanodeProcess>> start(const Config& config,
                                                        const DatanodeAddresses& addresses,
                                                        FatalHandler on_fatal);
  // Says goodbye to the namenode, then stops.
  virtual ~DatanodeProcess() = default;

  virtual std::uint16_t port() const = 0;
  // For clients in this process.
  virtual client::LocalDatanode local() = 0;
  // HTTP is served for it on `listen`, at this port: the namenodes are told. Errors: as is_local().
  virtual Status serves_http(const std::string& listen, std::uint16_t port,
                             bool asks_for_tokens) = 0;
};

}  // namespace minidfs::cli
