#include "http/server.hpp"

#include <sys/socket.h>

#include <thread>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "http/server_loop.hpp"
#include "net/listen.hpp"

namespace minidfs::http {
namespace {

// How long accepting pauses when the process has no more file descriptors, or when so many sockets
// wait for loops that are busy.
constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr std::uint32_t kAcceptedMax = 64;
constexpr std::chrono::milliseconds kLookUpTime{5000};

class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Routes routes) : context_{options, std::move(routes)} {
    do {
      loops_.push_back(std::make_unique<ServerLoop>(context_));
    } while (loops_.size() < options.threads);
  }

  ~ServerImpl() override {
    for (const auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    doors_.clear();
  }

  Status listen() {
    const auto& options = context_.options;
    MDFS_TRY(auto listening,
             net::listen_on({options.host, options.port}, Clock::now() + kLookUpTime));
    port_ = listening.port;
    for (auto& fd : listening.sockets) {
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
      auto& door = doors_.emplace_back(std::make_unique<Door>(loops_.front()->io()));
      boost::system::error_code error;
      door->acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.get(), error);
      if (error) {
        return errno_error(error.value(),
                           "cannot listen on " + format_host_port(options.host, options.port));
      }
      fd.release();
    }
    return {};
  }

  void run() {
    for (const auto& door : doors_) accept(*door);
    for (const auto& loop : loops_) {
      threads_.emplace_back([&loop] { loop->run(); });
    }
  }

  std::uint16_t port() const override { return port_; }

 private:
  // One address that is listened on. Lives on the first loop.
  struct Door {
    explicit Door(asio::io_context& io) : acceptor(io), pause(io) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  void accept(Door& door) {
    auto& loop = *loops_[next_++ % loops_.size()];
    door.acceptor.async_accept(
        loop.io(),
        [this, &door, &loop](const boost::system::error_code& error, tcp::socket socket) {
          if (!error) loop.adopt(std::move(socket));
          const bool ordinary = !error || error == asio::error::connection_aborted;
          if (ordinary && context_.accepted.load(std::memory_order_relaxed) < kAcceptedMax) {
            return accept(door);
          }
          if (!ordinary) {
            for (const auto& each : loops_) each->give_way();
          }
          door.pause.expires_after(kAcceptPause);
          door.pause.async_wait([this, &door](const boost::system::error_code& cancelled) {
            if (!cancelled) accept(door);
          });
        });
  }

  ServerContext context_;
  std::vector<std::unique_ptr<ServerLoop>> loops_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::size_t next_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Routes routes) {
  auto server = std::make_unique<ServerImpl>(options, std::move(routes));
  MDFS_CHECK(server->listen());
  server->run();
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace minidfs::http
