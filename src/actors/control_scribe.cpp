#include "actors/control_scribe.hpp"

#include <sys/socket.h>

#include <atomic>
#include <caf/policy/tcp.hpp>

namespace minidfs::actors {
namespace {

using caf::io::network::rw_state;

// A peer that asks and asks and never reads the answers is cut off at this point.
constexpr std::size_t kUnsentBytesMax = 64U << 20U;

// CAF numbers connections by their descriptors, and forgets a closed one only after a message to
// itself; a new connection that got the same descriptor in the meantime would be forgotten in its
// place. So these numbers are used once, and lie above any descriptor.
caf::io::connection_handle next_handle() {
  static std::atomic<std::int64_t> next{std::int64_t{1} << 40};
  return caf::io::connection_handle::from_int(next++);
}

std::shared_ptr<BaspBudget> process_budget() {
  static const auto budget = std::make_shared<BaspBudget>(0);
  return budget;
}

}  // namespace

rw_state GuardedTcp::read_some(std::size_t& result, int fd, void* buffer, std::size_t size) {
  const auto state = caf::policy::tcp::read_some(result, fd, buffer, size);
  if (state == rw_state::success && result > 0 &&
      !guard_.accept({static_cast<const char*>(buffer), result})) {
    return rw_state::failure;
  }
  return state;
}

rw_state GuardedTcp::write_some(std::size_t& result, int fd, const void* buffer, std::size_t size) {
  return caf::policy::tcp::write_some(result, fd, buffer, size);
}

ControlScribe::ControlScribe(caf::io::network::default_multiplexer& multiplexer, UniqueFd fd,
                             ConnectionRegistry::Slot slot, BaspGuard::Side side)
    : scribe(next_handle()),
      stream_(multiplexer, fd.release(), side, BaspLimits{}, process_budget()),
      slot_(std::move(slot)) {}

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
  // The stream notices the shutdown like any other end of the connection.
  if (stream_.wr_buf().size() > kUnsentBytesMax) ::shutdown(stream_.fd(), SHUT_RDWR);
  stream_.flush(this);
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
