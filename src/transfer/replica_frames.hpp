// Slices of a replica on their way to a reader, as frames: each head from memory, its data from the
// file by sendfile. A thread of the replica's disk sends as many of them as the socket takes, so
// that a frame costs no hand-over between the disk and the loop of the connection.
//
// For one thread at a time: the connection's, and in send() one of the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "storage/blocks/block_store.hpp"
#include "transfer/wire.hpp"

namespace minidfs::transfer {

class ReplicaFrames {
 public:
  // REQUIRES: the replica has these slices.
  ReplicaFrames(std::shared_ptr<storage::ReplicaReader> replica, std::size_t first,
                std::size_t count)
      : replica_(std::move(replica)), next_(first), end_(first + count) {}

  struct Turn {
    Status status;  // kCorrupt: the file is too short. All frames may have been sent before.
    std::size_t data_bytes = 0;  // Sent, also when there is an error.
    bool all = false;            // Nothing is left.
    bool full = false;           // The socket is; another call would only find that out again.
  };
  // Sends until the socket, which does not block, is full, or so many bytes of data were sent.
  Turn send(int socket, std::size_t bytes_max);

 private:
  void begin_frame();
  Status send_head(int socket, Turn& turn);
  Status send_data(int socket, std::size_t bytes_max, Turn& turn);

  const std::shared_ptr<storage::ReplicaReader> replica_;
  std::size_t next_;  // The first slice of the next frame.
  const std::size_t end_;
  // What is left of the present frame.
  std::string head_;
  std::uint64_t offset_ = 0;  // Of the data, in the file.
  std::size_t data_bytes_ = 0;
};

}  // namespace minidfs::transfer
