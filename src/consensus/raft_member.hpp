// Owns the C objects of one Raft member (event loop, disk I/O, transport, raft) and their order of
// birth and death. All functions belong to the thread that runs the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "consensus/libraft.hpp"
#include "consensus/log.hpp"

namespace minidfs::consensus {

// Maps a code of libraft; `what` names the object and the attempted operation.
Error raft_error(int code, const std::string& what, const char* detail);

class RaftMember {
 public:
  explicit RaftMember(const LogOptions& options);
  RaftMember(const RaftMember&) = delete;
  RaftMember& operator=(const RaftMember&) = delete;

  // Opens the directory and, when `bootstrap` is set, writes the first configuration into it.
  // `fsm` must stay valid until close() has returned.
  Status open(raft_fsm* fsm, bool bootstrap);
  // Loads the log. A single member is leader afterwards.
  Status start();
  // Stops everything and runs the loop until no callback is left. Never called from a callback of
  // libraft. Handles that the caller put on the loop must have been closed (uv_close) before.
  void close();

  // A command of so many bytes was applied. Enough of them bring the next snapshot forward.
  void command_applied(std::size_t bytes);
  // To be called when libraft takes a snapshot: how much of the log stays follows from what was
  // applied since the last one.
  void snapshot_begins();

  uv_loop_t* loop() { return &loop_; }
  raft* get() { return &raft_; }
  bool solo() const { return options_.members.size() <= 1; }

 private:
  Status init_transport();
  void close_files_once();
  static RaftMember* self(raft_io* io) {
    return static_cast<RaftMember*>(static_cast<raft*>(io->data)->data);
  }
  Status bootstrap();
  void set_timing();

  const LogOptions& options_;
  std::string address_;
  uv_loop_t loop_{};
  raft_uv_transport transport_{};
  raft_io io_{};
  raft raft_{};
  std::uint64_t commands_applied_ = 0;  // Since the last snapshot.
  std::uint64_t bytes_applied_ = 0;
  bool loop_ready_ = false;
  bool tcp_ready_ = false;
  bool io_ready_ = false;
  bool raft_ready_ = false;
  bool closed_ = false;
  void (*close_files_)(raft_io*, raft_io_close_cb) = nullptr;  // libraft's own.
  raft_io_close_cb files_closed_ = nullptr;                    // Until it was told.
};

}  // namespace minidfs::consensus
