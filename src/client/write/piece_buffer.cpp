#include "client/write/piece_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "net/wait.hpp"

namespace minidfs::client {

PieceBuffer::PieceBuffer(const asio::any_io_executor& executor, std::size_t bytes_max)
    : bytes_max_(bytes_max),
      taker_(executor, std::chrono::steady_clock::time_point::max()),
      bringer_(executor, std::chrono::steady_clock::time_point::max()) {}

std::size_t PieceBuffer::put(std::span<const std::byte> bytes) {
  MDFS_ASSERT(!ended_);
  const auto taken = bytes.first(std::min(bytes.size(), bytes_max_ - size()));
  if (bytes_.size() + taken.size() > bytes_max_) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  bytes_.insert(bytes_.end(), taken.begin(), taken.end());
  if (holds(wanted_)) taker_.cancel();
  return taken.size();
}

void PieceBuffer::end() {
  ended_ = true;
  taker_.cancel();
}

Result<std::size_t> PieceBuffer::read(std::span<std::byte> buffer) {
  MDFS_ASSERT(holds(buffer.size()));
  const auto count = std::min(buffer.size(), size());
  if (count > 0) std::memcpy(buffer.data(), bytes_.data() + begin_, count);
  begin_ += count;
  if (size() == 0) {
    bytes_.clear();
    begin_ = 0;
  }
  bringer_.cancel();
  return count;
}

asio::awaitable<void> PieceBuffer::wait_for(std::size_t bytes) {
  MDFS_ASSERT(bytes <= bytes_max_);
  wanted_ = bytes;
  if (!holds(bytes)) co_await net::wait(taker_);
}

asio::awaitable<void> PieceBuffer::wait_for_room() {
  if (size() == bytes_max_) co_await net::wait(bringer_);
}

void PieceBuffer::end_waits() {
  taker_.cancel();
  bringer_.cancel();
}

}  // namespace minidfs::client
