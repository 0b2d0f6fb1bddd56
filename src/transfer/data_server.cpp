#include "transfer/data_server.hpp"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <thread>

#include "net/listen.hpp"
#include "transfer/local_pipeline_writer.hpp"
#include "transfer/server_loop.hpp"

namespace minidfs::transfer {
namespace {

// How long accepting pauses when the process has no more file descriptors, or when so many sockets
// wait for loops that are busy.
constexpr std::chrono::milliseconds kAcceptPause{50};
constexpr std::uint32_t kAcceptedMax = 64;

class DataServerImpl final : public DataServer, public PipelineLeader {
 public:
  DataServerImpl(const DataServerOptions& options, storage::BlockStore& store,
                 DataServerEvents& events);
  ~DataServerImpl() override;

  Status listen();
  void run();
  std::uint16_t port() const override { return port_; }
  DataServerLoad load() const override;
  PipelineLeader& leader() override { return *this; }
  std::unique_ptr<BlockPipeline> lead_pipeline(const asio::any_io_executor& executor,
                                               std::vector<metadata::Endpoint> targets,
                                               const ConnectionOptions& options) override {
    return std::make_unique<LocalPipelineWriter>(context_, executor, std::move(targets), options);
  }

 private:
  // One address that is listened on. Lives on the first loop.
  struct Door {
    explicit Door(asio::io_context& io) : acceptor(io), pause(io) {}
    tcp::acceptor acceptor;
    asio::steady_timer pause;
  };

  void accept(Door& door);
  ServerLoop& next_loop() { return *loops_[next_++ % loops_.size()]; }

  ServerContext context_;
  std::vector<std::shared_ptr<ServerLoop>> loops_;
  std::vector<std::thread> threads_;
  std::vector<std::unique_ptr<Door>> doors_;
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
    : context_(options, store, events), loops_(make_loops(context_)) {}

Status DataServerImpl::listen() {
  const auto& at = context_.options.listen;
  MDFS_TRY(auto listening,
           net::listen_on({at.host, at.port}, Clock::now() + context_.options.handshake_timeout));
  port_ = listening.port;
  for (auto& fd : listening.sockets) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    auto& door = doors_.emplace_back(std::make_unique<Door>(loops_.front()->io()));
    boost::system::error_code error;
    door->acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd.get(), error);
    if (error) return errno_error(error.value(), "cannot listen on " + metadata::to_string(at));
    fd.release();
  }
  return {};
}

void DataServerImpl::run() {
  for (const auto& door : doors_) accept(*door);
  for (const auto& loop : loops_) {
    threads_.emplace_back([loop] { loop->run(); });
  }
}

DataServerImpl::~DataServerImpl() {
  asio::post(loops_.front()->io(), [this] {
    for (const auto& door : doors_) {
      boost::system::error_code ignored;
      door->acceptor.close(ignored);
      door->pause.cancel();
    }
  });
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  context_.memory->close();
}

void DataServerImpl::accept(Door& door) {
  ServerLoop& loop = next_loop();
  door.acceptor.async_accept(
      loop.io(), [this, &door, &loop](const boost::system::error_code& error, tcp::socket socket) {
        if (!error) loop.adopt(std::move(socket));
        if (!door.acceptor.is_open()) return;
        const bool ordinary = !error || error == asio::error::connection_aborted;
        if (ordinary && context_.accepted.load(std::memory_order_relaxed) < kAcceptedMax) {
          accept(door);
          return;
        }
        if (!ordinary) {
          for (const auto& each : loops_) each->give_way();
        }
        door.pause.expires_after(kAcceptPause);
        door.pause.async_wait([this, &door](const boost::system::error_code& cancelled) {
          if (!cancelled && door.acceptor.is_open()) accept(door);
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
