#include "client/client_context.hpp"

#include <utility>

#include "base/machine_name.hpp"

namespace minidfs::client {

ClientContext::ClientContext(Options client_options)
    : options(std::move(client_options)),
      host(machine_name()),
      link({options.namenodes, options.connect_timeout, options.timeout}),
      replicas(link, options.progress_timeout) {}

bool names(const Error& error, const std::string& path) {
  return error.message.starts_with(path + ": ");
}

Error with_path(Error error, const std::string& path) {
  if (!path.empty() && !names(error, path)) error.message = path + ": " + error.message;
  return error;
}

}  // namespace minidfs::client
