#include "transfer/answer_reader.hpp"

#include <algorithm>
#include <utility>

namespace minidfs::transfer {

using storage::kSliceBytes;

// The bytes of one call of the sink, as long as they lie side by side.
class AnswerReader::Run {
 public:
  explicit Run(const ByteSink& sink) : sink_(sink) {}

  Status add(std::span<const std::byte> bytes) {
    if (bytes.data() == bytes_.data() + bytes_.size()) {
      bytes_ = {bytes_.data(), bytes_.size() + bytes.size()};
      return {};
    }
    MDFS_CHECK(flush());
    bytes_ = bytes;
    return {};
  }
  Status flush() {
    const auto bytes = std::exchange(bytes_, {});
    return bytes.empty() ? Status() : sink_(bytes);
  }

 private:
  const ByteSink& sink_;
  std::span<const std::byte> bytes_;
};

Status AnswerReader::request(std::span<const ReadRequest> requests, std::string& out) {
  for (const auto& request : requests) {
    if (request.length <= UINT64_MAX - request.offset) continue;
    return Error{Errc::kInvalidArgument, "read of " + std::to_string(request.length) +
                                             " bytes at " + std::to_string(request.offset)};
  }
  for (const auto& request : requests) {
    append_frame(out, FrameType::kReadBlock,
                 ReadBlock{request.block, request.generation, request.offset, request.length});
    requests_.push_back(request);
  }
  return {};
}

AnswerReader::Step AnswerReader::step(std::span<const std::byte> received, const ByteSink& sink) {
  MDFS_ASSERT(in_step_ && !requests_.empty());
  Step step;
  auto status = take(received, sink, step);
  if (!status.ok()) {
    in_step_ = false;
    step.ended = std::move(status);
  }
  if (step.ended) {
    answer_.reset();
    requests_.pop_front();
  }
  return step;
}

// An error means that the connection is out of step.
Status AnswerReader::take(std::span<const std::byte> received, const ByteSink& sink, Step& step) {
  while (!step.ended) {
    if (packet_taken_ < packet_.count) {
      step.alive = true;
      MDFS_CHECK(take_slices(received, sink, step));
      if (packet_taken_ < packet_.count) return {};
    }
    if (answer_ && answer_->slices_left == 0) {
      step.ended = std::move(answer_->outcome);
      return {};
    }
    auto parsed = parse_frame(received.subspan(step.consumed));
    if (!parsed.ok()) return Error{Errc::kProtocol, peer_ + ": " + parsed.error().message};
    if (!parsed->has_value()) return {};
    step.alive = true;
    MDFS_CHECK(take_frame(**parsed, step));
  }
  return {};
}

// A frame that is there but for its data.
Status AnswerReader::take_frame(const Frame& frame, Step& step) {
  if (frame.type == FrameType::kFailure) return failure_of(frame, peer_);
  if (answer_) {
    if (frame.type != FrameType::kReadSlices) return unexpected_frame(frame, peer_);
    MDFS_TRY(packet_, parse_slices(frame));
    packet_taken_ = 0;
    if (packet_.count > answer_->slices_left) {
      packet_.count = 0;
      return Error{Errc::kProtocol, peer_ + ": more slices than announced"};
    }
    step.consumed += frame.head_bytes();
    return {};
  }
  if (frame.type == FrameType::kReadFails) {
    MDFS_TRY(const auto status, parse_wire_status(frame.control));
    Error error = status.to_error();
    error.message = peer_ + ": " + error.message;
    step.ended = Status(std::move(error));
  } else {
    MDFS_CHECK(begin(frame));
  }
  step.consumed += frame.total_bytes();
  return {};
}

Status AnswerReader::begin(const Frame& frame) {
  if (frame.type != FrameType::kReadBegins) return unexpected_frame(frame, peer_);
  MDFS_TRY(const auto begins, parse_read_begins(frame.control));
  const ReadRequest& request = requests_.front();
  const std::uint64_t end = request.offset + request.length;
  const std::uint64_t first = request.offset / kSliceBytes;
  const std::uint64_t slices = request.length == 0 ? 0 : (end - 1) / kSliceBytes - first + 1;
  const bool other_length =
      request.block_length != 0 && begins.block_length != request.block_length;
  if (begins.block != request.block || begins.first_slice != first || begins.slices != slices ||
      begins.block_length < end || other_length) {
    return Error{Errc::kProtocol, peer_ + ": answer of " + std::to_string(begins.slices) +
                                      " slices of block " + to_string(begins.block) +
                                      " to a request for " + std::to_string(slices) + " of block " +
                                      to_string(request.block) +
                                      (other_length ? ", which has another length" : "")};
  }
  answer_ = Answer{first, slices, begins.block_length, {}};
  return {};
}

// Takes those slices of the packet that have arrived.
Status AnswerReader::take_slices(std::span<const std::byte> received, const ByteSink& sink,
                                 Step& step) {
  Run run(sink);
  while (packet_taken_ < packet_.count) {
    const storage::Slice& slice = packet_.slices[packet_taken_];
    if (received.size() - step.consumed < slice.stored_bytes) break;
    MDFS_CHECK(take_slice(slice, received.subspan(step.consumed, slice.stored_bytes), run, step));
    step.consumed += slice.stored_bytes;
    ++packet_taken_;
  }
  return run.flush();
}

Status AnswerReader::take_slice(const storage::Slice& slice, std::span<const std::byte> stored,
                                Run& run, Step& step) {
  Answer& answer = *answer_;
  const std::uint64_t index = answer.next_slice++;
  --answer.slices_left;
  if (!answer.outcome.ok()) return {};
  const ReadRequest& request = requests_.front();
  const auto raw = verify(slice, index, stored);
  if (!raw.ok()) {
    answer.outcome = Error{raw.error().code, peer_ + ": " + raw.error().message};
    append_frame(step.send, FrameType::kCorruptSlice,
                 CorruptSlice{request.block, request.generation, index});
    return run.flush();
  }
  const std::uint64_t start = index * kSliceBytes;
  const std::uint64_t from = std::max(start, request.offset) - start;
  const std::uint64_t end =
      std::min(start + slice.raw_bytes, request.offset + request.length) - start;
  MDFS_CHECK(run.add(raw->subspan(from, end - from)));
  // A decompressed slice lies in the decoder's buffer, which the next one overwrites.
  return slice.compressed() ? run.flush() : Status();
}

Result<std::span<const std::byte>> AnswerReader::verify(const storage::Slice& slice,
                                                        std::uint64_t index,
                                                        std::span<const std::byte> stored) {
  const ReadRequest& request = requests_.front();
  const auto left = answer_->block_length - index * kSliceBytes;
  if (slice.raw_bytes != std::min<std::uint64_t>(kSliceBytes, left)) {
    return Error{Errc::kCorrupt, "slice " + std::to_string(index) + " of block " +
                                     to_string(request.block) + " has the wrong length"};
  }
  return decoder_.decode({request.block, request.generation, index}, slice, stored);
}

}  // namespace minidfs::transfer
