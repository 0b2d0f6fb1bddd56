#include "transfer/replica_frames.hpp"

#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace minidfs::transfer {
namespace {

constexpr std::size_t kCallBytes = 1 << 20;

// sendfile() has no flag that keeps it from raising SIGPIPE when the peer has gone. On a thread
// that blocks the signal the call fails with EPIPE instead.
void ignore_broken_pipes() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::string name_of(const storage::ReplicaReader& replica) {
  return "the file of the replica of block " + to_string(replica.info().block);
}

}  // namespace

ReplicaFrames::Turn ReplicaFrames::send(int socket, std::size_t bytes_max) {
  ignore_broken_pipes();  // The disk's thread.
  Turn turn;
  while (turn.data_bytes < bytes_max) {
    if (data_bytes_ == 0) {
      if (next_ == end_) break;
      begin_frame();
    }
    turn.status = head_.empty() ? send_data(socket, bytes_max - turn.data_bytes, turn)
                                : send_head(socket, turn);
    if (!turn.status.ok() || turn.full) return turn;
  }
  turn.all = data_bytes_ == 0 && next_ == end_;
  return turn;
}

void ReplicaFrames::begin_frame() {
  const std::size_t count = std::min(end_ - next_, kFrameSlicesMax);
  offset_ = replica_->stored_offset(next_);
  data_bytes_ = replica_->stored_offset(next_ + count) - offset_;
  append_slices_head(head_, FrameType::kReadSlices, replica_->slices().subspan(next_, count));
  next_ += count;
}

Status ReplicaFrames::send_head(int socket, Turn& turn) {
  const ssize_t count = ::send(socket, head_.data(), head_.size(), MSG_NOSIGNAL | MSG_MORE);
  if (count >= 0) {
    head_.erase(0, static_cast<std::size_t>(count));
  } else if (errno == EAGAIN) {
    turn.full = true;
  } else if (errno != EINTR) {
    return errno_error(errno, "a reader");
  }
  return {};
}

Status ReplicaFrames::send_data(int socket, std::size_t bytes_max, Turn& turn) {
  auto at = static_cast<off_t>(offset_);
  const std::size_t size = std::min({data_bytes_, bytes_max, kCallBytes});
  const ssize_t count = ::sendfile(socket, replica_->fd(), &at, size);
  if (count == 0) return Error{Errc::kCorrupt, name_of(*replica_) + " is too short"};
  if (count > 0) {
    const auto sent = static_cast<std::size_t>(count);
    offset_ += sent;
    data_bytes_ -= sent;
    turn.data_bytes += sent;
    turn.full = sent < size;
    replica_->progress();
  } else if (errno == EAGAIN) {
    turn.full = true;
  } else if (errno != EINTR) {
    return errno_error(errno, name_of(*replica_));
  }
  return {};
}

}  // namespace minidfs::transfer
