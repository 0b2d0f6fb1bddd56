// Writers that hold a datanode's receive memory as long as they can: everybody else is served.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "cluster/besieged_cluster.hpp"
#include "cluster/hostile_peer.hpp"
#include "transfer/wire.hpp"

namespace minidfs::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;
using transfer::FrameType;

std::string open_pipeline(std::vector<metadata::Endpoint> further) {
  std::string out;
  transfer::append_frame(out, FrameType::kOpenPipeline,
                         transfer::OpenPipeline{std::move(further), 0});
  return out;
}

std::string begin_block(std::uint64_t block) {
  std::string out;
  transfer::append_frame(out, FrameType::kBeginBlock, transfer::BeginBlock{BlockId{block}, 1, 0});
  return out;
}

// A frame whose slices have wrong checksums, so that no disk is written.
std::string slices_frame(std::size_t count) {
  const std::vector<storage::Slice> slices(count, {storage::kSliceBytes, storage::kSliceBytes, 1});
  std::string out;
  transfer::append_slices_head(out, FrameType::kWriteSlices, slices);
  out.append(count * storage::kSliceBytes, 'x');
  return out;
}

// Writers that send one endless block each, as fast as the nodes take it, from one thread.
class EndlessWriters {
 public:
  EndlessWriters() : frame_(slices_frame(8)) {}

  void add(std::uint16_t port, std::string start) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    Writer writer{UniqueFd(fd), std::move(start), 0};
    const int buffer = 128 * 1024;
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    sockaddr_in address = loopback(port);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    writers_.push_back(std::move(writer));
  }

  // For so long, or until so many bytes were taken; returns how many were.
  std::uint64_t run(milliseconds time, std::uint64_t enough) {
    const auto end = SteadyClock::now() + time;
    std::uint64_t taken = 0;
    while (taken < enough && SteadyClock::now() < end) {
      std::vector<pollfd> entries;
      for (const auto& writer : writers_) {
        entries.push_back({writer.fd.get(), POLLIN | POLLOUT, 0});
      }
      ::poll(entries.data(), entries.size(), 100);
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if ((entries[i].revents & (POLLIN | POLLHUP)) != 0) receive(entries[i].fd);
        if ((entries[i].revents & POLLOUT) != 0) taken += send(writers_[i]);
      }
    }
    return taken;
  }

 private:
  struct Writer {
    UniqueFd fd;
    std::string start;
    std::size_t sent;  // Of the start, then of the present frame.
  };

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static void receive(int fd) {
    char bytes[4096];
    while (::recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
  }
  std::uint64_t send(Writer& writer) {
    const std::string& from = writer.start.empty() ? frame_ : writer.start;
    const ssize_t count =
        ::send(writer.fd.get(), from.data() + writer.sent, from.size() - writer.sent, MSG_NOSIGNAL);
    if (count <= 0) return 0;
    writer.sent += static_cast<std::size_t>(count);
    if (writer.sent == from.size()) {
      writer.sent = 0;
      writer.start.clear();
    }
    return static_cast<std::uint64_t>(count);
  }

  const std::string frame_;
  std::vector<Writer> writers_;
};

}  // namespace

TEST_CASE("1,700 frames of which only a part was sent keep nobody from being served") {
  constexpr std::size_t kPeers = 1'700;
  const std::size_t allowed = connections_allowed(kPeers);
  BesiegedCluster cluster;
  const std::string frame = slices_frame(16);
  std::vector<HostilePeer> peers;
  for (std::size_t i = 0; i < std::min(allowed, kPeers); ++i) {
    peers.emplace_back(cluster.datanode_port());
    // Only the head, or some of the slices as well.
    peers.back().send(cluster.data_greeting() + open_pipeline({}) + begin_block((1ULL << 40) + i) +
                      frame.substr(0, i % 2 == 0 ? 272 : 100'000));
  }
  cluster.check_good_clients();
  cluster.check_memory();
}

TEST_CASE("writers in both directions between two nodes go on after the nodes were suspended") {
  constexpr std::size_t kWriters = 600;
  const std::size_t allowed = connections_allowed(4 * kWriters);
  TestCluster cluster({.datanodes = 2, .environment = {"MINIDFS_DATANODE_THREADS=1"}});
  REQUIRE(cluster.wait_for_live(2));
  const std::string greeting = data_greeting_of(cluster, 0);
  EndlessWriters writers;
  for (std::size_t i = 0; i < std::min(allowed / 4, kWriters); ++i) {
    const metadata::Endpoint next{"127.0.0.1", cluster.datanode_port(1 - i % 2)};
    writers.add(cluster.datanode_port(i % 2),
                greeting + open_pipeline({next}) + begin_block((1ULL << 40) + i));
  }
  writers.run(seconds(2), UINT64_MAX);
  for (std::size_t pause = 0; pause < 4; ++pause) {
    cluster.datanode(pause % 2).signal(SIGSTOP);
    writers.run(milliseconds(1200), UINT64_MAX);
    cluster.datanode(pause % 2).signal(SIGCONT);
    writers.run(milliseconds(500), UINT64_MAX);
  }
  // More than what all sockets on the way could still take.
  constexpr std::uint64_t kEnough = 1ULL << 30;
  CHECK(writers.run(seconds(60), kEnough) >= kEnough);
  const auto put = cluster.minidfs({"put", "--replication", "2", "-", "/x"}, "bytes");
  INFO(put.err);
  CHECK(put.exit_code == 0);
  CHECK(cluster.minidfs({"cat", "/x"}).out == "bytes");
}

}  // namespace minidfs::test
