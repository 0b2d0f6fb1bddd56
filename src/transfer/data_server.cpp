#include "transfer/data_server.hpp"

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <thread>

#include "transfer/server_loop.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

// How long accepting pauses when the process has no more file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{50};

// sendfile() has no flag that keeps it from raising SIGPIPE when the peer has gone. On a thread
// that blocks the signal the call fails with EPIPE instead.
void ignore_broken_pipes() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

class DataServerImpl final : public DataServer {
 public:
  DataServerImpl(const DataServerOptions& options, storage::BlockStore& store,
                 DataServerEvents& events);
  ~DataServerImpl() override;

  Status listen();
  void run();
  std::uint16_t port() const override { return port_; }
  DataServerLoad load() const override;

 private:
  void accept();
  ServerLoop& next_loop() { return *loops_[next_++ % loops_.size()]; }

  ServerContext context_;
  std::vector<std::shared_ptr<ServerLoop>> loops_;
  std::vector<std::thread> threads_;
  tcp::acceptor acceptor_;  // Lives on the first loop.
  asio::steady_timer pause_;
  std::size_t next_ = 0;
  std::uint16_t port_ = 0;
};

std::vector<std::shared_ptr<ServerLoop>> make_loops(ServerContext& context) {
  std::vector<std::shared_ptr<ServerLoop>> loops;
  do {
    loops.push_back(std::make_shared<ServerLoop>(context));
  } while (loops.size() < context.options.threads);
  return loops;
}

DataServerImpl::DataServerImpl(const DataServerOptions& options, storage::BlockStore& store,
                               DataServerEvents& events)
    : context_(options, store, events),
      loops_(make_loops(context_)),
      acceptor_(loops_.front()->io()),
      pause_(loops_.front()->io()) {}

Status DataServerImpl::listen() {
  const auto& at = context_.options.listen;
  const std::string name = metadata::to_string(at);
  boost::system::error_code error;
  tcp::resolver resolver(loops_.front()->io());
  const auto found =
      resolver.resolve(at.host, std::to_string(at.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return Error{Errc::kInvalidArgument, "cannot listen on " + name + ": " + error.message()};
  }
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(SOMAXCONN, error);
  if (error) return errno_error(error.value(), "cannot listen on " + name);
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void DataServerImpl::run() {
  accept();
  for (const auto& loop : loops_) {
    threads_.emplace_back([loop] {
      ignore_broken_pipes();
      loop->run();
    });
  }
}

DataServerImpl::~DataServerImpl() {
  asio::post(loops_.front()->io(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  context_.memory->close();
}

void DataServerImpl::accept() {
  ServerLoop& loop = next_loop();
  acceptor_.async_accept(loop.io(), [this, &loop](const boost::system::error_code& error,
                                                  tcp::socket socket) {
    if (!error &&
        context_.connections.load(std::memory_order_relaxed) < context_.options.connections_max) {
      loop.adopt(std::move(socket));
    } else if (!error) {
      // Best effort: the peer learns why, unless its own bytes arrive before it reads this.
      std::string refusal;
      append_frame(refusal, FrameType::kFailure,
                   outcome_of(Error{Errc::kUnavailable, "too many connections"}));
      ::send(socket.native_handle(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (!acceptor_.is_open()) return;
    if (!error || error == asio::error::connection_aborted) {
      accept();
      return;
    }
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled && acceptor_.is_open()) accept();
    });
  });
}

DataServerLoad DataServerImpl::load() const {
  constexpr auto kOrder = std::memory_order_relaxed;
  return {.active_writes = context_.active_writes.load(kOrder),
          .active_reads = context_.active_reads.load(kOrder),
          .connections = context_.connections.load(kOrder),
          .bytes_received = context_.bytes_received.load(kOrder),
          .bytes_sent = context_.bytes_sent.load(kOrder),
          .receive_bytes = context_.memory->used_bytes()};
}

}  // namespace

Result<std::unique_ptr<DataServer>> DataServer::start(const DataServerOptions& options,
                                                      storage::BlockStore& store,
                                                      DataServerEvents& events) {
  auto server = std::make_unique<DataServerImpl>(options, store, events);
  MDFS_CHECK(server->listen());
  server->run();
  return std::unique_ptr<DataServer>(std::move(server));
}

}  // namespace minidfs::transfer
