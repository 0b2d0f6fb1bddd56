// Takes the frames of one admitted connection in ahead of CAF's parser, and hands them on only when
// they are whole: CAF takes the memory of a payload as soon as it has seen the header. Refuses
// those that would make CAF dereference nothing or act for another process than was admitted, those
// for actors that are not the peer's affair, and those that take too much memory or time. Of
// payloads it looks at the node id of a handshake only. A value of its event loop's thread.
//
// A BASP frame of CAF 0.17 (caf/io/basp/header.hpp) is a header of 32 bytes, big-endian: operation
// u8, padding u8 u8, flags u8, payload length u32, operation data u64, source actor u64,
// destination actor u64; then the payload. That of a handshake begins with the sender's node id
// (caf/node_id.hpp): its kind u64, process number u32, host id of 20 bytes, which begin with our
// process id.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "actors/admission_format.hpp"
#include "actors/frame_memory.hpp"

namespace minidfs::actors {

struct BaspLimits {
  std::uint32_t payload_bytes_max = 16U << 20U;
  // From a frame's first byte to its last.
  std::chrono::milliseconds frame_time_max{60'000};
  // Number of the actor that the peer may send to; 0: to any. Those that were made after it are
  // reached as well: CAF's own for this peer.
  std::uint64_t published = 0;
};

// What the unfinished frames of all connections of an event loop may hold together.
inline constexpr std::size_t kFrameMemoryBytes = 256U << 20U;
// Of each connection's frame so much is free.
inline constexpr std::size_t kUnchargedBytes = 4U << 10U;

class BaspGuard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kHeaderBytes = 32;

  // Who reads these bytes: the side that listens or the side that connected.
  enum class Side : std::uint8_t { kListening, kConnecting };

  // `peer`: the process that was admitted. `evicted` is called when the present frame has to give
  // way to those of other connections.
  BaspGuard(Side side, ProcessId peer, const BaspLimits& limits,
            std::shared_ptr<FrameMemory> memory, std::function<void()> evicted);
  BaspGuard(const BaspGuard&) = delete;
  BaspGuard& operator=(const BaspGuard&) = delete;

  // Where the next bytes from the socket go; empty when the connection must be closed.
  // REQUIRES: !ready().
  std::span<char> room();
  // So many bytes have arrived there. False: the connection must be closed.
  bool received(std::size_t bytes, TimePoint now);

  // A whole frame is there, or what is left of one.
  bool ready() const { return given_ < whole_; }
  // Copies the next bytes of it, as many as fit; no more than one of its two parts at a time.
  std::size_t give(std::span<char> to);

  // Why the connection must be closed; empty when it need not be.
  std::string_view refusal() const { return refusal_; }

 private:
  bool refuse(std::string_view reason);
  bool accept_header();
  bool accept_greeting();
  bool reaches_published() const;
  bool is_expected(std::uint8_t operation, std::uint32_t payload_bytes);
  void begin_frame();

  const Side side_;
  const ProcessId peer_;
  const BaspLimits limits_;
  FrameMemory::Share share_;
  const std::function<void()> evicted_;
  std::array<char, kHeaderBytes> header_{};
  std::vector<char> payload_;      // As large as what has arrived needs, at least.
  std::size_t payload_bytes_ = 0;  // As announced.
  std::size_t filled_ = 0;         // Bytes of the frame, header included, that have arrived.
  std::size_t whole_ = 0;          // Its size when it is whole, otherwise 0.
  std::size_t given_ = 0;          // Bytes of it that were handed on.
  TimePoint began_{};
  std::uint64_t greeting_ = 0;  // Of the peer's handshake, a checksum that is not 0; 0: none yet.
  std::string_view refusal_;
};

}  // namespace minidfs::actors
