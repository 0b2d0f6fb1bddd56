#include "transfer/block_pipeline.hpp"
// The above comes first: see net/asio.hpp.
#include <utility>

#include "base/machine_name.hpp"
#include "client/async/small_uploads.hpp"
#include "client/client_context.hpp"

namespace minidfs::client {
namespace {

constexpr std::size_t kIdlePipelinesMax = 8;

}  // namespace

ClientContext::ClientContext(Options client_options)
    : options(std::move(client_options)),
      host(options.datanode ? to_string(*options.datanode) : machine_name()),
      idle_pipelines(kIdlePipelinesMax),
      replicas(link, options.progress_timeout),
      small_uploads(std::make_shared<SmallUploads>(*this)),
      link({options.namenodes, options.connect_timeout, options.timeout, options.stale,
            options.credentials, options.local}) {}

Result<std::unique_ptr<ClientContext>> ClientContext::make(Options options) {
  if (options.namenodes.empty()) {
    return Error{Errc::kInvalidArgument, "no address of a namenode was given"};
  }
  return std::make_unique<ClientContext>(std::move(options));
}

ClientContext::~ClientContext() = default;

bool names(const Error& error, const std::string& path) {
  return error.message.starts_with(path + ": ");
}

Error with_path(Error error, const std::string& path) {
  if (!path.empty() && !names(error, path)) error.message = path + ": " + error.message;
  return error;
}

}  // namespace minidfs::client
