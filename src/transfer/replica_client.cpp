#include "transfer/replica_client.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "storage/blocks/slice_codec.hpp"
#include "transfer/client_connection.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {
namespace {

using storage::kSliceBytes;

// Large enough that a system call and a call of the sink cost little, small enough that the bytes
// are still in the processor's cache when they are checked and handed on.
constexpr std::size_t kBufferBytes = 512 * 1024;

// What is left of the answer to one request.
struct Answer {
  ReadRequest request;
  std::uint64_t next_slice = 0;
  std::uint64_t slices_left = 0;
  std::uint64_t block_length = 0;
  Status outcome;  // The first bad slice. The rest of the answer is then only skipped.
};

// The bytes of one call of the sink, as long as they lie side by side.
class Run {
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

class ReplicaClientImpl final : public ReplicaClient {
 public:
  explicit ReplicaClientImpl(std::unique_ptr<ClientConnection> connection)
      : connection_(std::move(connection)) {}

  Status request(std::span<const ReadRequest> requests) override;
  Status receive(const ByteSink& sink, const StallWatch& watch) override;
  bool usable() const override { return usable_; }

 protected:
  int fd() const override { return connection_->fd(); }

 private:
  Result<Frame> next_frame();
  Status begin_answer(Answer& answer, const Frame& frame);
  Status receive_packet(Answer& answer, const ByteSink& sink);
  Status take_slice(Answer& answer, const storage::Slice& slice, std::span<const std::byte> stored,
                    Run& run);
  Status report(const Answer& answer);
  Status receive_answer(Answer& answer, const ByteSink& sink, bool& in_order);
  Status send(std::string& bytes);
  Status fill();

  std::unique_ptr<ClientConnection> connection_;
  storage::SliceDecoder decoder_;
  std::deque<ReadRequest> requests_;
  const StallWatch* watch_ = nullptr;  // Of the present receive(), until it was told.
  bool usable_ = true;
};

Status ReplicaClientImpl::fill() {
  if (watch_ == nullptr || watch_->after.count() == 0) return connection_->fill();
  MDFS_TRY(const bool grown, connection_->fill_within(watch_->after));
  if (grown) return {};
  MDFS_CHECK(std::exchange(watch_, nullptr)->stalled());
  return connection_->fill();
}

Status ReplicaClientImpl::send(std::string& bytes) {
  iovec part{bytes.data(), bytes.size()};
  return connection_->send(std::span(&part, 1), [] { return Status(); });
}

Status ReplicaClientImpl::request(std::span<const ReadRequest> requests) {
  if (!usable_) {
    return Error{Errc::kUnavailable, connection_->name() + ": connection was given up"};
  }
  std::string out;
  for (const auto& [block, generation, offset, length, block_length] : requests) {
    if (length > UINT64_MAX - offset) {
      return Error{Errc::kInvalidArgument,
                   "read of " + std::to_string(length) + " bytes at " + std::to_string(offset)};
    }
    append_frame(out, FrameType::kReadBlock, ReadBlock{block, generation, offset, length});
  }
  auto status = send(out);
  usable_ = status.ok();
  if (usable_) requests_.insert(requests_.end(), requests.begin(), requests.end());
  return status;
}

Status ReplicaClientImpl::receive(const ByteSink& sink, const StallWatch& watch) {
  if (!usable_) {
    return Error{Errc::kUnavailable, connection_->name() + ": connection was given up"};
  }
  if (requests_.empty()) return Error{Errc::kInvalidArgument, "no request awaits its answer"};
  Answer answer{.request = requests_.front(), .outcome = {}};
  requests_.pop_front();
  connection_->note_progress();
  bool in_order = false;
  watch_ = &watch;
  auto status = receive_answer(answer, sink, in_order);
  watch_ = nullptr;
  usable_ = in_order;
  return status;
}

// `in_order` becomes true when the connection stands at the beginning of the next answer.
Status ReplicaClientImpl::receive_answer(Answer& answer, const ByteSink& sink, bool& in_order) {
  MDFS_TRY(const Frame frame, next_frame());
  const std::size_t size = frame.total_bytes();
  if (frame.type == FrameType::kReadFails) {
    MDFS_TRY(const auto outcome, parse_outcome(frame.control));
    in_order = true;
    connection_->consume(size);
    Error error = outcome.to_error();
    error.message = connection_->name() + ": " + error.message;
    return error;
  }
  MDFS_CHECK(begin_answer(answer, frame));
  connection_->consume(size);
  while (answer.slices_left > 0) MDFS_CHECK(receive_packet(answer, sink));
  in_order = true;
  return answer.outcome;
}

// The next frame, of which at least all but the data has arrived.
Result<Frame> ReplicaClientImpl::next_frame() {
  for (;;) {
    auto parsed = parse_frame(connection_->received());
    if (!parsed.ok()) {
      return Error{Errc::kProtocol, connection_->name() + ": " + parsed.error().message};
    }
    if (parsed->has_value()) {
      connection_->note_progress();
      if ((*parsed)->type == FrameType::kFailure) return failure_of(**parsed, connection_->name());
      return **parsed;
    }
    MDFS_CHECK(fill());
  }
}

Status ReplicaClientImpl::begin_answer(Answer& answer, const Frame& frame) {
  if (frame.type != FrameType::kReadBegins) return unexpected_frame(frame, connection_->name());
  MDFS_TRY(const auto begins, parse_read_begins(frame.control));
  const ReadRequest& request = answer.request;
  const std::uint64_t end = request.offset + request.length;
  const std::uint64_t first = request.offset / kSliceBytes;
  const std::uint64_t slices = request.length == 0 ? 0 : (end - 1) / kSliceBytes - first + 1;
  const bool other_length =
      request.block_length != 0 && begins.block_length != request.block_length;
  if (begins.block != request.block || begins.first_slice != first || begins.slices != slices ||
      begins.block_length < end || other_length) {
    return Error{Errc::kProtocol,
                 connection_->name() + ": answer of " + std::to_string(begins.slices) +
                     " slices of block " + to_string(begins.block) + " to a request for " +
                     std::to_string(slices) + " of block " + to_string(request.block) +
                     (other_length ? ", which has another length" : "")};
  }
  answer.next_slice = first;
  answer.slices_left = slices;
  answer.block_length = begins.block_length;
  return {};
}

// Takes one frame of slices, as its bytes arrive.
Status ReplicaClientImpl::receive_packet(Answer& answer, const ByteSink& sink) {
  MDFS_TRY(const Frame frame, next_frame());
  if (frame.type != FrameType::kReadSlices) return unexpected_frame(frame, connection_->name());
  MDFS_TRY(const SliceArray array, parse_slices(frame));
  if (array.count > answer.slices_left) {
    return Error{Errc::kProtocol, connection_->name() + ": more slices than announced"};
  }
  connection_->consume(frame.head_bytes());
  std::size_t taken = 0;
  while (taken < array.count) {
    auto bytes = connection_->received();
    std::size_t used = 0;
    Run run(sink);
    while (taken < array.count && bytes.size() - used >= array.slices[taken].stored_bytes) {
      const storage::Slice& slice = array.slices[taken];
      MDFS_CHECK(take_slice(answer, slice, bytes.subspan(used, slice.stored_bytes), run));
      used += slice.stored_bytes;
      ++taken;
    }
    MDFS_CHECK(run.flush());
    connection_->consume(used);
    if (taken < array.count) {
      connection_->note_progress();
      MDFS_CHECK(fill());
    }
  }
  return {};
}

Status ReplicaClientImpl::take_slice(Answer& answer, const storage::Slice& slice,
                                     std::span<const std::byte> stored, Run& run) {
  const std::uint64_t index = answer.next_slice++;
  --answer.slices_left;
  if (!answer.outcome.ok()) return {};
  const std::uint64_t start = index * kSliceBytes;
  const bool right_size =
      slice.raw_bytes == std::min<std::uint64_t>(kSliceBytes, answer.block_length - start);
  auto raw =
      right_size
          ? decoder_.decode({answer.request.block, answer.request.generation, index}, slice, stored)
          : Error{Errc::kCorrupt, "slice " + std::to_string(index) + " of block " +
                                      to_string(answer.request.block) + " has the wrong length"};
  if (!raw.ok()) {
    answer.outcome = Error{raw.error().code, connection_->name() + ": " + raw.error().message};
    MDFS_CHECK(run.flush());
    --answer.next_slice;
    auto sent = report(answer);
    ++answer.next_slice;
    return sent;
  }
  const std::uint64_t from = std::max(start, answer.request.offset) - start;
  const std::uint64_t end =
      std::min(start + slice.raw_bytes, answer.request.offset + answer.request.length) - start;
  MDFS_CHECK(run.add(raw->subspan(from, end - from)));
  // A decompressed slice lies in the decoder's buffer, which the next one overwrites.
  return slice.compressed() ? run.flush() : Status();
}

// Tells the server that the slice at next_slice is bad, so that it checks its replica.
Status ReplicaClientImpl::report(const Answer& answer) {
  std::string out;
  append_frame(out, FrameType::kCorruptSlice,
               CorruptSlice{answer.request.block, answer.request.generation, answer.next_slice});
  return send(out);
}

}  // namespace

const ReplicaClient* ReplicaClient::wait_for_either(const ReplicaClient& one,
                                                    const ReplicaClient& other,
                                                    std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<pollfd, 2> entries{pollfd{one.fd(), POLLIN, 0}, pollfd{other.fd(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    const auto wait_ms = std::max<std::int64_t>(0, left.count());
    const int count = ::poll(entries.data(), entries.size(), static_cast<int>(wait_ms));
    if (count > 0) return entries[0].revents != 0 ? &one : &other;
    if (count == 0 || errno != EINTR) return nullptr;
  }
}

Result<std::unique_ptr<ReplicaClient>> ReplicaClient::open(const metadata::Endpoint& datanode,
                                                           const ConnectionOptions& options) {
  MDFS_TRY(auto connection, ClientConnection::open(datanode, options, kBufferBytes, ""));
  return std::unique_ptr<ReplicaClient>(new ReplicaClientImpl(std::move(connection)));
}

}  // namespace minidfs::transfer
