// The part of RaftLog that libraft calls, on the log's thread where nothing else is said: committed
// entries go to the state machine, and snapshots name what of them it has made durable.
#include <memory>

#include "consensus/entry.hpp"
#include "consensus/raft_log.hpp"

namespace minidfs::consensus {
namespace {

RaftLog* self(raft_fsm* fsm) { return static_cast<RaftLog*>(fsm->data); }

std::string_view view(const raft_buffer& buffer) {
  return {static_cast<const char*>(buffer.base), buffer.len};
}

}  // namespace

int RaftLog::on_apply(raft_fsm* fsm, const raft_buffer* buffer, void** result) {
  RaftLog* log = self(fsm);
  *result = nullptr;
  if (log->failure_) return RAFT_IOERR;
  if (auto status = log->applier_.apply(view(*buffer)); !status.ok()) {
    log->fail(status.error());
    return RAFT_IOERR;
  }
  log->member_.command_applied(buffer->len);
  return 0;
}

// Called between two entries, with everything up to the snapshot's index applied.
int RaftLog::on_snapshot(raft_fsm* fsm, raft_buffer* buffers[], unsigned* count) {
  RaftLog* log = self(fsm);
  if (log->failure_) return RAFT_IOERR;
  // make_durable() holds what is committed, so the batch ends here.
  if (auto status = log->applier_.commit(); !status.ok()) {
    log->fail(status.error());
    return RAFT_IOERR;
  }
  auto* buffer = static_cast<raft_buffer*>(raft_malloc(sizeof(raft_buffer)));
  MDFS_ASSERT(buffer != nullptr);
  buffer->len = kSnapshotBytes;
  buffer->base = raft_malloc(kSnapshotBytes);
  MDFS_ASSERT(buffer->base != nullptr);
  log->member_.snapshot_begins();
  log->snapshot_number_ = log->applier_.number();
  write_snapshot(log->snapshot_number_, buffer->base);
  log->snapshot_running_ = true;
  log->snapshot_error_.reset();
  *buffers = buffer;
  *count = 1;
  return 0;
}

// In the thread pool: the snapshot is stored only after this has succeeded.
int RaftLog::on_snapshot_async(raft_fsm* fsm, raft_buffer*[], unsigned*) {
  RaftLog* log = self(fsm);
  auto status = log->applier_.make_durable(log->snapshot_number_);
  if (status.ok()) return 0;
  log->snapshot_error_ = status.error();
  return RAFT_IOERR;
}

int RaftLog::on_snapshot_finalize(raft_fsm* fsm, raft_buffer* buffers[], unsigned* count) {
  RaftLog* log = self(fsm);
  for (unsigned i = 0; *buffers != nullptr && i < *count; ++i) raft_free((*buffers)[i].base);
  raft_free(*buffers);
  *buffers = nullptr;
  *count = 0;
  log->snapshot_running_ = false;
  // A sync that failed once must not be repeated as if nothing had happened.
  if (log->snapshot_error_) log->fail(*log->snapshot_error_);
  return 0;
}

int RaftLog::on_restore(raft_fsm* fsm, raft_buffer* buffer) {
  RaftLog* log = self(fsm);
  if (auto status = log->applier_.restore(view(*buffer)); !status.ok()) {
    log->fail(status.error());
    return RAFT_CORRUPT;
  }
  raft_free(buffer->base);  // Ours after a successful restore.
  return 0;
}

// libraft calls this when the first entry of a request is applied, or once with an error; it says
// nothing about the other entries. Answers therefore come from the entries themselves.
void RaftLog::on_request_done(struct raft_apply* done, int status, void*) {
  const std::unique_ptr<Request> request(static_cast<Request*>(done->data));
  RaftLog* log = request->log;
  --log->requests_in_flight_;
  switch (status) {
    case 0:
    case RAFT_SHUTDOWN:
    case RAFT_CANCELED:
    case RAFT_NOTLEADER:
    case RAFT_LEADERSHIPLOST:
      return;
    default:
      log->fail(raft_error(status, log->options_.directory + ": writing the log",
                           raft_errmsg(log->member_.get())));
  }
}

}  // namespace minidfs::consensus
