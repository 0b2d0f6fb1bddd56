// A bare socket that speaks to a data server, or stands in for one: for the tests that do what no
// well-behaved peer does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <optional>

#include "transfer/wire.hpp"
#include "unit/transfer/fixture.hpp"

namespace minidfs::transfer {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class RawPeer {
 public:
  explicit RawPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = loopback(port);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  explicit RawPeer(UniqueFd fd) : fd_(std::move(fd)) {}

  // False when the peer has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // The type of the next frame, none at the end of the stream. Its control part is in control().
  std::optional<FrameType> next_frame() {
    in_.erase(0, consumed_);
    consumed_ = 0;
    for (;;) {
      auto parsed = parse_frame(std::as_bytes(std::span(in_)));
      REQUIRE(parsed.ok());
      if (parsed->has_value() && (*parsed)->complete()) {
        control_ = std::string((*parsed)->control);
        consumed_ = (*parsed)->total_bytes();
        return (*parsed)->type;
      }
      if (!receive()) return std::nullopt;
    }
  }
  const std::string& control() const { return control_; }

  // As next_frame(), and gives signs of life until it comes.
  std::optional<FrameType> next_frame_alive() {
    std::string alive;
    append_frame(alive, FrameType::kKeepAlive, KeepAlive());
    pollfd entry{fd_.get(), POLLIN, 0};
    while (in_.size() == consumed_ && ::poll(&entry, 1, 200) == 0) REQUIRE(send(alive));
    return next_frame();
  }

  // Reads until the peer closes; false when it does not within 20 s.
  bool wait_closed() {
    do {
      in_.clear();
    } while (receive());
    return ended_;
  }
  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  bool receive() {
    pollfd entry{fd_.get(), POLLIN, 0};
    if (::poll(&entry, 1, 20'000) <= 0) return false;
    char buffer[65536];
    const ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    ended_ = count <= 0;
    if (count > 0) in_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  UniqueFd fd_;
  std::string in_;
  std::string control_;
  std::size_t consumed_ = 0;
  bool ended_ = false;
};

// Listens and leaves the rest to the test: a node that accepts (by its kernel) and never answers.
class SilentListener {
 public:
  SilentListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = loopback(0);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_.get(), 16) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  metadata::Endpoint endpoint() const { return {"127.0.0.1", port_}; }
  RawPeer accept() {
    return RawPeer(UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

inline std::string hello_frame(ClusterId cluster = kCluster) {
  std::string out;
  append_frame(out, FrameType::kHello, Hello{.cluster = cluster});
  return out;
}

// All frames of one whole block, each by itself.
inline std::vector<std::string> block_frames(BlockId block, const std::string& bytes) {
  std::vector<std::string> frames(1);
  append_frame(frames.back(), FrameType::kBeginBlock, BeginBlock{block, kGeneration, 0});
  storage::SliceEncoder encoder({});
  encoder.begin_block(block, kGeneration);
  EndBlock end;
  for (std::size_t at = 0; at < bytes.size(); at += kFrameDataMax) {
    const auto raw = std::as_bytes(std::span(bytes)).subspan(at);
    const auto encoded = encoder.encode(raw.first(std::min(raw.size(), kFrameDataMax)));
    frames.emplace_back();
    append_slices_head(frames.back(), FrameType::kWriteSlices, encoded.slices);
    frames.back().append(reinterpret_cast<const char*>(encoded.stored.data()),
                         encoded.stored.size());
    end.slices += encoded.slices.size();
  }
  end.length = bytes.size();
  frames.emplace_back();
  append_frame(frames.back(), FrameType::kEndBlock, end);
  return frames;
}

inline std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all += part;
  return all;
}

inline std::string open_frame(std::vector<metadata::Endpoint> further = {}) {
  std::string out;
  append_frame(out, FrameType::kOpenPipeline, OpenPipeline{std::move(further), 0});
  return out;
}

}  // namespace minidfs::transfer
