#include "unit/actors/admission_peers.hpp"

#include <array>
#include <catch2/catch.hpp>

#include "actors/tcp.hpp"
#include "net/dial.hpp"

namespace minidfs::actors::test {
namespace {

Deadline patience() { return std::chrono::steady_clock::now() + kPatience; }

}  // namespace

UniqueFd connect_raw(std::uint16_t port) {
  auto fd = net::dial({"127.0.0.1", port}, patience());
  REQUIRE(fd.ok());
  return std::move(fd).value();
}

// The other side may close in the middle, which is what some tests are about.
void send_bytes(const UniqueFd& fd, std::span<const std::byte> bytes) {
  const auto status = send_all(fd.get(), bytes, patience());
  if (!status.ok()) REQUIRE(status.error().code == Errc::kUnavailable);
}

void send_text(const UniqueFd& fd, std::string_view text) {
  send_bytes(fd, std::as_bytes(std::span(text)));
}

bool closed_by_peer(const UniqueFd& fd) {
  std::byte byte;
  Status status;
  do {
    status = receive_all(fd.get(), {&byte, 1}, patience());
  } while (status.ok());
  return status.error().code == Errc::kUnavailable;
}

Result<Reply> receive_reply(const UniqueFd& fd) {
  std::array<std::byte, kReplyBytes> frame;
  MDFS_CHECK(receive_all(fd.get(), frame, patience()));
  return decode_reply(frame);
}

UniqueFd admitted_raw(std::uint16_t port, ProcessId process) {
  auto fd = connect_raw(port);
  send_bytes(fd, encode_hello({auth::Role::kClient, {}, process}));
  const auto reply = receive_reply(fd);
  REQUIRE(reply.ok());
  REQUIRE(reply->accepted);
  send_bytes(fd, encode_confirmation(Confirmation::kAdd));
  return fd;
}

std::unique_ptr<ControlListener> open_listener(AdmissionOptions options) {
  options.cluster = kCluster;
  if (options.process.is_none()) options.process = kServer;
  auto listener = ControlListener::open(options);
  REQUIRE(listener.ok());
  return std::move(listener).value();
}

std::uint16_t unused_port() { return open_listener()->port(); }

}  // namespace minidfs::actors::test
