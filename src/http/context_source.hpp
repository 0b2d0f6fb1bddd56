// The client library of a server, made when it is first needed: a process that has just begun to
// serve, and whose namenodes perhaps do not answer yet, makes no connections before.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "client/client_context.hpp"

namespace minidfs::http {

// Thread-safe. Outlives the server whose handlers use it.
class ContextSource {
 public:
  explicit ContextSource(client::Options options) : options_(std::move(options)) {}

  client::ClientContext& get() {
    std::call_once(made_, [this] { context_ = std::make_unique<client::ClientContext>(options_); });
    return *context_;
  }

 private:
  const client::Options options_;
  std::once_flag made_;
  std::unique_ptr<client::ClientContext> context_;
};

}  // namespace minidfs::http
