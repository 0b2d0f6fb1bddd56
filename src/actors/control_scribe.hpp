// CAF's end of an admitted connection: a scribe like caf::io::network::scribe_impl, with a guard
// between the socket and the parser, and a bound on what waits for a peer that does not read.
// Owned by CAF's BASP broker; used only on the multiplexer's thread.
#pragma once

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/io/scribe.hpp>

#include "actors/admission.hpp"
#include "actors/basp_guard.hpp"

namespace minidfs::actors {

// caf::policy::tcp with the guard. The stream asks for a header, then for its payload, so that a
// refused header is noticed before CAF has acted on it.
class GuardedTcp {
 public:
  GuardedTcp(BaspGuard::Side side, const BaspLimits& limits, std::shared_ptr<BaspBudget> budget)
      : guard_(side, limits, std::move(budget)) {}

  caf::io::network::rw_state read_some(std::size_t& result, int fd, void* buffer, std::size_t size);
  caf::io::network::rw_state write_some(std::size_t& result, int fd, const void* buffer,
                                        std::size_t size);
  static constexpr bool must_read_more(int, std::size_t) { return false; }

 private:
  BaspGuard guard_;
};

class ControlScribe final : public caf::io::scribe {
 public:
  // Takes the socket over. `slot` ends with the scribe, before the socket is closed.
  ControlScribe(caf::io::network::default_multiplexer& multiplexer, UniqueFd fd,
                ConnectionRegistry::Slot slot, BaspGuard::Side side);

  void configure_read(caf::io::receive_policy::config config) override;
  void ack_writes(bool enable) override;
  std::vector<char>& wr_buf() override;
  std::vector<char>& rd_buf() override;
  void graceful_shutdown() override;
  void flush() override;
  std::string addr() const override;
  std::uint16_t port() const override;
  void add_to_loop() override;
  void remove_from_loop() override;

 private:
  bool launched_ = false;
  caf::io::network::stream_impl<GuardedTcp> stream_;
  ConnectionRegistry::Slot slot_;
};

}  // namespace minidfs::actors
