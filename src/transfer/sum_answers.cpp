#include "transfer/sum_answers.hpp"

#include <utility>

namespace minidfs::transfer {

void SumAnswers::request(const SumBlock& request, std::string& out) {
  append_frame(out, FrameType::kSumBlock, request);
  requests_.push_back(request);
}

SumAnswers::Step SumAnswers::step(std::span<const std::byte> received) {
  MDFS_ASSERT(in_step_ && !requests_.empty());
  Step step;
  while (!step.answer) {
    const auto parsed = parse_frame(received.subspan(step.consumed));
    if (!parsed.ok()) {
      step.answer = lost({Errc::kProtocol, peer_ + ": " + parsed.error().message});
      break;
    }
    if (!parsed->has_value() || !(*parsed)->complete()) break;
    const Frame& frame = **parsed;
    step.alive = true;
    if (frame.type != FrameType::kKeepAlive) step.answer = take(frame);
    step.consumed += frame.total_bytes();
  }
  if (step.answer) requests_.pop_front();
  return step;
}

Result<BlockSum> SumAnswers::take(const Frame& frame) {
  if (frame.type == FrameType::kReadFails) {
    const auto status = parse_wire_status(frame.control);
    if (!status.ok()) return lost(status.error());
    auto error = status->to_error();
    error.message = peer_ + ": " + error.message;
    return error;
  }
  if (frame.type == FrameType::kFailure) return lost(failure_of(frame, peer_));
  if (frame.type != FrameType::kBlockSummed) return lost(unexpected_frame(frame, peer_));
  const auto summed = parse_block_summed(frame.control);
  if (!summed.ok()) return lost(summed.error());
  const auto wanted = requests_.front().block;
  if (summed->block == wanted) return summed->sum;
  return lost({Errc::kProtocol, peer_ + ": the sums of block " + to_string(summed->block) +
                                    " to a request for those of block " + to_string(wanted)});
}

Error SumAnswers::lost(Error error) {
  in_step_ = false;
  return error;
}

}  // namespace minidfs::transfer
