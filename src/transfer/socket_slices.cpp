#include "transfer/socket_slices.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace minidfs::transfer {
namespace {

constexpr std::size_t kBufferBytes = SocketSlices::memory_for(kFrameDataMax);

std::span<std::byte> buffer_of_thread() {
  thread_local std::unique_ptr<std::byte[]> buffer;
  if (!buffer) buffer.reset(new std::byte[kBufferBytes]);
  return {buffer.get(), kBufferBytes};
}

}  // namespace

SocketSlices::SocketSlices(std::shared_ptr<UniqueFd> socket, Input input, std::optional<Next> next)
    : socket_(std::move(socket)), next_(std::move(next)), input_(std::move(input)) {}

storage::SliceSource::Slices SocketSlices::next() {
  const std::lock_guard lock(mutex_);
  const auto buffer = next_ ? next_->room : buffer_of_thread();
  if (over_ || (!input_.frame && !open_frame(buffer))) return {};
  if (!receive(buffer.subspan(head_bytes_))) return {};
  given_ = *std::exchange(input_.frame, std::nullopt);
  const auto slices = given_.array.span().subspan(given_.next);
  const auto stored = buffer.subspan(std::exchange(head_bytes_, 0), given_.bytes);
  if (next_) pass_on({buffer.data(), stored.data() + stored.size()});
  SlicesArrived arrived{
      slices.size(), 0, stored.size(),
      verify_slices(input_.block, input_.generation, input_.next_slice, slices, stored)};
  for (const auto& slice : slices) arrived.raw_bytes += slice.raw_bytes;
  input_.next_slice += slices.size();
  const bool good = arrived.verified.ok();
  over_ = !good || given_.last_is_short() || !taken_.unsent.empty();
  taken_.events.emplace_back(std::move(arrived));
  if (!good) return {};
  return {slices, stored};
}

// The head of the next frame, if all of it is there, into the beginning of `buffer`.
bool SocketSlices::open_frame(std::span<std::byte> buffer) {
  auto parsed = parse_frame(input_.spill);
  if (parsed.ok() && !*parsed && receive_head()) parsed = parse_frame(input_.spill);
  if (!parsed.ok() || !*parsed || (*parsed)->type != FrameType::kWriteSlices) return false;
  const auto array = parse_slices(**parsed);
  if (!array.ok()) return false;
  input_.frame = OpenFrame{*array, 0, (*parsed)->data_bytes};
  head_bytes_ = (*parsed)->head_bytes();
  const auto head_end = input_.spill.begin() + static_cast<std::ptrdiff_t>(head_bytes_);
  std::copy(input_.spill.begin(), head_end, buffer.begin());
  input_.spill.erase(input_.spill.begin(), head_end);
  if (next_) taken_.unsent = buffer.first(head_bytes_);
  taken_.events.emplace_back(SlicesBegun{input_.frame->last_is_short()});
  return true;
}

// What there is of the next frame's head, which mostly was received along with the last frame.
bool SocketSlices::receive_head() {
  auto& spill = input_.spill;
  const std::size_t there = spill.size();
  if (there >= kSlicesHeadMax) return false;
  spill.resize(kSlicesHeadMax);
  const ssize_t count =
      ::recv(socket_->get(), spill.data() + there, spill.size() - there, MSG_DONTWAIT);
  const auto received = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  spill.resize(there + received);
  taken_.received_bytes += received;
  return received > 0;
}

// The rest of the open frame into the beginning of `room`, if all of it is there and fits.
bool SocketSlices::receive(std::span<std::byte> room) {
  auto& spill = input_.spill;
  const std::size_t wanted = input_.frame->bytes;
  if (std::max(wanted, spill.size()) > room.size()) return false;
  int standing = 0;
  if (::ioctl(socket_->get(), FIONREAD, &standing) != 0) return false;
  if (spill.size() + static_cast<std::size_t>(std::max(standing, 0)) < wanted) return false;
  std::size_t there = spill.size();
  std::copy(spill.begin(), spill.end(), room.begin());
  if (there < wanted) {
    // And the head of the next frame, which mostly stands behind it.
    const std::size_t most = std::min(wanted + kSlicesHeadMax, room.size()) - there;
    const ssize_t count = ::recv(socket_->get(), room.data() + there, most, MSG_DONTWAIT);
    if (count <= 0) return false;
    taken_.received_bytes += static_cast<std::size_t>(count);
    there += static_cast<std::size_t>(count);
  }
  const bool whole = there >= wanted;
  const std::size_t left = whole ? wanted : 0;
  spill.assign(room.begin() + static_cast<std::ptrdiff_t>(left),
               room.begin() + static_cast<std::ptrdiff_t>(there));
  return whole;
}

// What the next node does not take, for whatever reason, is left to the connection, which finds out
// why.
void SocketSlices::pass_on(std::span<const std::byte> bytes) {
  ssize_t count = 0;
  do {
    count = ::send(next_->socket->get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count <= 0) continue;
    taken_.sent_bytes += static_cast<std::size_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  } while (!bytes.empty() && (count > 0 || errno == EINTR));
  taken_.unsent = bytes;
}

SocketSlices::Taken SocketSlices::stop() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  taken_.frame = std::move(input_.frame);
  taken_.spill = std::move(input_.spill);
  return std::move(taken_);
}

}  // namespace minidfs::transfer
