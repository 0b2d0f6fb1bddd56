// The half of BlockReceiver that makes events of the bytes received.
#include <algorithm>

#include "transfer/block_receiver.hpp"
#include "transfer/disk_answers.hpp"
#include "transfer/socket_slices.hpp"

namespace minidfs::transfer {
namespace {

// How much of a large frame is waited for before its slices are taken: large writes are cheap.
constexpr std::size_t kBatchBytes = 512 * 1024;

static_assert(SocketSlices::memory_for(kFrameDataMax) <= ReceiveMemory::kPieceBytesMax);

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
    if (receiver_.pauses()) {
      need_ = {};
      return;
    }
    const auto parsed = parse_frame(untaken());
    if (!parsed.ok()) return step(BadFrame{parsed.error()});
    if (!*parsed) {
      // No frame has a data part but those whose head is enough.
      need_ = need_of_head(std::min(wanted_bytes(untaken()), kControlFrameMax));
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
      lends_ = false;
      return Event(begin);
    }
    case FrameType::kWriteSlices: {
      MDFS_TRY(const SliceArray array, parse_slices(frame));
      frame_ = OpenFrame{array, 0, frame.data_bytes};
      return Event(SlicesBegun{frame_->last_is_short()});
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
  return verify_slices(open->begin.block, open->begin.generation, open->slices, arrived.slices,
                       arrived.stored);
}

// What must be there to go on with the open frame.
Connection::Need BlockReceiver::need_of_frame() const {
  return {frame_->array.slices.at(frame_->next).stored_bytes, std::min(frame_->bytes, kBatchBytes)};
}

// Where the disk takes for itself what it can, the data behind the head is left to it.
Connection::Need BlockReceiver::need_of_head(std::size_t bytes) const {
  if (!lends_) return {bytes, bytes};
  return {bytes, bytes, kSlicesHeadMax};
}

// In a large frame, of which the disk wants the bytes.
bool BlockReceiver::may_lend_input() const {
  const auto& open = receiver_.open_block();
  return frame_ && need_.ideal > Connection::kSmallBytes && open && open->stored_here;
}

// For what the next node may not take at once. The last node needs none.
asio::awaitable<Status> BlockReceiver::take_memory_to_forward() {
  if (!may_lend_input() || !forwards() || !connection_->stands(frame_->bytes)) co_return Status();
  const std::size_t hops = pipeline_.targets.size();
  auto taken = co_await connection_->take_memory(hops, SocketSlices::memory_for(frame_->bytes));
  co_return taken;
}

// Has the disk take for itself, and pass on, what stands in the kernel. False, and nothing is done,
// when it cannot or the frame is not all there.
asio::awaitable<bool> BlockReceiver::lend_input(std::uint64_t input) {
  if (!may_lend_input() || !connection_->stands(frame_->bytes)) co_return false;
  std::optional<SocketSlices::Next> next;
  if (forwards()) {
    const auto next_socket = downstream_->handle();
    const auto memory = connection_->memory();
    if (!next_socket.ok() || !memory) co_return false;
    next.emplace(SocketSlices::Next{*next_socket, memory, memory->bytes()});
  }
  const auto socket = connection_->handle();
  if (!socket.ok()) co_return false;
  const auto& open = *receiver_.open_block();
  const auto source = std::make_shared<SocketSlices>(
      *socket,
      SocketSlices::Input{open.begin.block, open.begin.generation, open.slices, frame_,
                          connection_->lend_spill()},
      std::move(next));
  const auto answer = std::make_shared<DiskAnswers<bool>>(loop_);
  const auto& writer = replicas_.rbegin()->second.writer;
  const bool lent = writer->append_from(source, [answer] { answer->give(0, true); });
  if (lent) co_await answer->take(0);
  auto taken = source->stop();
  frame_ = std::move(taken.frame);
  connection_->take_back(std::move(taken.spill), taken.received_bytes, taken.unsent);
  if (!lent) co_return false;
  lends_ = true;
  need_ = frame_ ? need_of_frame() : need_of_head(kFrameHeaderBytes);
  taken_ = forwarded_ = 0;
  arrived_ = {};
  if (downstream_) downstream_->took(taken.sent_bytes);
  step(InputArrived{input});
  for (auto& event : taken.events) {
    std::visit([this](auto& each) { step(std::move(each)); }, event);
  }
  taken_ = taken.unsent.size();
  step(InputTaken{input, taken_});
  co_return true;
}

}  // namespace minidfs::transfer
