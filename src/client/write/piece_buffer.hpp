// Bytes that one coroutine brings in pieces and another one takes, both on one loop: what comes
// over a connection on its way into blocks. Holds no more than it is made for; each side waits for
// the other, for as long as that takes, unless the waits are ended.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "net/asio.hpp"
// The above comes first: see there.
#include "base/result.hpp"
#include "client/file_system.hpp"

namespace minidfs::client {

class PieceBuffer final : public Source {
 public:
  PieceBuffer(const asio::any_io_executor& executor, std::size_t bytes_max);

  // Takes as many of the bytes as there is room for, and says how many.
  std::size_t put(std::span<const std::byte> bytes);
  // Nothing follows.
  void end();

  // Whether so many bytes can be read at once, or all that are left. REQUIRES: they fit in here.
  bool holds(std::size_t bytes) const { return ended_ || size() >= bytes; }
  // REQUIRES: holds(buffer.size()).
  Result<std::size_t> read(std::span<std::byte> buffer) override;

  // Until there may be so many bytes, or any room.
  asio::awaitable<void> wait_for(std::size_t bytes);
  asio::awaitable<void> wait_for_room();
  // Both of them.
  void end_waits();

 private:
  std::size_t size() const { return bytes_.size() - begin_; }

  const std::size_t bytes_max_;
  std::vector<std::byte> bytes_;
  std::size_t begin_ = 0;  // Of what was not read.
  bool ended_ = false;
  std::size_t wanted_ = 0;    // Whoever waits for bytes is woken when so many are here.
  asio::steady_timer taker_;  // These never expire.
  asio::steady_timer bringer_;
};

}  // namespace minidfs::client
