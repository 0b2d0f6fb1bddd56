#include "client/client_context.hpp"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <chrono>

namespace minidfs::client {
namespace {

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

ClientContext::ClientContext(Options client_options)
    : options(std::move(client_options)),
      host(host_name()),
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
