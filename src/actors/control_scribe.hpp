// CAF's end of an admitted connection: a scribe like caf::io::network::scribe_impl, with a guard
// between the socket and the parser, and a bound on what waits for a peer that does not read.
// Owned by CAF's BASP broker; used only on the multiplexer's thread.
#pragma once

#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream_impl.hpp>
#include <caf/io/scribe.hpp>

#include "actors/admission.hpp"
#include "actors/basp_guard.hpp"
#include "actors/unsent_memory.hpp"

namespace minidfs::actors {

// Of the connections of one multiplexer. Values of its thread.
struct ControlMemory {
  std::shared_ptr<FrameMemory> frames = std::make_shared<FrameMemory>(kFrameMemoryBytes);
  std::shared_ptr<UnsentMemory> unsent = std::make_shared<UnsentMemory>(kUnsentMemoryBytes);
};

// caf::policy::tcp with the guard. The stream asks for a header, then for its payload, and gets
// both when the frame is whole.
class GuardedTcp {
 public:
  // `socket` is the connection's, `peer` the process at its other end.
  GuardedTcp(int socket, BaspGuard::Side side, ProcessId peer, const BaspLimits& limits,
             std::shared_ptr<FrameMemory> memory, std::shared_ptr<Traffic> traffic,
             std::shared_ptr<UnsentMemory::Share> unsent);

  caf::io::network::rw_state read_some(std::size_t& result, int fd, void* buffer, std::size_t size);
  caf::io::network::rw_state write_some(std::size_t& result, int fd, const void* buffer,
                                        std::size_t size);
  // What the guard holds back does not make the socket readable again.
  bool must_read_more(int, std::size_t) const { return guard_.ready(); }

 private:
  caf::io::network::rw_state receive(int fd);
  void tell_refusal(int fd);

  BaspGuard guard_;
  const std::shared_ptr<Traffic> traffic_;
  const std::shared_ptr<UnsentMemory::Share> unsent_;
};

class ControlScribe final : public caf::io::scribe {
 public:
  // Takes the socket over. `slot` ends with the scribe, before the socket is closed. `published`:
  // see BaspLimits.
  ControlScribe(caf::io::network::default_multiplexer& multiplexer, UniqueFd fd,
                ConnectionRegistry::Slot slot, BaspGuard::Side side, const ControlMemory& memory,
                std::uint64_t published = 0);

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
  bool consume(caf::execution_unit* context, const void* data, std::size_t bytes) override;

 private:
  bool launched_ = false;
  const std::shared_ptr<UnsentMemory::Share> unsent_;
  caf::io::network::stream_impl<GuardedTcp> stream_;
  ConnectionRegistry::Slot slot_;
};

}  // namespace minidfs::actors
