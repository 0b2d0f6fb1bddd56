// The reading half of Connection: answers ReadBlock and CorruptSlice frames.
#include <algorithm>

#include "transfer/replica_frames.hpp"
#include "transfer/server_connection.hpp"

namespace minidfs::transfer {
namespace {

using storage::kSliceBytes;

// Answers up to this size are copied next to their frames, so that many of them are one system
// call; larger ones go by sendfile.
constexpr std::uint64_t kCopyBytes = 64 * 1024;
constexpr std::size_t kGatherBytes = 128 * 1024;
// Reads whose replicas are opened together.
constexpr std::size_t kReadsTogetherMax = 16;
// Of data that one job of the disk's thread sends at most, so that others have their turn.
constexpr std::size_t kSendJobBytes = 4 << 20;
// A notice of a bad slice costs the disk a read. An honest reader gives up an answer with the
// first.
constexpr std::uint32_t kChecksPerSecond = 16;

bool keeps_connection(Errc code) {
  return code == Errc::kNotFound || code == Errc::kStale || code == Errc::kCorrupt ||
         code == Errc::kTimedOut || code == Errc::kUnavailable;
}

// Whether the replica itself is to blame, not its disk or the peer.
bool is_bad(Errc code) { return code == Errc::kCorrupt || code == Errc::kIoError; }

}  // namespace

// Whatever the peer has asked for at once, up to a bound.
Result<std::vector<ReadBlock>> Connection::take_reads() {
  std::vector<ReadBlock> reads;
  std::uint64_t bytes = 0;
  while (reads.size() < kReadsTogetherMax && bytes < kGatherBytes) {
    MDFS_TRY(const auto frame, parse_frame(received()));
    if (!frame || frame->type != FrameType::kReadBlock) break;
    MDFS_TRY(auto request, parse_read_block(frame->control));
    consume(frame->total_bytes());
    bytes += request.length;
    reads.push_back(request);
  }
  return reads;
}

std::shared_ptr<DiskAnswers<Connection::Opened>> Connection::open_replicas(
    std::span<const ReadBlock> reads) {
  if (reads.empty()) return nullptr;
  const auto answers = std::make_shared<DiskAnswers<Opened>>(loop_, reads.size());
  std::vector<storage::BlockStore::ReplicaKey> keys;
  keys.reserve(reads.size());
  for (const auto& read : reads) keys.push_back({read.block, read.generation});
  loop_.context().store.open_replicas(keys, [answers](std::size_t place, Opened opened) {
    answers->give(place, std::move(opened));
  });
  return answers;
}

asio::awaitable<Status> Connection::serve_reads() {
  std::vector<ReadBlock> reads;
  std::shared_ptr<DiskAnswers<Opened>> replicas;
  do {
    // The disk is at the next ones while these are answered.
    auto next = take_reads();
    if (!next.ok()) co_return std::move(next).error();
    auto opening = open_replicas(*next);
    for (std::size_t i = 0; i < reads.size(); ++i) {
      Opened opened = co_await replicas->take(i);
      Status served = co_await serve_read(reads[i], std::move(opened));
      if (!served.ok() || closed()) co_return served;
    }
    reads = std::move(*next);
    replicas = std::move(opening);
  } while (!reads.empty());
  co_return Status();
}

asio::awaitable<Status> Connection::serve_read(const ReadBlock& request, Opened opened) {
  const CountActive active(loop_.context().active_reads);
  if (opened.ok() && request.length > 0 &&
      (*opened)->slices().size() <= (request.offset + request.length - 1) / kSliceBytes &&
      request.offset + request.length <= (*opened)->info().length) {
    opened = Error{Errc::kCorrupt, "the replica of block " + to_string(request.block) + " has " +
                                       std::to_string((*opened)->slices().size()) + " slices for " +
                                       std::to_string((*opened)->info().length) + " bytes"};
  }
  if (!opened.ok()) co_return answer_failed(request, opened.error());
  const auto replica = *std::move(opened);
  const std::uint64_t length = replica->info().length;
  if (request.offset + request.length > length) {
    co_return Error{Errc::kInvalidArgument, "read up to byte " +
                                                std::to_string(request.offset + request.length) +
                                                " of block " + to_string(request.block) +
                                                ", which has " + std::to_string(length)};
  }
  ReadBegins begins{request.block, request.offset / kSliceBytes, 0, length};
  if (request.length > 0) {
    begins.slices = (request.offset + request.length - 1) / kSliceBytes - begins.first_slice + 1;
  }
  append_frame(out_, FrameType::kReadBegins, begins);
  const bool sent = co_await send_replica(replica, begins.first_slice, begins.slices);
  if (!sent) close();
  co_return Status();
}

// The replica cannot be read. An error ends the connection.
Status Connection::answer_failed(const ReadBlock& request, const Error& error) {
  if (is_bad(error.code)) {
    loop_.context().events.replica_corrupt(request.block, request.generation, error.message);
  }
  if (!keeps_connection(error.code)) return error;
  append_frame(out_, FrameType::kReadFails, wire_status(error));
  return {};
}

asio::awaitable<bool> Connection::send_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                               std::size_t first, std::size_t slices) {
  const std::uint64_t start = replica->stored_offset(first);
  if (replica->stored_offset(first + slices) - start <= kCopyBytes) {
    while (slices > 0) {
      const std::size_t count = std::min(slices, kFrameSlicesMax);
      const Status status = co_await append_replica(replica, first, count);
      if (!status.ok()) {
        tell_bad(*replica, status.error());
        co_return false;
      }
      first += count;
      slices -= count;
    }
    if (out_bytes() < kGatherBytes) co_return true;
    const bool drained = co_await drain();
    co_return drained;
  }
  const bool ahead = co_await drain(true);
  if (!ahead) co_return false;
  const Status status =
      co_await send_frames(replica, std::make_shared<ReplicaFrames>(replica, first, slices));
  if (!status.ok()) tell_bad(*replica, status.error());
  co_return status.ok();
}

void Connection::tell_bad(const storage::ReplicaReader& replica, const Error& error) {
  if (closed() || !is_bad(error.code)) return;
  loop_.context().events.replica_corrupt(replica.info().block, replica.info().generation,
                                         error.message);
}

// Stored bytes of a replica, read on a thread of its disk.
asio::awaitable<Result<std::vector<std::byte>>> Connection::read_replica(
    std::shared_ptr<storage::ReplicaReader> replica, std::uint64_t offset, std::size_t bytes) {
  using Read = Result<std::vector<std::byte>>;
  const auto answer = std::make_shared<DiskAnswers<Read>>(loop_);
  const auto buffer = std::make_shared<std::vector<std::byte>>(bytes);
  const auto status = std::make_shared<Status>();
  replica->submit({[replica, buffer, status, offset] {
                     *status = read_at(replica->fd(), *buffer, offset,
                                       "replica of block " + to_string(replica->info().block));
                   },
                   [answer, buffer, status] {
                     answer->give(0,
                                  status->ok() ? Read(std::move(*buffer)) : Read(status->error()));
                   },
                   [answer](const Error& error) { answer->give(0, error); }});
  Read read = co_await answer->take(0);
  co_return read;
}

// Appends one frame with its data to out_.
asio::awaitable<Status> Connection::append_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                                   std::size_t first, std::size_t slices) {
  const std::uint64_t offset = replica->stored_offset(first);
  const std::size_t bytes = replica->stored_offset(first + slices) - offset;
  Result<std::vector<std::byte>> read = std::vector<std::byte>();
  auto content = replica->content();
  if (!content.empty()) {
    content = content.subspan(offset - replica->stored_offset(0), bytes);
  } else {
    read = co_await read_replica(replica, offset, bytes);
    if (!read.ok()) co_return read.error();
    content = *read;
  }
  append_slices_head(out_, FrameType::kReadSlices, replica->slices().subspan(first, slices));
  out_.append(reinterpret_cast<const char*>(content.data()), content.size());
  loop_.context().bytes_sent.fetch_add(bytes, std::memory_order_relaxed);
  co_return Status();
}

// Threads of the disk send through a descriptor of their own: the socket's may be closed meanwhile.
// kCancelled when the connection has ended.
asio::awaitable<Status> Connection::send_frames(std::shared_ptr<storage::ReplicaReader> replica,
                                                std::shared_ptr<ReplicaFrames> frames) {
  using Turn = ReplicaFrames::Turn;
  const auto socket = handle();
  if (!socket.ok()) co_return socket.error();
  for (;;) {
    if (closed()) co_return Error{Errc::kCancelled, "closed"};
    const auto answer = std::make_shared<DiskAnswers<Result<Turn>>>(loop_);
    const auto sent = std::make_shared<Turn>();
    replica->submit(
        {[frames, sent, handle = *socket] { *sent = frames->send(handle->get(), kSendJobBytes); },
         [answer, sent] { answer->give(0, std::move(*sent)); },
         [answer](const Error& error) { answer->give(0, error); }});
    const auto turn = co_await answer->take(0);
    if (!turn.ok()) co_return turn.error();
    loop_.context().bytes_sent.fetch_add(turn->data_bytes, std::memory_order_relaxed);
    if (!turn->status.ok() || turn->all) co_return turn->status;
    if (!turn->full) continue;
    const bool writable = co_await wait_writable();
    if (!writable) co_return Error{Errc::kCancelled, "closed"};
  }
}

// A reader says that a slice is bad. Its own memory or network may be what is bad, so only what the
// disk gives here counts.
asio::awaitable<void> Connection::check_slice(CorruptSlice notice) {
  const auto now = Clock::now();
  if (now - checks_since_ >= std::chrono::seconds(1)) {
    checks_since_ = now;
    checks_ = 0;
  }
  if (++checks_ > kChecksPerSecond) co_return;
  const ReadBlock read{notice.block, notice.generation, 0, 0};
  const auto replicas = open_replicas({&read, 1});
  const auto replica = co_await replicas->take(0);
  if (!replica.ok() || notice.slice >= (*replica)->slices().size()) co_return;
  const storage::Slice slice = (*replica)->slices()[notice.slice];
  const auto bytes =
      co_await read_replica(*replica, (*replica)->stored_offset(notice.slice), slice.stored_bytes);
  if (!bytes.ok()) {
    tell_bad(**replica, bytes.error());
  } else if (slice_checksum({notice.block, notice.generation, notice.slice}, *bytes) !=
             slice.checksum) {
    loop_.context().events.replica_corrupt(notice.block, notice.generation,
                                           "slice " + std::to_string(notice.slice) + " of block " +
                                               to_string(notice.block) +
                                               " has a wrong checksum on disk");
  }
}

}  // namespace minidfs::transfer
