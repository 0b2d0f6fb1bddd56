#include "actors/control_scribe.hpp"

#include <sys/socket.h>

#include <atomic>
#include <caf/policy/tcp.hpp>

#include "actors/tcp.hpp"
#include "base/log_limit.hpp"
#include "base/logging.hpp"

namespace minidfs::actors {
namespace {

using caf::io::network::rw_state;
using Clock = std::chrono::steady_clock;

// What CAF's buffer of a connection keeps between two frames.
constexpr std::size_t kKeptBytes = 4U << 10U;

// CAF numbers connections by their descriptors, and forgets a closed one only after a message to
// itself; a new connection that got the same descriptor in the meantime would be forgotten in its
// place. So these numbers are used once, and lie above any descriptor.
caf::io::connection_handle next_handle() {
  static std::atomic<std::int64_t> next{std::int64_t{1} << 40};
  return caf::io::connection_handle::from_int(next++);
}

// The stream notices it like any other end of the connection.
void shut_down(int fd) { ::shutdown(fd, SHUT_RDWR); }

}  // namespace

GuardedTcp::GuardedTcp(int socket, BaspGuard::Side side, ProcessId peer, const BaspLimits& limits,
                       std::shared_ptr<FrameMemory> memory, std::shared_ptr<Traffic> traffic,
                       std::shared_ptr<UnsentMemory::Share> unsent)
    : guard_(side, peer, limits, std::move(memory), [socket] { shut_down(socket); }),
      traffic_(std::move(traffic)),
      unsent_(std::move(unsent)) {}

rw_state GuardedTcp::read_some(std::size_t& result, int fd, void* buffer, std::size_t size) {
  result = 0;
  if (!guard_.ready()) {
    const auto state = receive(fd);
    if (state != rw_state::success) return state;
  }
  if (guard_.ready()) result = guard_.give({static_cast<char*>(buffer), size});
  return rw_state::success;
}

// Until a frame is whole or nothing more stands in the kernel.
rw_state GuardedTcp::receive(int fd) {
  while (!guard_.ready()) {
    const auto room = guard_.room();
    std::size_t count = 0;
    auto state = rw_state::failure;
    if (!room.empty()) state = caf::policy::tcp::read_some(count, fd, room.data(), room.size());
    if (state == rw_state::success && count == 0) return state;
    const auto now = Clock::now();
    if (state == rw_state::success && !guard_.received(count, now)) state = rw_state::failure;
    if (state != rw_state::success) {
      tell_refusal(fd);
      return state;
    }
    traffic_->note(now);
  }
  return rw_state::success;
}

void GuardedTcp::tell_refusal(int fd) {
  static LogLimit limit;
  if (guard_.refusal().empty() || !limit.allow()) return;
  log_warn("control", "the connection of {} is closed: {}", peer_text(fd), guard_.refusal());
}

rw_state GuardedTcp::write_some(std::size_t& result, int fd, const void* buffer, std::size_t size) {
  const auto state = caf::policy::tcp::write_some(result, fd, buffer, size);
  if (state == rw_state::success && result > 0) {
    traffic_->note();
    unsent_->sending(size, result);
  }
  return state;
}

ControlScribe::ControlScribe(caf::io::network::default_multiplexer& multiplexer, UniqueFd fd,
                             ConnectionRegistry::Slot slot, BaspGuard::Side side,
                             const ControlMemory& memory, std::uint64_t published)
    : scribe(next_handle()),
      unsent_(std::make_shared<UnsentMemory::Share>(memory.unsent,
                                                    [socket = fd.get()] { shut_down(socket); })),
      stream_(multiplexer, fd.get(), fd.get(), side, slot.link().peer,
              BaspLimits{.published = published}, memory.frames, slot.traffic(), unsent_),
      slot_(std::move(slot)) {
  fd.release();
}

// The first call is the broker's sign that it is ready for data.
void ControlScribe::configure_read(caf::io::receive_policy::config config) {
  stream_.configure_read(config);
  if (launched_) return;
  launched_ = true;
  stream_.start(this);
}

void ControlScribe::ack_writes(bool enable) { stream_.ack_writes(enable); }

std::vector<char>& ControlScribe::wr_buf() { return stream_.wr_buf(); }

std::vector<char>& ControlScribe::rd_buf() { return stream_.rd_buf(); }

void ControlScribe::graceful_shutdown() {
  stream_.graceful_shutdown();
  detach(&stream_.backend(), false);
}

void ControlScribe::flush() {
  unsent_->queued(stream_.wr_buf().size());
  stream_.flush(this);
}

// CAF's buffer keeps the size of the largest payload; frames that are not whole yet are the
// guard's.
bool ControlScribe::consume(caf::execution_unit* context, const void* data, std::size_t bytes) {
  const bool goes_on = scribe::consume(context, data, bytes);
  if (auto& buffer = stream_.rd_buf(); buffer.capacity() > kKeptBytes) {
    std::vector<char>().swap(buffer);
  }
  return goes_on;
}

std::string ControlScribe::addr() const {
  auto address = caf::io::network::remote_addr_of_fd(stream_.fd());
  return address ? std::move(*address) : std::string();
}

std::uint16_t ControlScribe::port() const {
  const auto number = caf::io::network::remote_port_of_fd(stream_.fd());
  return number ? *number : std::uint16_t{0};
}

void ControlScribe::add_to_loop() { stream_.activate(this); }

void ControlScribe::remove_from_loop() { stream_.passivate(); }

}  // namespace minidfs::actors
