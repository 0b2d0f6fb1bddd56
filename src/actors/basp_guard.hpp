// Follows the frames of one admitted connection ahead of CAF's parser and refuses those that would
// make it allocate without bound, dereference nothing, or act for a third process. Pure; sees every
// byte once, in order. It does not look into payloads.
//
// A BASP frame of CAF 0.17 (caf/io/basp/header.hpp) is a header of 32 bytes, big-endian: operation
// u8, padding u8 u8, flags u8, payload length u32, operation data u64, source actor u64,
// destination actor u64; then the payload.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace minidfs::actors {

struct BaspLimits {
  // CAF takes the memory for a payload as soon as it has read the header.
  std::uint32_t payload_bytes_max = 16U << 20U;
  // CAF's buffer of a connection keeps its largest size. What all connections of a process hold
  // beyond kUnchargedBytes each may not exceed this.
  std::size_t buffered_bytes_max = 256U << 20U;
};

inline constexpr std::size_t kUnchargedBytes = 64U << 10U;

// Shared by the connections of a process.
using BaspBudget = std::atomic<std::size_t>;

class BaspGuard {
 public:
  // Who reads these bytes: the side that listens or the side that connected.
  enum class Side : std::uint8_t { kListening, kConnecting };

  BaspGuard(Side side, const BaspLimits& limits, std::shared_ptr<BaspBudget> budget);
  BaspGuard(const BaspGuard&) = delete;
  BaspGuard& operator=(const BaspGuard&) = delete;
  ~BaspGuard();

  // False from the first frame on that is refused: the connection must be closed and the bytes must
  // not reach CAF.
  bool accept(std::span<const char> bytes);

 private:
  bool accept_header();
  bool is_expected(std::uint8_t operation, std::uint32_t payload_bytes);
  bool charge(std::size_t payload_bytes);

  const Side side_;
  const BaspLimits limits_;
  const std::shared_ptr<BaspBudget> budget_;
  std::array<char, 32> header_{};
  std::size_t header_filled_ = 0;
  std::size_t payload_left_ = 0;
  std::size_t charged_bytes_ = 0;
  bool greeted_ = false;  // The peer's handshake was seen.
  bool refused_ = false;
};

}  // namespace minidfs::actors
