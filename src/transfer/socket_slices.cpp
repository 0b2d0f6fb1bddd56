#include "transfer/socket_slices.hpp"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace minidfs::transfer {
namespace {

// A frame, and the head of the next one, which mostly stands behind it.
constexpr std::size_t kBufferBytes = kFrameDataMax + kSlicesHeadMax;

std::span<std::byte> buffer_of_thread() {
  thread_local std::unique_ptr<std::byte[]> buffer;
  if (!buffer) buffer.reset(new std::byte[kBufferBytes]);
  return {buffer.get(), kBufferBytes};
}

}  // namespace

SocketSlices::SocketSlices(std::shared_ptr<UniqueFd> socket, Input input)
    : socket_(std::move(socket)), input_(std::move(input)) {}

storage::SliceSource::Slices SocketSlices::next() {
  const std::lock_guard lock(mutex_);
  if (over_ || (!input_.frame && !open_frame())) return {};
  const auto buffer = buffer_of_thread();
  if (!receive(buffer)) return {};
  given_ = *std::exchange(input_.frame, std::nullopt);
  const auto slices = given_.array.span().subspan(given_.next);
  const auto stored = buffer.first(given_.bytes);
  SlicesArrived arrived{
      slices.size(), 0, stored.size(),
      verify_slices(input_.block, input_.generation, input_.next_slice, slices, stored)};
  for (const auto& slice : slices) arrived.raw_bytes += slice.raw_bytes;
  input_.next_slice += slices.size();
  const bool good = arrived.verified.ok();
  over_ = !good || given_.last_is_short();
  taken_.events.emplace_back(std::move(arrived));
  if (!good) return {};
  return {slices, stored};
}

// The head of the next frame, when all of it was received along with the last one.
bool SocketSlices::open_frame() {
  const auto parsed = parse_frame(input_.spill);
  if (!parsed.ok() || !*parsed || (*parsed)->type != FrameType::kWriteSlices) return false;
  const auto array = parse_slices(**parsed);
  if (!array.ok()) return false;
  const auto head = static_cast<std::ptrdiff_t>((*parsed)->head_bytes());
  input_.frame = OpenFrame{*array, 0, (*parsed)->data_bytes};
  input_.spill.erase(input_.spill.begin(), input_.spill.begin() + head);
  taken_.events.emplace_back(SlicesBegun{input_.frame->last_is_short()});
  return true;
}

// The rest of the open frame into the beginning of `buffer`, if all of it is there.
bool SocketSlices::receive(std::span<std::byte> buffer) {
  auto& spill = input_.spill;
  const std::size_t wanted = input_.frame->bytes;
  int standing = 0;
  if (::ioctl(socket_->get(), FIONREAD, &standing) != 0) return false;
  if (spill.size() + static_cast<std::size_t>(std::max(standing, 0)) < wanted) return false;
  std::size_t there = spill.size();
  std::copy(spill.begin(), spill.end(), buffer.begin());
  if (there < wanted) {
    const std::size_t most = wanted + kSlicesHeadMax - there;
    const ssize_t count = ::recv(socket_->get(), buffer.data() + there, most, MSG_DONTWAIT);
    if (count <= 0) return false;
    taken_.received_bytes += static_cast<std::size_t>(count);
    there += static_cast<std::size_t>(count);
  }
  const bool whole = there >= wanted;
  const std::size_t left = whole ? wanted : 0;
  spill.assign(buffer.begin() + static_cast<std::ptrdiff_t>(left),
               buffer.begin() + static_cast<std::ptrdiff_t>(there));
  return whole;
}

SocketSlices::Taken SocketSlices::stop() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  taken_.frame = std::move(input_.frame);
  taken_.spill = std::move(input_.spill);
  return std::move(taken_);
}

}  // namespace minidfs::transfer
