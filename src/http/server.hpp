// The HTTP server of every role: accepts connections and hands their requests to the handlers of
// its routes. Runs on its own threads (Asio), with a bound on connections, headers and every wait.
// What a client sends is never trusted: garbage is answered once or closes only its connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "http/routes.hpp"

namespace minidfs::http {

class Traffic;

struct ServerOptions {
  std::string host;        // "" for every address; see net::listen_on().
  std::uint16_t port = 0;  // 0: any free one.
  unsigned threads = 2;
  std::size_t connections_max = 16'384;        // The one that is idle longest gives way.
  std::size_t connections_of_address = 4'096;  // But of loopback.
  std::size_t header_bytes_max = 64 << 10;
  std::chrono::milliseconds idle_timeout{60'000};      // Between two requests.
  std::chrono::milliseconds header_timeout{10'000};    // For a whole header.
  std::chrono::milliseconds progress_timeout{30'000};  // Of a body, either way.
  Traffic* traffic = nullptr;  // Where the server counts what it does; outlives it.
};

class Server {
 public:
  // Errors: kInUse or others for the listening address, with the address in the message.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Routes routes);
  // Closes every connection and joins the threads.
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace minidfs::http
