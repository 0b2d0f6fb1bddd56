// The reading half of Connection: answers ReadBlock and CorruptSlice frames.
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "transfer/server_connection.hpp"

namespace minidfs::transfer {
namespace {

using storage::kSliceBytes;

// Answers up to this size are copied next to their frames, so that many of them are one system
// call; larger ones go by sendfile.
constexpr std::uint64_t kCopyBytes = 64 * 1024;
constexpr std::size_t kGatherBytes = 128 * 1024;

bool keeps_connection(Errc code) {
  return code == Errc::kNotFound || code == Errc::kStale || code == Errc::kCorrupt;
}

}  // namespace

asio::awaitable<Status> Connection::serve_read(const ReadBlock& request) {
  ServerContext& context = loop_.context();
  const CountActive active(context.active_reads);
  auto opened = context.store.open_replica(request.block, request.generation);
  if (opened.ok() && request.length > 0 &&
      (*opened)->slices().size() <= (request.offset + request.length - 1) / kSliceBytes &&
      request.offset + request.length <= (*opened)->info().length) {
    opened = Error{Errc::kCorrupt, "the replica of block " + to_string(request.block) + " has " +
                                       std::to_string((*opened)->slices().size()) + " slices for " +
                                       std::to_string((*opened)->info().length) + " bytes"};
  }
  if (!opened.ok()) {
    const Error& error = opened.error();
    if (!keeps_connection(error.code)) co_return error;
    if (error.code == Errc::kCorrupt) {
      context.events.replica_corrupt(request.block, request.generation, error.message);
    }
    append_frame(out_, FrameType::kReadFails, outcome_of(error));
    co_return Status();
  }
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

asio::awaitable<bool> Connection::send_replica(std::shared_ptr<storage::ReplicaReader> replica,
                                               std::size_t first, std::size_t slices) {
  const std::uint64_t start = replica->stored_offset(first);
  if (replica->stored_offset(first + slices) - start <= kCopyBytes) {
    while (slices > 0) {
      const std::size_t count = std::min(slices, kFrameSlicesMax);
      Status status = append_replica(*replica, first, count);
      if (!status.ok()) {
        loop_.context().events.replica_corrupt(replica->info().block, replica->info().generation,
                                               status.error().message);
        co_return false;
      }
      first += count;
      slices -= count;
    }
    if (out_bytes() < kGatherBytes) co_return true;
    const bool drained = co_await drain();
    co_return drained;
  }
  while (slices > 0) {
    const std::size_t count = std::min(slices, kFrameSlicesMax);
    const std::uint64_t offset = replica->stored_offset(first);
    const std::size_t bytes = replica->stored_offset(first + count) - offset;
    append_slices_head(out_, FrameType::kReadSlices, replica->slices().subspan(first, count));
    const bool head = co_await drain(true);
    if (!head) co_return false;
    const bool body = co_await send_file(replica->fd(), offset, bytes);
    if (!body) {
      if (!closed() && errno == 0) {
        loop_.context().events.replica_corrupt(replica->info().block, replica->info().generation,
                                               "the file of the replica is too short");
      } else if (!closed() && errno == EIO) {
        loop_.context().events.replica_corrupt(replica->info().block, replica->info().generation,
                                               "the file of the replica cannot be read");
      }
      co_return false;
    }
    first += count;
    slices -= count;
    co_await share_thread(bytes);
  }
  co_return true;
}

// Appends one frame with its data to out_.
Status Connection::append_replica(storage::ReplicaReader& replica, std::size_t first,
                                  std::size_t slices) {
  const std::uint64_t offset = replica.stored_offset(first);
  const std::size_t bytes = replica.stored_offset(first + slices) - offset;
  append_slices_head(out_, FrameType::kReadSlices, replica.slices().subspan(first, slices));
  const std::size_t at = out_.size();
  out_.resize(at + bytes);
  loop_.context().bytes_sent.fetch_add(bytes, std::memory_order_relaxed);
  return read_at(replica.fd(), std::as_writable_bytes(std::span(out_).subspan(at)), offset,
                 "replica of block " + to_string(replica.info().block));
}

// False with errno 0 when the file ends too early.
asio::awaitable<bool> Connection::send_file(int fd, std::uint64_t offset, std::size_t bytes) {
  auto at = static_cast<off_t>(offset);
  while (bytes > 0) {
    if (closed()) co_return false;
    const ssize_t count = ::sendfile(socket_.native_handle(), fd, &at, bytes);
    if (count > 0) {
      bytes -= static_cast<std::size_t>(count);
      loop_.context().bytes_sent.fetch_add(static_cast<std::uint64_t>(count),
                                           std::memory_order_relaxed);
    } else if (count == 0) {
      errno = 0;
      co_return false;
    } else if (errno == EAGAIN) {
      const bool writable = co_await wait_writable();
      if (!writable) {
        errno = ECANCELED;
        co_return false;
      }
    } else if (errno != EINTR) {
      co_return false;
    }
  }
  co_return true;
}

// A reader says that a slice is bad. Its own memory or network may be what is bad, so only what the
// disk gives here counts.
void Connection::check_slice(const CorruptSlice& notice) {
  ServerContext& context = loop_.context();
  auto replica = context.store.open_replica(notice.block, notice.generation);
  if (!replica.ok() || notice.slice >= (*replica)->slices().size()) return;
  const storage::Slice& slice = (*replica)->slices()[notice.slice];
  std::vector<std::byte> bytes(slice.stored_bytes);
  Status status =
      read_at((*replica)->fd(), bytes, (*replica)->stored_offset(notice.slice),
              "slice " + std::to_string(notice.slice) + " of block " + to_string(notice.block));
  if (status.ok() && slice_checksum(notice.block, notice.slice, bytes) != slice.checksum) {
    status = Error{Errc::kCorrupt, "slice " + std::to_string(notice.slice) + " of block " +
                                       to_string(notice.block) + " has a wrong checksum on disk"};
  }
  if (!status.ok()) {
    context.events.replica_corrupt(notice.block, notice.generation, status.error().message);
  }
}

}  // namespace minidfs::transfer
