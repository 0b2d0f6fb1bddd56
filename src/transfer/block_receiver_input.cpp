// The half of BlockReceiver that makes events of the bytes received.
#include <algorithm>

#include "transfer/block_receiver.hpp"

namespace minidfs::transfer {
namespace {

// How much of a large frame is waited for before its slices are taken: large writes are cheap.
constexpr std::size_t kBatchBytes = 512 * 1024;

}  // namespace

// Frames, and slices of the frame whose end has not arrived.
void BlockReceiver::take_whole() {
  while (receiver_.takes()) {
    if (frame_) {
      if (frame_->array.slices.at(frame_->next).stored_bytes > untaken().size()) {
        need_ = need_of_frame();
        return;
      }
      take_slices();
      continue;
    }
    const auto parsed = parse_frame(untaken());
    if (!parsed.ok()) return step(BadFrame{parsed.error()});
    if (!*parsed) {
      // No frame has a data part but those whose head is enough.
      const std::size_t head = std::min(wanted_bytes(untaken()), kControlFrameMax);
      need_ = {head, head};
      return;
    }
    auto event = event_of(**parsed);
    if (!event.ok()) return step(BadFrame{event.error()});
    if (event->has_value()) step(**std::move(event));
    if (receiver_.takes()) taken_ += frame_ ? (*parsed)->head_bytes() : (*parsed)->total_bytes();
  }
}

Result<std::optional<ReceiverEvent>> BlockReceiver::event_of(const Frame& frame) {
  using Event = std::optional<ReceiverEvent>;
  switch (frame.type) {
    case FrameType::kBeginBlock: {
      MDFS_TRY(const auto begin, parse_begin_block(frame.control));
      return Event(begin);
    }
    case FrameType::kWriteSlices: {
      MDFS_TRY(const SliceArray array, parse_slices(frame));
      frame_ = OpenFrame{array, 0, frame.data_bytes};
      return Event(SlicesBegun{array.slices[array.count - 1].raw_bytes < storage::kSliceBytes});
    }
    case FrameType::kEndBlock: {
      MDFS_TRY(const auto end, parse_end_block(frame.control));
      return Event(end);
    }
    case FrameType::kKeepAlive: {
      // It has arrived: that is all.
      MDFS_TRY([[maybe_unused]] const auto alive, parse_keep_alive(frame.control));
      return Event();
    }
    default:
      return Error{Errc::kProtocol,
                   "unexpected " + std::string(to_string(frame.type)) + " frame in a pipeline"};
  }
}

// The slices of the open frame that have arrived whole, of which there is one at least.
void BlockReceiver::take_slices() {
  const auto slices = frame_->array.span().subspan(frame_->next);
  const std::size_t there = untaken().size();
  SlicesArrived event;
  while (event.count < slices.size() &&
         event.stored_bytes + slices[event.count].stored_bytes <= there) {
    event.raw_bytes += slices[event.count].raw_bytes;
    event.stored_bytes += slices[event.count++].stored_bytes;
  }
  arrived_ = {slices.first(event.count), untaken().first(event.stored_bytes)};
  event.verified = verify(arrived_);
  step(event);
  taken_ += event.stored_bytes;
  frame_->next += event.count;
  frame_->bytes -= event.stored_bytes;
  if (frame_->next == frame_->array.count) frame_.reset();
}

Status BlockReceiver::verify(const Arrived& arrived) const {
  const auto& open = receiver_.open_block();
  if (!open->stored_here) return {};
  const BlockId block = open->begin.block;
  std::uint64_t number = open->slices;
  std::size_t offset = 0;
  for (const auto& slice : arrived.slices) {
    const auto bytes = arrived.stored.subspan(offset, slice.stored_bytes);
    if (slice_checksum({block, open->begin.generation, number}, bytes) != slice.checksum) {
      return Error{Errc::kCorrupt, "slice " + std::to_string(number) + " of block " +
                                       to_string(block) + " arrived with a wrong checksum"};
    }
    offset += slice.stored_bytes;
    ++number;
  }
  return {};
}

// What must be there to go on with the open frame.
Connection::Need BlockReceiver::need_of_frame() const {
  return {frame_->array.slices.at(frame_->next).stored_bytes, std::min(frame_->bytes, kBatchBytes)};
}

}  // namespace minidfs::transfer
