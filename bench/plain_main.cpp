// The machine's own limit for the data plane's work, in plain sockets and files, with none of what
// makes a file system: no namenode, no acknowledgements but one at the end, no recovery.
//
//   bench_plain node --port P [--next P2] --directory D [--fdatasync]  serves until it is killed
//   bench_plain put --port P --file F [--id N] [--connections N]      sends F, waits for the ack
//   bench_plain get --port P --bytes B [--id N] [--connections N]      reads B bytes, drops them
//
// A node checksums what it receives (XXH3-64 for each 64 KiB), writes it to new files in D (one for
// each connection's part, named by id and offset) and forwards it. The putting side uses sendfile,
// and so does the node that is read from.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxopts.hpp>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/checksum.hpp"

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::size_t kSliceBytes = 64 * 1024;

struct Request {
  std::uint64_t put = 0;  // 1: bytes follow; 0: bytes are wanted.
  std::uint64_t id = 0;   // Names the file together with the offset.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct NodeOptions {
  std::uint16_t port = 0;
  std::uint16_t next = 0;
  std::string directory;
  bool fdatasync = false;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

void send_all(int fd, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = ::send(fd, bytes, size, MSG_NOSIGNAL);
    if (count <= 0) die("send");
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

void receive_all(int fd, void* data, std::size_t size) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t count = ::recv(fd, bytes, size, 0);
    if (count <= 0) die("recv");
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

void send_file(int socket, int file, std::uint64_t offset, std::uint64_t length) {
  auto position = static_cast<off_t>(offset);
  while (length > 0) {
    const ssize_t count =
        ::sendfile(socket, file, &position, std::min<std::uint64_t>(length, 1 << 20));
    if (count <= 0) die("sendfile");
    length -= static_cast<std::uint64_t>(count);
  }
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto address = loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

minidfs::Checksum checksum_slices(std::span<const std::byte> bytes) {
  minidfs::Checksum sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += kSliceBytes) {
    sum ^= minidfs::checksum(bytes.subspan(i, std::min(kSliceBytes, bytes.size() - i)));
  }
  return sum;
}

void take_put(int socket, int file, const Request& request, const NodeOptions& options) {
  const int next = options.next != 0 ? connect_to(options.next) : -1;
  if (next >= 0) send_all(next, &request, sizeof request);
  std::vector<std::byte> buffer(kChunkBytes);
  minidfs::Checksum sum = 0;
  std::uint64_t done = 0;
  while (done < request.length) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(request.length - done, buffer.size()));
    receive_all(socket, buffer.data(), want);
    const std::span bytes(buffer.data(), want);
    sum ^= checksum_slices(bytes);
    if (::pwrite(file, buffer.data(), want, static_cast<off_t>(done)) !=
        static_cast<ssize_t>(want)) {
      die("pwrite");
    }
    if (next >= 0) send_all(next, buffer.data(), want);
    done += want;
  }
  if (options.fdatasync && ::fdatasync(file) != 0) die("fdatasync");
  if (next >= 0) {
    minidfs::Checksum theirs = 0;
    receive_all(next, &theirs, sizeof theirs);
    ::close(next);
  }
  send_all(socket, &sum, sizeof sum);
}

void serve_connection(int socket, const NodeOptions& options) {
  Request request;
  receive_all(socket, &request, sizeof request);
  const std::string path =
      options.directory + "/" + std::to_string(request.id) + "." + std::to_string(request.offset);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) die(path.c_str());
  if (request.put != 0) {
    take_put(socket, file, request, options);
  } else {
    send_file(socket, file, 0, request.length);
  }
  ::close(file);
  ::close(socket);
}

[[noreturn]] void run_node(const NodeOptions& options) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto address = loopback(options.port);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("bind");
  if (::listen(listener, 64) != 0) die("listen");
  for (;;) {
    const int socket = ::accept(listener, nullptr, nullptr);
    if (socket < 0) die("accept");
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread(serve_connection, socket, options).detach();
  }
}

// Runs `work(offset, length)` for `connections` equal parts, each on a thread.
template <class Work>
void in_parts(std::uint64_t total, unsigned connections, Work work) {
  std::vector<std::thread> threads;
  const std::uint64_t part = (total + connections - 1) / connections;
  for (std::uint64_t offset = 0; offset < total; offset += part) {
    threads.emplace_back(work, offset, std::min(part, total - offset));
  }
  for (auto& thread : threads) thread.join();
}

void put_part(std::uint16_t port, const std::string& path, std::uint64_t id, std::uint64_t offset,
              std::uint64_t length) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) die(path.c_str());
  const int socket = connect_to(port);
  const Request request{1, id, offset, length};
  send_all(socket, &request, sizeof request);
  send_file(socket, file, offset, length);
  minidfs::Checksum sum = 0;
  receive_all(socket, &sum, sizeof sum);
  ::close(socket);
  ::close(file);
}

void get_part(std::uint16_t port, std::uint64_t id, std::uint64_t offset, std::uint64_t length) {
  const int socket = connect_to(port);
  const Request request{0, id, offset, length};
  send_all(socket, &request, sizeof request);
  std::vector<std::byte> buffer(kChunkBytes);
  for (std::uint64_t done = 0; done < length;) {
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count <= 0) die("recv");
    done += static_cast<std::uint64_t>(count);
  }
  ::close(socket);
}

int run(const cxxopts::ParseResult& flags) {
  const auto verb = flags["verb"].as<std::string>();
  const auto port = flags["port"].as<std::uint16_t>();
  const auto connections = flags["connections"].as<unsigned>();
  const auto id = flags["id"].as<std::uint64_t>();
  if (verb == "node") {
    run_node({port, flags["next"].as<std::uint16_t>(), flags["directory"].as<std::string>(),
              flags["fdatasync"].as<bool>()});
  }
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t bytes = 0;
  if (verb == "put") {
    const auto path = flags["file"].as<std::string>();
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) die(path.c_str());
    bytes = static_cast<std::uint64_t>(status.st_size);
    in_parts(bytes, connections, [&](std::uint64_t offset, std::uint64_t length) {
      put_part(port, path, id, offset, length);
    });
  } else if (verb == "get") {
    bytes = flags["bytes"].as<std::uint64_t>();
    in_parts(bytes, connections, [&](std::uint64_t offset, std::uint64_t length) {
      get_part(port, id, offset, length);
    });
  } else {
    std::fprintf(stderr, "bench_plain: unknown verb %s\n", verb.c_str());
    return 2;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%.4f\n", elapsed.count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  cxxopts::Options options("bench_plain", "The machine's own limit, in plain sockets and files");
  options.add_options()("verb", "node, put or get", cxxopts::value<std::string>())(
      "port", "Port to serve or to connect to", cxxopts::value<std::uint16_t>())(
      "next", "Port of the next node", cxxopts::value<std::uint16_t>()->default_value("0"))(
      "directory", "Where a node writes", cxxopts::value<std::string>()->default_value("."))(
      "id", "Names the transferred file", cxxopts::value<std::uint64_t>()->default_value("0"))(
      "file", "File to send", cxxopts::value<std::string>()->default_value(""))(
      "bytes", "Bytes to read", cxxopts::value<std::uint64_t>()->default_value("0"))(
      "connections", "Parallel connections", cxxopts::value<unsigned>()->default_value("1"))(
      "fdatasync", "Sync before the acknowledgement");
  options.parse_positional({"verb"});
  try {
    return run(options.parse(argc, argv));
  } catch (const cxxopts::exceptions::exception& error) {
    std::fprintf(stderr, "bench_plain: %s\n", error.what());
    return 2;
  }
}
